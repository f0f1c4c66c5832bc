"""Synthetic sound and video, for commands without an input."""

import jax
import numpy as np

from inr import _checks
from inr.commands._shared import photograph

_RATE = 11025  # samples per second of the synthetic notes


def plucked_notes(*, rate: int = _RATE) -> tuple[np.ndarray, int]:
    """Six plucked notes that overlap, and a chirp: three seconds.

    Args:
      rate: samples per second.

    Returns:
      Samples `[n, 1]` of peak 0.9, and the rate.
    """
    t = np.arange(3 * rate) / rate
    chirp = np.sin(2 * np.pi * (300 * t + 300 * t**2)) * np.sin(np.pi * t / 3) ** 2
    sound = 0.15 * chirp
    for i, semitones in enumerate((0, 4, 7, 12, 7, 4)):
        elapsed = np.maximum(t - 0.45 * i, 0)
        pitch = 220 * 2 ** (semitones / 12)
        for harmonic in range(1, 9):
            # Higher harmonics of a string are weaker, and decay faster.
            envelope = np.exp(-(2 + harmonic) * elapsed) * np.minimum(
                elapsed / 0.004, 1
            )
            sound += (
                envelope * np.sin(2 * np.pi * harmonic * pitch * elapsed) / harmonic
            )
    sound *= 0.9 / np.abs(sound).max()
    return sound[:, None].astype(np.float32), rate


def panning_clip(num_frames: int, max_side: int) -> tuple[np.ndarray, float]:
    """A crop that pans over a photograph from scikit-image, zooms in, and returns.

    Args:
      num_frames: number of frames, t.
      max_side: width of a frame; its height is three quarters of the width.

    Returns:
      Frames `[t, h, w, 3]`, uint8, and 24 frames per second.
    """
    image = photograph("astronaut")
    num_frames = _checks.as_count("num_frames", num_frames)
    w = _checks.as_count("max_side", max_side, least=8) // 2 * 2
    size = (w * 3 // 8 * 2, w)
    frames = []
    for phase in 0.5 - 0.5 * np.cos(np.pi * np.arange(num_frames) / 72):
        extent = np.array([0.45, 0.6]) * (1 - 0.3 * phase)
        start = (1 - extent) * [0.1 + 0.1 * phase, 0.1 + 0.6 * phase]
        # Pixel i of the frame is at start + extent * (i + 1/2) / size in the image.
        scale = np.array(size) / (extent * image.shape[:2])
        frame = jax.image.scale_and_translate(
            image,
            (*size, 3),
            (0, 1),
            scale.astype(np.float32),
            (-start * image.shape[:2] * scale).astype(np.float32),
            "linear",
        )
        frames.append(np.rint(255 * np.clip(frame, 0, 1)).astype(np.uint8))
    return np.stack(frames), 24.0
