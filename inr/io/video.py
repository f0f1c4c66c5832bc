"""Read and write video files by imageio with PyAV, FFmpeg's libraries, behind it."""

import fractions
import itertools
import os
import pathlib
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from inr import _checks, _conversions
from inr._files import as_path, check_bytes, check_file, check_folder, replacing
from inr._typing import Array, ImageLike

# Largest spread of frame times around a constant rate, in frames. A dropped frame
# spreads them by nearly 1, a coarse clock by a third.
_JITTER = 0.5

# Playlists must not make FFmpeg read other files.
_ALONE = {"protocol_whitelist": "none"}

_EXTENSIONS = (".mp4", ".mov", ".mkv")


def read_video(
    path: str | os.PathLike[str],
    *,
    num_frames: int | None = None,
    size: tuple[int, int] | None = None,
    dtype: DTypeLike = np.float32,
    max_bytes: int | None = 2**30,
) -> tuple[np.ndarray, float]:
    """Read the frames of a video file, upright, as sRGB-encoded RGB.

    Frames are decoded one at a time: `num_frames`, `size` and `dtype=numpy.uint8` each
    save memory. A file that does not declare its color matrix is read as BT.601.

    Args:
      path: file of any format that FFmpeg reads, of a constant frame rate.
      num_frames: number of frames to read from the start; None means all.
      size: `(h, w)` to resize every frame to; None means the size in the file.
      dtype: float32 for values in [0, 1], or uint8 for the levels in the file, which
        `fit_video` accepts.
      max_bytes: limit on memory for the frames, and for one frame of the file's size,
        tested before decoding if the file declares their number, and else while
        decoding. None means no limit.

    Returns:
      Frames `[t, h, w, 3]`, and the frame rate in frames per second.

    Raises:
      FileNotFoundError: if the file does not exist.
      ImportError: if PyAV is not installed.
      ValueError: if the file has no video, is damaged, has a variable frame rate, or
        needs more than `max_bytes`.
    """
    path = as_path("path", path)
    check_file(path, "a video file")
    max_bytes = _checks.as_bytes("max_bytes", max_bytes)
    dtype = _checks.as_dtype("dtype", dtype)
    _checks.check_choice("dtype", dtype, (np.dtype(np.float32), np.dtype(np.uint8)))
    if num_frames is not None:
        _checks.as_count("num_frames", num_frames)
    if size is not None:
        h, w = _checks.as_size("size", size, 2)
        size = h, w
    levels, times, rate = _decode(path, num_frames, size, dtype.itemsize, max_bytes)
    fps = _constant_rate(path, times, rate)
    frames = np.empty((len(levels), *levels[0].shape), dtype)
    for index in reversed(range(len(levels))):
        frames[index] = levels.pop()  # free each frame once it is copied
    if dtype != np.uint8:
        frames /= 255
    return frames, fps


def write_video(
    path: str | os.PathLike[str],
    frames: Array | np.ndarray | Iterable[ImageLike],
    fps: int | float,
) -> None:
    """Write a video as H.264, with color at half resolution.

    Values are clipped to [0, 1] and rounded. Frames are encoded one at a time, so that
    a memory map or a generator need not fit into memory. If writing fails or is
    interrupted, an existing file stays unchanged.

    Args:
      path: ends in .mp4, .mov or .mkv; its folder must exist.
      frames: `[t, h, w, c]`, or an iterable of t frames `[h, w, c]`; RGB or gray,
        floating in [0, 1], uint8 or uint16. h and w must be even.
      fps: frames per second.

    Raises:
      FileNotFoundError: if the folder does not exist.
      ImportError: if PyAV is not installed.
      OSError: if the disk is full.
      ValueError: for frames of odd size, NaN, other integers, no frames, or another
        extension.
    """
    path = as_path("path", path)
    if path.suffix.lower() not in _EXTENSIONS:
        expected = f"a name ending in one of {', '.join(_EXTENSIONS)}"
        raise _checks.fail("path", expected, repr(str(path)))
    check_folder(path)
    fps = _checks.as_positive("fps", fps)
    plugin = _plugin()
    if not isinstance(frames, Iterable) or getattr(frames, "ndim", 4) == 0:
        expected = "[t, h, w, c], or an iterable of frames"
        raise _checks.fail("frames", expected, type(frames).__name__)
    levels = (_levels(frame) for frame in frames)
    first = next(levels, None)
    if first is None:
        raise _checks.fail("frames", "at least one frame", "none")
    h, w, _ = first.shape
    if h % 2 or w % 2:
        fix = "Crop a row or a column: `frames[:, :h // 2 * 2, :w // 2 * 2]`."
        raise _checks.fail("frames", "of even height and width", f"{h} x {w}", fix)
    import imageio.v3 as iio

    with replacing(path) as temporary:
        file: Any = iio.imopen(temporary, "w", plugin=plugin.Writer)
        with file:
            file.start((h, w), fractions.Fraction(fps).limit_denominator(1001))
            for index, frame in enumerate(itertools.chain([first], levels)):
                if frame.shape != first.shape:
                    got = f"{frame.shape} after {first.shape}"
                    raise _checks.fail(f"frames[{index}]", "as large as the first", got)
                file.write_frame(frame)


def _decode(
    path: pathlib.Path,
    num_frames: int | None,
    size: tuple[int, int] | None,
    itemsize: int,
    max_bytes: int | None,
) -> tuple[list[np.ndarray], list[float | None], float]:
    """Frames as uint8, their times in seconds, and the rate that the file declares."""
    plugin = _plugin()
    import imageio.v3 as iio

    try:
        open_: Any = iio.imopen  # its stub names few options
        reader = open_(path.absolute(), "r", plugin=plugin.Reader, options=_ALONE)
    except OSError as error:
        if isinstance(error.__cause__, IndexError):
            raise _checks.fail("path", "a file with video", f"{str(path)!r}") from error
        raise _damaged(path, error) from error
    with reader:
        reader.output_size = size
        h, w = reader.frame_size
        check_bytes(path, f"a frame of {h} x {w}", 3 * h * w, max_bytes)
        h, w = size or reader.frame_size

        def check_memory(count: int) -> None:
            fix = "Pass `num_frames`, a smaller `size` or `dtype=numpy.uint8`."
            what = f"{count} frames of {h} x {w}"
            needed = 3 * itemsize * h * w * count
            check_bytes(path, what, needed, max_bytes, fix)

        check_memory(min(reader.num_frames or 1, num_frames or sys.maxsize))
        frames = []
        decoded = iter(reader.iter())
        while num_frames is None or len(frames) < num_frames:
            try:
                frame = next(decoded, None)
            except (plugin.FFmpegError, ValueError) as error:
                raise _damaged(path, error) from error
            if frame is None:
                break
            frames.append(frame)
            check_memory(len(frames))
            if frame.shape != frames[0].shape:
                raise _damaged(path, "its frames change size")
        if not frames:
            got = f"{str(path)!r} with none"
            raise _checks.fail("path", "a video with frames", got)
        return frames, reader.times, reader.rate


def _damaged(path: pathlib.Path, error: object) -> ValueError:
    fix = "Download or export the file again."
    got = f"{str(path)!r}, which cannot be decoded ({error})"
    return _checks.fail("path", "an intact video file", got, fix)


def _constant_rate(path: pathlib.Path, times: list[float | None], rate: float) -> float:
    """Frames per second, if the frame rate is constant."""
    seconds = [time for time in times if time is not None]
    if len(times) == 1 or len(seconds) < len(times):
        return rate
    interval = (seconds[-1] - seconds[0]) / (len(seconds) - 1)
    delays = np.asarray(seconds) - seconds[0] - interval * np.arange(len(seconds))
    if not interval > 0 or np.ptp(delays) > _JITTER * interval:
        raise _checks.fail(
            "path",
            "a video of constant frame rate",
            f"{str(path)!r} with frames up to {np.ptp(delays):.3f} s off",
            "Convert it: `ffmpeg -i in.mp4 -vf fps=30 out.mp4`.",
        )
    # Times are rounded to the file's clock; the declared rate, if right, is exact.
    return rate if abs(rate * interval - 1) < _JITTER / len(times) else 1 / interval


def _levels(frame: ImageLike) -> np.ndarray:
    """A frame as uint8 `[h, w, 3]`."""
    if isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.ndim == 3:
        levels = frame
    else:
        values = np.asarray(_conversions.as_host_image("frames", frame), np.float64)
        levels = np.rint(255 * values.clip(0, 1)).astype(np.uint8)
    if levels.shape[-1] not in (1, 3):
        expected = "[t, h, w, c] with c = 1 or 3"
        raise _checks.fail("frames", expected, f"frames of shape {levels.shape}")
    return np.ascontiguousarray(np.broadcast_to(levels, (*levels.shape[:2], 3)))


def _plugin() -> ModuleType:
    try:
        from inr.io import _video_plugin
    except ImportError:
        raise ImportError(
            'Video files need PyAV: `pip install "inr[media]"`.'
        ) from None
    return _video_plugin
