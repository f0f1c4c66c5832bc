"""The commands that fit fields to sound and to video."""

import os
import pathlib

import jax
import numpy as np

from inr import _checks
from inr.commands._shared import (
    output_folder,
    photograph,
    report,
    timed_fit,
)
from inr.commands._sheet import write_sheet
from inr.fields import Siren, suggest_omega
from inr.io import read_audio, read_video, write_audio, write_video
from inr.rendering import render
from inr.signals import compact_grid, fit_audio, fit_video

_RATE = 11025  # samples per second of the synthetic notes


def audio(
    sound: str | os.PathLike | None = None,
    *,
    out: str | os.PathLike = "out",
    seconds: float = 3.0,
    num_steps: int = 3000,
    width: int = 128,
    seed: int = 0,
) -> list[pathlib.Path]:
    """Fit a SIREN to a sound, and write the sound that the field predicts.

    Args:
      sound: file name; None for synthetic notes and a chirp.
      out: folder for the sound, and a plot of its waveform and error.
      seconds: length of the excerpt, which starts at the beginning.
      num_steps: number of fitting steps.
      width: hidden units of the SIREN.
      seed: seed of the initialization and of the batches.

    Returns:
      The files written.
    """
    seconds = _checks.as_positive("seconds", seconds)
    samples, rate = plucked_notes() if sound is None else read_audio(sound)
    samples = samples[: max(round(seconds * rate), 1)]
    n, channels = samples.shape
    # Twice the frequency for images, because sound is not rendered between its samples.
    model = Siren(features=channels, width=width, omega=2 * suggest_omega(samples))
    name = "notes" if sound is None else pathlib.Path(sound).stem
    print(f"{name}: {n} samples at {rate} Hz, {channels} channels, SIREN {width}x3")
    print(f"omega {model.omega:.0f}, from the spectrum")
    key = jax.random.key(seed)
    result = timed_fit(fit_audio, key, samples, model=model, num_steps=num_steps)
    prediction = np.asarray(render(result.field, (n,)))
    peak = max(float(np.abs(samples).max()), 1e-9)
    power = max(float(np.square(samples).mean()), 1e-12)
    error = max(float(np.square(prediction - samples).mean()), 1e-12)
    print(
        f"mean squared error {error / peak**2:.2g} for a peak of 1, "
        f"signal-to-noise ratio {10 * np.log10(power / error):.1f} dB"
    )
    folder = output_folder(out)
    files = [folder / "audio.wav", folder / "audio.png"]
    write_audio(files[0], prediction, rate)
    _write_waveform(files[1], samples, prediction, rate)
    return report(files)


def video(
    clip: str | os.PathLike | None = None,
    *,
    out: str | os.PathLike = "out",
    num_frames: int = 48,
    num_steps: int = 1500,
    max_side: int = 128,
    seed: int = 0,
) -> list[pathlib.Path]:
    """Fit a hash grid to a video, with a tenth as many parameters as values.

    Args:
      clip: file name; None for a crop that pans over a bundled photograph.
      out: folder for the video that the field predicts, and a sheet of its frames.
      num_frames: number of frames, counted from the beginning.
      num_steps: number of fitting steps.
      max_side: frames are reduced to a longer side of at most this.
      seed: seed of the initialization and of the batches.

    Returns:
      The files written.
    """
    if clip is None:
        frames, frame_rate = panning_clip(num_frames, max_side)
    else:
        frames, frame_rate = _read_clip(clip, num_frames, max_side)
    t, h, w, _ = frames.shape
    model = compact_grid((t, h, w), frames.size // 10)
    key = jax.random.key(seed)
    coords = jax.ShapeDtypeStruct((1, 3), np.float32)
    params = jax.eval_shape(model.init, key, coords)["params"]
    num_parameters = sum(x.size for x in jax.tree.leaves(params))
    name = "pan" if clip is None else pathlib.Path(clip).stem
    print(f"{name}: {t} frames of {h}x{w}, {frames.size} values")
    ratio = frames.size / num_parameters
    print(f"hash grid: {num_parameters} parameters, {ratio:.1f} times fewer")
    result = timed_fit(fit_video, key, frames, model=model, num_steps=num_steps)
    prediction = np.clip(render(result.field, (t, h, w)), 0, 1)
    target = frames / np.float32(255)
    error = float(np.square(prediction - target).mean())
    print(f"PSNR {-10 * np.log10(max(error, 1e-10)):.2f} dB")
    folder = output_folder(out)
    files = [folder / "video.mp4", folder / "video.png"]
    write_video(files[0], prediction, frame_rate)
    indices = np.linspace(0, t - 1, min(t, 4)).round().astype(int)
    panels = {f"frame {i}": target[i] for i in indices}
    panels |= {f"frame {i}, field": prediction[i] for i in indices}
    write_sheet(files[1], panels, columns=len(indices))
    return report(files)


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


def _read_clip(
    path: str | os.PathLike, num_frames: int, max_side: int
) -> tuple[np.ndarray, float]:
    """The first frames of a file as uint8, reduced to even sides, and their rate."""
    first, _ = read_video(path, num_frames=1, dtype=np.uint8)
    h, w = first.shape[1:3]
    scale = min(_checks.as_count("max_side", max_side) / max(h, w), 1.0)
    h, w = (max(int(n * scale) // 2 * 2, 2) for n in (h, w))
    return read_video(path, num_frames=num_frames, size=(h, w), dtype=np.uint8)


def _write_waveform(
    path: pathlib.Path, samples: np.ndarray, prediction: np.ndarray, rate: int
) -> None:
    """Plot the waveform, its error, and a close-up of both over 20 milliseconds."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    times = (np.arange(len(samples)) + 0.5) / rate
    loudest = int(np.abs(samples[:, 0]).argmax())
    close_up = slice(max(loudest - rate // 100, 0), loudest + rate // 100 + 1)
    figure, axes = pyplot.subplots(3, 1, figsize=(9, 7), layout="constrained")
    axes[0].plot(times, samples[:, 0], linewidth=0.5)
    axes[0].set_title("sound")
    error = (prediction - samples)[:, 0]
    axes[1].plot(times, error, linewidth=0.5, color="tab:red")
    axes[1].set_title("error of the field")
    axes[2].plot(times[close_up], samples[close_up, 0], label="sound")
    axes[2].plot(times[close_up], prediction[close_up, 0], "--", label="field")
    axes[2].set_title("close-up")
    axes[2].legend()
    axes[2].set_xlabel("seconds")
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
