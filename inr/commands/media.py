"""The commands that fit fields to sound and to video."""

import argparse
import os
import pathlib
from collections.abc import Sequence

import jax
import numpy as np

from inr import _checks
from inr.commands._batches import Source, for_each, list_sources
from inr.commands._options import (
    add_console,
    add_max_side,
    add_output,
    add_training,
)
from inr.commands._outputs import Files, Outputs, as_outputs
from inr.commands._samples import panning_clip, plucked_notes
from inr.commands._shared import timed_fit
from inr.fields import Siren, suggest_omega
from inr.io import read_audio, read_video, write_audio, write_video
from inr.rendering import render
from inr.signals import compact_grid, fit_audio, fit_video

_SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".opus")
_VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".gif")


def add_audio(parser: argparse.ArgumentParser) -> None:
    """Add the options of `audio`."""
    parser.set_defaults(run=audio)
    parser.add_argument(
        "sounds",
        nargs="*",
        help="sound files, or folders of them (default: synthetic notes)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=3.0,
        help="length of the excerpt, from the beginning (default: %(default)g)",
    )
    add_training(parser, num_steps=3000, width=128)
    add_output(parser, main="the sound (.wav) or the plot (.png)", pictures=False)
    add_console(parser, {"seconds": 1.0, "num_steps": 600, "width": 64})


def add_video(parser: argparse.ArgumentParser) -> None:
    """Add the options of `video`."""
    parser.set_defaults(run=video)
    parser.add_argument(
        "clips",
        nargs="*",
        help="video files, or folders of them (default: a crop that pans over a "
        "photograph)",
    )
    parser.add_argument(
        "--frames",
        dest="num_frames",
        type=int,
        default=48,
        metavar="N",
        help="number of frames, from the beginning (default: %(default)s)",
    )
    add_max_side(parser, 128)
    add_training(parser, num_steps=1500, width=None)
    add_output(parser, main="the video (.mp4) or the sheet (.png)", pictures=False)
    add_console(parser, {"num_frames": 16, "num_steps": 300, "max_side": 80})


def audio(
    sounds: Sequence[str | os.PathLike] | str | os.PathLike | None = None,
    *,
    seconds: float = 3.0,
    num_steps: int = 3000,
    width: int = 128,
    seed: int = 0,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Fit a SIREN to each sound, and write the sound that the field predicts.

    Args:
      sounds: files or folders; None for synthetic notes and a chirp.
      seconds: length of the excerpt, which starts at the beginning.
      num_steps: number of fitting steps.
      width: hidden units of the SIREN.
      seed: seed of the initialization and of the batches.
      output: where to write the sound, and a plot of its waveform and error.

    Returns:
      The files written.
    """
    seconds = _checks.as_positive("seconds", seconds)
    outputs = as_outputs(output)

    def fit_one(source: Source) -> Files:
        samples, rate = (
            plucked_notes() if source.path is None else read_audio(source.path)
        )
        files = outputs.claim(f"{source.name}_audio", ".wav", ".png")
        samples = samples[: max(round(seconds * rate), 1)]
        n, channels = samples.shape
        # Twice the frequency for images: sound is not rendered between its samples.
        omega = 2 * suggest_omega(samples)
        model = Siren(features=channels, width=width, omega=omega)
        print(f"{source.name}: {n} samples at {rate} Hz, {channels} channels, ", end="")
        print(f"SIREN {width}x3, omega {omega:.0f} from the spectrum")
        options = {"model": model, "num_steps": num_steps}
        result = timed_fit(fit_audio, jax.random.key(seed), samples, **options)
        prediction = np.asarray(render(result.field, (n,)))
        _print_scores(samples, prediction)
        files.write(".wav", lambda path: write_audio(path, prediction, rate))
        files.write(
            ".png", lambda path: _write_waveform(path, samples, prediction, rate)
        )
        return files

    sources = list_sources("sounds", sounds, sample="notes", extensions=_SOUNDS)
    return for_each(sources, fit_one, outputs)


def video(
    clips: Sequence[str | os.PathLike] | str | os.PathLike | None = None,
    *,
    num_frames: int = 48,
    num_steps: int = 1500,
    max_side: int = 128,
    seed: int = 0,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Fit a hash grid to each video, with a tenth as many parameters as values.

    Args:
      clips: files or folders; None for a crop that pans over a bundled photograph.
      num_frames: number of frames, counted from the beginning.
      num_steps: number of fitting steps.
      max_side: frames are reduced to a longer side of at most this.
      seed: seed of the initialization and of the batches.
      output: where to write the video that the field predicts, and a sheet of its
        frames.

    Returns:
      The files written.
    """
    outputs = as_outputs(output)

    def fit_one(source: Source) -> Files:
        if source.path is None:
            frames, frame_rate = panning_clip(num_frames, max_side)
        else:
            frames, frame_rate = _read_clip(source.path, num_frames, max_side)
        files = outputs.claim(f"{source.name}_video", ".mp4", ".png")
        t, h, w, _ = frames.shape
        model = compact_grid((t, h, w), frames.size // 10)
        key = jax.random.key(seed)
        coords = jax.ShapeDtypeStruct((1, 3), np.float32)
        params = jax.eval_shape(model.init, key, coords)["params"]
        num_parameters = sum(x.size for x in jax.tree.leaves(params))
        print(f"{source.name}: {t} frames of {h}x{w}, {frames.size} values")
        ratio = frames.size / num_parameters
        print(f"hash grid: {num_parameters} parameters, {ratio:.1f} times fewer")
        options = {"model": model, "num_steps": num_steps}
        result = timed_fit(fit_video, key, frames, **options)
        prediction = np.clip(render(result.field, (t, h, w)), 0, 1)
        target = frames / np.float32(255)
        error = float(np.square(prediction - target).mean())
        print(f"PSNR {-10 * np.log10(max(error, 1e-10)):.2f} dB")
        files.write(".mp4", lambda path: write_video(path, prediction, frame_rate))
        indices = np.linspace(0, t - 1, min(t, 4)).round().astype(int)
        panels = {f"frame {i}": target[i] for i in indices}
        panels |= {f"frame {i}, field": prediction[i] for i in indices}
        files.write_sheet(".png", panels, columns=len(indices))
        return files

    sources = list_sources("clips", clips, sample="pan", extensions=_VIDEOS)
    return for_each(sources, fit_one, outputs)


def _print_scores(samples: np.ndarray, prediction: np.ndarray) -> None:
    peak = max(float(np.abs(samples).max()), 1e-9)
    power = max(float(np.square(samples).mean()), 1e-12)
    error = max(float(np.square(prediction - samples).mean()), 1e-12)
    print(
        f"mean squared error {error / peak**2:.2g} for a peak of 1, "
        f"signal-to-noise ratio {10 * np.log10(power / error):.1f} dB"
    )


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
