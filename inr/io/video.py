"""Moving pictures in files, decoded and encoded by FFmpeg's libraries through PyAV."""

import fractions
import itertools
import os
import pathlib
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np

from inr import _checks
from inr._typing import ArrayLike
from inr.io._files import check_file, check_folder, replacing

# Part of a frame's time from the earliest frame to the latest, against a constant rate,
# that still counts as one. A dropped frame makes nearly 1, a coarse clock a third.
_JITTER = 0.5

_CRF = "12"  # of H.264: errors of a level or two of 255; 23 is FFmpeg's default


def read_video(
    path: str | os.PathLike[str],
    *,
    num_frames: int | None = None,
    size: tuple[int, int] | None = None,
    dtype: Any = np.float32,
    max_bytes: int | None = 2**32,
) -> tuple[np.ndarray, float]:
    """Reads the pictures of a video file, upright, as sRGB-encoded RGB.

    Frames are decoded one at a time: `num_frames`, `size` and `dtype=numpy.uint8` each
    save memory. A file that does not name its color matrix is taken as BT.601.

    Args:
      path: a file of any format that FFmpeg reads, of a constant frame rate.
      num_frames: reads the first so many, or what there is; by default all.
      size: `(h, w)` to bring every frame to; by default the file's own.
      dtype: float32 for values in [0, 1], uint8 for the file's levels, which
        `fit_video` takes as they are.
      max_bytes: the most that the frames may take; None for any.

    Returns:
      Frames `[t, h, w, 3]`, and their rate, frames a second.

    Raises:
      FileNotFoundError: if there is no such file.
      ImportError: if PyAV is not installed.
      ValueError: if it has no pictures, is damaged, is of variable frame rate, or takes
        more than `max_bytes`.
    """
    path = pathlib.Path(path)
    check_file(path, "a video file")
    dtype = np.dtype(dtype)
    _checks.check_choice("dtype", dtype, (np.dtype(np.float32), np.dtype(np.uint8)))
    if num_frames is not None:
        _checks.as_count("num_frames", num_frames)
    if size is not None and len(_checks.as_size("size", size)) != 2:
        raise _checks.fail("size", "(h, w)", repr(size))
    frames, times, rate = _decode(path, num_frames, size, dtype.itemsize, max_bytes)
    fps = _constant_rate(path, times, rate)
    levels = np.stack(frames)
    if dtype == np.uint8:
        return levels, fps
    del frames
    values = levels.astype(np.float32)
    values /= 255
    return values, fps


def write_video(
    path: str | os.PathLike[str],
    frames: ArrayLike | Iterable[ArrayLike],
    fps: int | float,
) -> None:
    """Writes a video as H.264, which every player shows, with color at half size.

    Values are clipped to [0, 1] and rounded. Frames are encoded one at a time, so that
    a memory map or a generator need not fit into memory. The file appears under its
    name only once it is complete.

    Args:
      path: ends in .mp4, .mov or .mkv; its folder must exist.
      frames: `[t, h, w, c]`, or an iterable of t frames `[h, w, c]`; RGB or gray,
        floating in [0, 1], or uint8. h and w are even.
      fps: frames a second.

    Raises:
      FileNotFoundError: if the folder does not exist.
      ImportError: if PyAV is not installed.
      ValueError: for frames of odd size, NaN, integers other than uint8, no frames, or
        another extension.
    """
    path = pathlib.Path(path)
    known = (".mp4", ".mov", ".mkv")
    if path.suffix.lower() not in known:
        expected = f"a name ending in one of {', '.join(known)}"
        raise _checks.fail("path", expected, repr(str(path)))
    check_folder(path)
    fps = _checks.as_positive("fps", fps)
    av = _av()
    levels = (_levels(frame) for frame in frames)
    first = next(levels, None)
    if first is None:
        raise _checks.fail("frames", "at least one", "none")
    h, w, _ = first.shape
    if h % 2 or w % 2:
        fix = "Cut a row or a column off: `frames[:, :h // 2 * 2, :w // 2 * 2]`."
        raise _checks.fail("frames", "of even height and width", f"{h} x {w}", fix)
    with replacing(path) as temporary, av.open(temporary, "w") as container:
        rate = fractions.Fraction(fps).limit_denominator(1001)
        stream = container.add_stream("libx264", rate, options={"crf": _CRF})
        stream.width, stream.height, stream.pix_fmt = w, h, "yuv420p"
        context = stream.codec_context
        color = av.video.reformatter
        context.colorspace = color.Colorspace.ITU709
        context.color_primaries = color.ColorPrimaries.BT709
        context.color_trc = color.ColorTrc.IEC61966_2_1  # the curve of sRGB
        context.color_range = color.ColorRange.MPEG
        for index, values in enumerate(itertools.chain([first], levels)):
            if values.shape != first.shape:
                got = f"{values.shape} after {first.shape}"
                raise _checks.fail(f"frames[{index}]", "as large as the first", got)
            frame = av.VideoFrame.from_ndarray(values, format="rgb24")
            frame = frame.reformat(
                format="yuv420p",
                dst_colorspace=context.colorspace,
                dst_color_range=context.color_range,
                dst_color_primaries=context.color_primaries,
                dst_color_trc=context.color_trc,
                interpolation=_scaling(av),
            )
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _decode(
    path: pathlib.Path,
    num_frames: int | None,
    size: tuple[int, int] | None,
    itemsize: int,
    max_bytes: int | None,
) -> tuple[list[np.ndarray], list[float | None], float]:
    """Frames as uint8, their times in seconds, and the rate the file claims."""
    av = _av()
    frames, times = [], []
    try:
        with av.open(path) as container:
            if not container.streams.video:
                raise _checks.fail("path", "a file with pictures", f"{str(path)!r}")
            stream = container.streams.video[0]
            # Otherwise FFmpeg paints over what is damaged, and says nothing.
            stream.codec_context.options = {"err_detect": "explode"}
            rate = float(stream.average_rate or stream.guessed_rate or 0)
            for frame in container.decode(stream):
                frames.append(_upright(av, frame, size))
                times.append(frame.time)
                total = len(frames) * frames[0].size * itemsize
                if max_bytes is not None and total > max_bytes:
                    raise _too_large(path, frames[0].shape, stream.frames, max_bytes)
                if frames[0].shape != frames[-1].shape:
                    raise ValueError("its frames change size")
                if len(frames) == num_frames:
                    break
    except (av.FFmpegError, ValueError) as error:
        if str(error).startswith("`"):
            raise
        fix = "Fetch or export the file again."
        got = f"{str(path)!r}, which cannot be decoded ({error})"
        raise _checks.fail("path", "an intact video file", got, fix) from error
    if not frames:
        raise _checks.fail("path", "a video with frames", f"{str(path)!r} with none")
    return frames, times, rate


def _upright(av: ModuleType, frame: Any, size: tuple[int, int] | None) -> np.ndarray:
    quarters = round(frame.rotation / 90) % 4  # anticlockwise
    h, w = (frame.height, frame.width) if size is None else size
    if size is not None and quarters % 2:
        h, w = w, h
    picture = frame.reformat(
        width=w, height=h, format="rgb24", interpolation=_scaling(av)
    )
    return np.rot90(picture.to_ndarray(), quarters)


def _constant_rate(path: pathlib.Path, times: list[float | None], rate: float) -> float:
    """Frames a second, if the frames come at a constant rate."""
    if len(times) == 1 or any(time is None for time in times):
        return rate
    each = (times[-1] - times[0]) / (len(times) - 1)
    late = np.asarray(times) - times[0] - each * np.arange(len(times))
    if not each > 0 or np.ptp(late) > _JITTER * each:
        raise _checks.fail(
            "path",
            "a video of constant frame rate",
            f"{str(path)!r} with frames up to {np.ptp(late):.3f} s off",
            "Convert it: `ffmpeg -i in.mp4 -vf fps=30 out.mp4`.",
        )
    # Times are rounded to the file's clock; the rate it claims is exact, if it is that.
    return rate if abs(rate * each - 1) < _JITTER / len(times) else 1 / each


def _levels(frame: ArrayLike) -> np.ndarray:
    """A frame as uint8 `[h, w, 3]`."""
    frame = np.asarray(frame)
    if frame.dtype != np.uint8:
        values = np.asarray(_checks.as_image("frames", frame), np.float64)
        frame = np.rint(255 * values.clip(0, 1)).astype(np.uint8)
    if frame.ndim != 3 or frame.shape[-1] not in (1, 3):
        expected = "[t, h, w, c] with c = 1 or 3"
        raise _checks.fail("frames", expected, f"frames of shape {frame.shape}")
    return np.ascontiguousarray(np.broadcast_to(frame, (*frame.shape[:2], 3)))


def _scaling(av: ModuleType) -> Any:
    """Exact rounding: the default is a level too dark."""
    ways = av.video.reformatter.Interpolation
    full = ways.FULL_CHR_H_INT | ways.FULL_CHR_H_INP
    return ways.BICUBIC | ways.ACCURATE_RND | full


def _too_large(
    path: pathlib.Path, shape: tuple[int, ...], frames: int, max_bytes: int
) -> ValueError:
    return _checks.fail(
        "path",
        f"a video whose frames take at most `max_bytes`, {max_bytes}",
        f"{str(path)!r} with {frames or 'many'} frames of {shape[0]} x {shape[1]}",
        "Give `num_frames`, a smaller `size`, `dtype=numpy.uint8`, or raise it.",
    )


def _av() -> ModuleType:
    try:
        import av
    except ImportError:
        raise ImportError(
            'Video files need PyAV: `pip install "inr[media]"`.'
        ) from None
    return av
