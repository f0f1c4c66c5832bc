"""imageio's PyAV plugin with what it lacks, for exact and honest frames.

- imageio reports no times of frames while it decodes, and no rotation.
- FFmpeg conceals damaged data unless an option makes the codec fail.
- The conversion between RGB and YUV rounds to a level too dark by default.
- The encoder's quality and color tags are no options of imageio.

This module imports PyAV; import it inside functions.
"""

import contextlib
import fractions
from typing import Any

import av
import numpy as np
from av.error import FFmpegError as FFmpegError
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
)
from imageio.plugins.pyav import PyAVPlugin

_CRF = "12"  # quality of H.264: errors of a level or two of 255; FFmpeg's default is 23

_EXACT = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)


class Reader(PyAVPlugin):
    """Iterates over upright RGB frames.

    Attributes:
      output_size: `(h, w)` to resize frames to, or None; set it before iterating.
      times: times of the frames decoded so far, in seconds; None where the file has
        none.
      rate: frame rate that the file declares, or 0.
      num_frames: number of frames that the file declares, or 0.
      frame_size: `(h, w)` that the file declares, before rotation.
    """

    _video_stream: Any  # None before a stream is open

    def __init__(self, request: Any, **options: Any):
        super().__init__(request, **options)
        stream = self._video_stream
        context = stream.codec_context
        # Later frames may be larger than the file declares: refuse them undecoded. The
        # margin is for sizes in whole blocks.
        pixels = (context.height + 128) * (context.width + 128)
        context.options = {"err_detect": "explode", "max_pixels": str(pixels)}
        self.output_size: tuple[int, int] | None = None
        self.times: list[float | None] = []
        self.rate = float(stream.average_rate or stream.guessed_rate or 0)
        self.num_frames = stream.frames
        self.frame_size = context.height, context.width

    def _unpack_frame(
        self, frame: av.VideoFrame, *, format: str | None = None
    ) -> np.ndarray:
        self.times.append(frame.time)
        quarters = round(frame.rotation / 90) % 4  # anticlockwise
        h, w = self.output_size or (frame.height, frame.width)
        if self.output_size is not None and quarters % 2:
            h, w = w, h
        frame = frame.reformat(width=w, height=h, format=format, interpolation=_EXACT)
        return np.rot90(frame.to_ndarray(), quarters)


class Writer(PyAVPlugin):
    """Encodes RGB frames as H.264 with BT.709 color."""

    _container: Any  # None before the file is open
    _video_stream: Any  # None before `start`
    _closed = False

    def close(self) -> None:
        # imageio closes a second time on deletion, which would repeat an error.
        if not self._closed:
            self._closed = True
            try:
                super().close()
            except BaseException:
                with contextlib.suppress(OSError):
                    self.request.finish()
                raise

    def start(self, size: tuple[int, int], rate: fractions.Fraction) -> None:
        """Add the stream for frames of `size`, `(h, w)`, at `rate` frames a second."""
        self.init_video_stream("libx264", fps=float(rate), pixel_format="yuv420p")
        stream = self._video_stream
        stream.options = {"crf": _CRF}
        stream.height, stream.width = size
        context = stream.codec_context
        context.framerate, context.time_base = rate, 1 / rate
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.IEC61966_2_1  # the curve of sRGB
        context.color_range = ColorRange.MPEG

    def write_frame(self, frame: np.ndarray, *, pixel_format: str = "rgb24") -> None:
        stream = self._video_stream
        context = stream.codec_context
        video_frame = av.VideoFrame.from_ndarray(frame, format=pixel_format).reformat(
            format="yuv420p",
            dst_colorspace=context.colorspace,
            dst_color_range=context.color_range,
            dst_color_primaries=context.color_primaries,
            dst_color_trc=context.color_trc,
            interpolation=_EXACT,
        )
        video_frame.pts = self.frames_written
        video_frame.time_base = context.time_base
        self.frames_written += 1
        self._container.mux(stream.encode(video_frame))
