"""Decoders of image files: Pillow here, 16-bit PNG and TIFF in `_deep_decoders`.

Contract: a decoder is opened on a binary file, reports the size of the image from the
header alone, and then decodes. Values are uint8, uint16 or floating, `[h, w, c]`,
upright, with opacity last.

The formats are those of `_SIGNATURE`. Pillow has more, some of which decode while they
open a file, or run another program, as Ghostscript for EPS.

imageio reads the files. Own code covers what it lacks:
- 16-bit color PNG: its Pillow plugin returns 8 bits. imagecodecs decodes them.
- EXIF orientation: its Pillow plugin flips the wrong axis of palette images, and its
  TIFF plugin ignores the tag.
- Color profiles (`_profiles`) and transparency that is not a channel.
- The limit on memory: Pillow's limit counts pixels, and is a global variable.
"""

import contextlib
import re
import threading
from collections.abc import Iterator
from typing import IO, Any, Literal, Protocol, runtime_checkable

import numpy as np

from inr.io import _profiles
from inr.io._deep_decoders import (
    PNG_SIGNATURE,
    DeepPng,
    check_complete,
    imopen,
    open_deep_tiff,
    upright,
)

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SIGNATURE = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|RIFF....WEBP|GIF8[79]a|BM|P[1-6f]\s"
    rb"|II[*+]\0|MM\0[*+]|\0\0\0\x0cjP  |\xffO\xffQ|....ftyp",  # JPEG 2000, AVIF
    re.DOTALL,
)
_GRAY_MODES = ("1", "L", "LA", "La")
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")


@runtime_checkable
class Decoder(Protocol):
    """Decoder of one file; the attributes come from its header.

    Attributes:
      size: `(h, w)`.
      channels: at most that many are decoded.
      bits: 8, or 16 for values of more bits.
      num_bytes: memory that decoding allocates.
    """

    size: tuple[int, int]
    channels: int
    bits: Literal[8, 16]
    num_bytes: int

    def decode(self) -> np.ndarray: ...

    def close(self) -> None: ...


def open_decoder(file: IO[bytes]) -> Decoder:
    """Choose the decoder by the first bytes of the file."""
    start = file.read(26)
    file.seek(0)
    if not _SIGNATURE.match(start):
        raise ValueError("it is of another format")
    if (
        start[:8] == PNG_SIGNATURE
        and start[12:16] == b"IHDR"
        and start[24:25] == b"\x10"
    ):
        return DeepPng(file)
    if start.startswith(_TIFF):
        tiff, tags = open_deep_tiff(file)
        if tiff is not None:
            return tiff
        return _Pillow(file, tags)
    return _Pillow(file, {})


class _Pillow:
    """Images of 8 bits, and 16-bit gray of formats other than PNG and TIFF."""

    def __init__(self, file: IO[bytes], tiff_tags: dict[str, Any]):
        from PIL import Image

        self._tiff_tags, self._file_size = tiff_tags, file.seek(0, 2)
        file.seek(0)
        self._is_ppm = file.read(1) == b"P"
        file.seek(0)
        with no_pillow_limit():
            self._file = imopen(file, "pillow")
            properties = self._file.properties(index=0)
        self.size = properties.shape[:2]
        self.channels = properties.shape[2] if len(properties.shape) > 2 else 1
        self.bits: Literal[8, 16] = (
            8 if np.dtype(properties.dtype).itemsize == 1 else 16
        )
        pixels = self.size[0] * self.size[1]
        self.num_bytes = pixels * self.channels * np.dtype(properties.dtype).itemsize
        limit = Image.MAX_IMAGE_PIXELS
        self._exceeds_limit = limit is not None and pixels > limit

    def close(self) -> None:
        self._file.close()

    def decode(self) -> np.ndarray:
        check_complete(self._tiff_tags, self._file_size)
        # Some formats test the limit again. Small images need not wait for the lock.
        lifted = no_pillow_limit if self._exceeds_limit else contextlib.nullcontext
        with lifted():
            values, metadata = self._decode()
        return upright(values, metadata.get("Orientation", 1))

    def _decode(self) -> tuple[np.ndarray, dict[str, Any]]:
        metadata = self._file.metadata(index=0, exclude_applied=False)
        mode, profile = metadata["mode"], metadata.get("icc_profile")
        if mode == "F" or mode.startswith("I"):
            values = self._file.read(index=0)
            if mode == "I" and not self._is_ppm:
                raise ValueError("its integers are neither of 8 nor of 16 bits")
            if mode != "F":
                _profiles.warn_if_ignored(profile, "L")
                values = values.astype(np.uint16)
            return values[..., None], self._metadata()
        gray = mode in _GRAY_MODES
        # A palette may hold opacity.
        opaque = mode not in _ALPHA_MODES and "transparency" not in metadata
        opaque = opaque and not (mode == "P" and self.channels == 4)
        if not opaque:
            target = "LA" if gray else "RGBA"
        elif mode == "CMYK":
            target = "CMYK"
        else:
            target = "L" if gray else "RGB"
        levels = self._file.read(index=0, mode=target, writeable_output=False)
        if opaque:
            color = _profiles.to_srgb(levels, target, profile)
            return (color[..., None] if gray else color), self._metadata()
        color = levels[..., 0] if gray else levels[..., :3]
        color = _profiles.to_srgb(color, target[:-1], profile)
        planes = [color[..., None] if gray else color, levels[..., -1:]]
        return np.concatenate(planes, axis=-1), self._metadata()

    def _metadata(self) -> dict[str, Any]:
        """Metadata after decoding, when Pillow has applied a TIFF's orientation."""
        return self._file.metadata(index=0, exclude_applied=False)


_limit_lock = threading.Lock()


@contextlib.contextmanager
def no_pillow_limit() -> Iterator[None]:
    """Disable Pillow's limit on pixels: a global variable, hence the lock."""
    from PIL import Image

    with _limit_lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
