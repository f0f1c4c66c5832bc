"""The commands that hold sound and video as fields."""

import itertools
import os
import pathlib
import time

import jax
import numpy as np

from inr import _checks
from inr.commands._shared import folder_at, load, report
from inr.commands._sheet import write_sheet
from inr.fields import HashGrid, Siren, bind, suggest_omega
from inr.io import read_audio, read_video, write_audio, write_video
from inr.rendering import render
from inr.signals import fit_audio, fit_video

_RATE = 11025  # of the notes that are played without a file


def audio(
    sound: str | os.PathLike | None = None,
    *,
    out: str | os.PathLike = "out",
    seconds: float = 3.0,
    num_steps: int = 3000,
    width: int = 128,
    seed: int = 0,
) -> list[pathlib.Path]:
    """Holds a piece of sound as a SIREN, and plays it back.

    Args:
      sound: file name; by default plucked notes and a chirp, made here.
      out: folder for the sound and the picture of its waveform and error.
      seconds: length of the piece, from the beginning.
      num_steps: steps of the fit.
      width: hidden units of the SIREN.
      seed: of the initialization.

    Returns:
      The files written.
    """
    seconds = _checks.as_positive("seconds", seconds)
    samples, rate = plucked_notes() if sound is None else read_audio(sound)
    samples = samples[: max(round(seconds * rate), 1)]
    n, channels = samples.shape
    # Samples themselves are wanted, not what is between them: a higher omega than for
    # enlarging.
    model = Siren(features=channels, width=width, omega=2 * suggest_omega(samples))
    name = "notes" if sound is None else pathlib.Path(sound).stem
    print(f"{name}: {n} samples at {rate} Hz, {channels} channels, SIREN {width}x3")
    print(f"omega {model.omega:.0f}, read off the spectrum")
    start = time.perf_counter()
    result = fit_audio(jax.random.key(seed), model, samples, num_steps=num_steps)
    took = time.perf_counter() - start
    print(f"fit: {result.step} steps in {took:.0f} s, {result.status}")
    held = np.asarray(render(bind(model, result.params), (n,)))
    error = held - samples
    peak = max(float(np.abs(samples).max()), 1e-9)
    power = max(float(np.square(samples).mean()), 1e-12)
    square = max(float(np.square(error).mean()), 1e-12)
    print(
        f"mean squared error {square / peak**2:.2g} for a peak of 1, "
        f"signal to noise {10 * np.log10(power / square):.1f} dB"
    )
    folder = folder_at(out)
    files = [folder / "audio.wav", folder / "audio.png"]
    write_audio(files[0], held, rate)
    _write_waveform(files[1], samples, held, rate)
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
    """Holds a piece of video as a hash grid with a tenth of its numbers, and plays it.

    Args:
      clip: file name; by default a crop that pans over a photograph.
      out: folder for the video and the strip of frames.
      num_frames: frames of the piece, from the beginning.
      num_steps: steps of the fit.
      max_side: frames are reduced until their longer side is no more than this.
      seed: of the initialization.

    Returns:
      The files written.
    """
    frames, fps = (
        panned(num_frames, max_side)
        if clip is None
        else _read(clip, num_frames, max_side)
    )
    t, h, w, _ = frames.shape
    model = compact_grid((t, h, w), frames.size // 10)
    count = num_parameters(model)
    name = "pan" if clip is None else pathlib.Path(clip).stem
    print(f"{name}: {t} frames of {h}x{w}, {frames.size} numbers")
    print(f"hash grid of {count} parameters: {frames.size / count:.1f} times fewer")
    start = time.perf_counter()
    result = fit_video(jax.random.key(seed), model, frames, num_steps=num_steps)
    took = time.perf_counter() - start
    print(f"fit: {result.step} steps in {took:.0f} s, {result.status}")
    held = np.clip(render(bind(model, result.params), (t, h, w)), 0, 1)
    error = np.square(held - frames / np.float32(255)).mean()
    print(f"PSNR {-10 * np.log10(max(float(error), 1e-10)):.2f} dB")
    folder = folder_at(out)
    files = [folder / "video.mp4", folder / "video.png"]
    write_video(files[0], held, fps)
    chosen = np.linspace(0, t - 1, min(t, 4)).round().astype(int)
    shown = {f"frame {i}": frames[i] / np.float32(255) for i in chosen}
    shown |= {f"frame {i}, held": held[i] for i in chosen}
    write_sheet(files[1], shown, columns=min(t, 4))
    return report(files)


def plucked_notes(*, rate: int = _RATE) -> tuple[np.ndarray, int]:
    """Six plucked notes, of which each rings on, and a chirp: three seconds.

    Args:
      rate: samples a second.

    Returns:
      Samples `[n, 1]` of peak 0.9, and the rate.
    """
    t = np.arange(3 * rate) / rate
    chirp = np.sin(2 * np.pi * (300 * t + 300 * t**2)) * np.sin(np.pi * t / 3) ** 2
    sound = 0.15 * chirp
    for i, semitones in enumerate((0, 4, 7, 12, 7, 4)):
        since = np.maximum(t - 0.45 * i, 0)
        pitch = 220 * 2 ** (semitones / 12)
        for harmonic in range(1, 9):
            # A string's higher harmonics are weaker, and die sooner.
            fall = np.exp(-(2 + harmonic) * since) * np.minimum(since / 0.004, 1)
            sound += fall * np.sin(2 * np.pi * harmonic * pitch * since) / harmonic
    sound *= 0.9 / np.abs(sound).max()
    return sound[:, None].astype(np.float32), rate


def panned(num_frames: int, max_side: int) -> tuple[np.ndarray, float]:
    """A crop that pans over a photograph of scikit-image's, zooms in, and goes back.

    Args:
      num_frames: frames, t.
      max_side: width of a frame; its height is three quarters of that.

    Returns:
      Frames `[t, h, w, 3]` uint8, and 24 frames a second.
    """
    _, photograph = load(None, bundled="astronaut")
    num_frames = _checks.as_count("num_frames", num_frames)
    w = _checks.as_count("max_side", max_side, least=8) // 2 * 2
    size = (w * 3 // 8 * 2, w)
    frames = []
    for part in 0.5 - 0.5 * np.cos(np.pi * np.arange(num_frames) / 72):
        span = np.array([0.45, 0.6]) * (1 - 0.3 * part)
        start = (1 - span) * [0.1 + 0.1 * part, 0.1 + 0.6 * part]
        # Pixel i of the frame is at start + span (i + 1/2) / size of the photograph.
        scale = np.array(size) / (span * photograph.shape[:2])
        frame = jax.image.scale_and_translate(
            photograph,
            (*size, 3),
            (0, 1),
            scale.astype(np.float32),
            (-start * photograph.shape[:2] * scale).astype(np.float32),
            "linear",
        )
        frames.append(np.rint(255 * np.clip(frame, 0, 1)).astype(np.uint8))
    return np.stack(frames), 24.0


def compact_grid(size: tuple[int, int, int], most: int) -> HashGrid:
    """The largest hash grid for a video within a budget.

    Args:
      size: `(t, h, w)`; the finest level has a cell for each pixel of the longest axis.
      most: parameters.

    Returns:
      A `HashGrid` with 3 features.
    """
    best = None
    width = 64 if most > 20_000 else 16
    for levels in range(5, 11):
        growth = max((max(size) / 8) ** (1 / (levels - 1)), 1.0)
        for log2 in range(6, 23):
            model = HashGrid(
                features=3,
                width=width,
                levels=levels,
                base_resolution=8,
                growth=growth,
                log2_table_size=log2,
            )
            if num_parameters(model) > most:
                break
            if best is None or num_parameters(model) > num_parameters(best):
                best = model
    if best is None:
        raise _checks.fail("most", "enough for a small hash grid", most, "Take more.")
    return best


def num_parameters(model: HashGrid) -> int:
    """Parameters of a hash grid over three axes: tables, then a perceptron."""
    rows = [min((n + 1) ** 3, 2**model.log2_table_size) for n in model.resolutions]
    widths = [model.levels * model.features_per_level]
    widths += [model.width] * model.depth + [model.features]
    layers = itertools.pairwise(widths)
    return sum(rows) * model.features_per_level + sum((a + 1) * b for a, b in layers)


def _read(
    path: str | os.PathLike, num_frames: int, max_side: int
) -> tuple[np.ndarray, float]:
    """The first frames of a file, reduced to even sides, as bytes."""
    first, _ = read_video(path, num_frames=1, dtype=np.uint8)
    h, w = first.shape[1:3]
    scale = min(_checks.as_count("max_side", max_side) / max(h, w), 1.0)
    size = tuple(max(int(n * scale) // 2 * 2, 2) for n in (h, w))
    return read_video(path, num_frames=num_frames, size=size, dtype=np.uint8)


def _write_waveform(
    path: pathlib.Path, samples: np.ndarray, held: np.ndarray, rate: int
) -> None:
    """The whole wave and its error, and a fiftieth of a second of both."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    times = (np.arange(len(samples)) + 0.5) / rate
    loudest = int(np.abs(samples[:, 0]).argmax())
    near = slice(max(loudest - rate // 100, 0), loudest + rate // 100 + 1)
    figure, axes = pyplot.subplots(3, 1, figsize=(9, 7), layout="constrained")
    axes[0].plot(times, samples[:, 0], linewidth=0.5)
    axes[0].set_title("sound")
    axes[1].plot(times, (held - samples)[:, 0], linewidth=0.5, color="tab:red")
    axes[1].set_title("error of the field")
    axes[2].plot(times[near], samples[near, 0], label="sound")
    axes[2].plot(times[near], held[near, 0], "--", label="field")
    axes[2].set_title("close-up")
    axes[2].legend()
    axes[2].set_xlabel("seconds")
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
