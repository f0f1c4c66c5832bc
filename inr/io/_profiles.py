"""ICC color profiles of image files: conversion to sRGB, or a warning."""

import contextlib
import io
import itertools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import ImageCms

_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def to_srgb(levels: np.ndarray, mode: str, profile: bytes | None) -> np.ndarray:
    """Convert 8-bit levels to sRGB by an ICC profile.

    Args:
      levels: `[h, w]` for mode L, else `[h, w, c]`, uint8.
      mode: "L", "RGB" or "CMYK".
      profile: contents of an ICC profile; None for sRGB.

    Returns:
      uint8, `[h, w]` for mode L, else `[h, w, 3]`.
    """
    from PIL import Image, ImageCms

    # `Image.fromarray` cannot tell CMYK from RGBA.
    image = Image.frombytes(mode, levels.shape[1::-1], np.ascontiguousarray(levels))
    if profile:
        try:
            source_mode, transform = _transform(profile, mode)
        except (ImageCms.PyCMSError, OSError, ValueError) as error:
            _warn(f"cannot be used ({error})")
        else:
            if transform is not None:
                image = ImageCms.applyTransform(image.convert(source_mode), transform)
                assert image is not None  # the conversion is not in place
    return np.asarray(image.convert("L" if mode == "L" else "RGB"))


def warn_if_ignored(profile: bytes | None, mode: str) -> None:
    """Warn if the profile of a 16-bit image would change its values."""
    from PIL import ImageCms

    if not profile:
        return
    # A profile that cannot be used is not applied either.
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
        _, transform = _transform(profile, mode)
        if transform is None:
            return
    _warn("is not applied, because Pillow converts 8-bit colors only")


def is_unchanged(profile: bytes | None, mode: str) -> bool:
    """True if `to_srgb` leaves the values of an image of a Pillow mode as they are."""
    from PIL import ImageCms

    if not profile:
        return False
    mode = "L" if mode in ("1", "L", "LA", "La") else mode
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
        return _transform(profile, mode if mode in ("L", "CMYK") else "RGB")[1] is None
    return False


def _transform(
    profile: bytes, mode: str
) -> "tuple[str, ImageCms.ImageCmsTransform | None]":
    """Mode to convert from, and the transform; None if it changes nothing."""
    from PIL import ImageCms

    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    description: Any = source.profile  # Pillow's stub lacks its attributes
    space = description.xcolor_space.strip()
    # A gray image saved from a color one may have kept the RGB profile.
    if _MODES.get(space) != mode and not (space == "RGB" and mode == "L"):
        raise ValueError(f"a profile for {space} in an image of mode {mode}")
    source_mode = _MODES[space]
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    transform = ImageCms.buildTransform(source, srgb, source_mode, "RGB")
    return source_mode, None if _is_identity(transform, source_mode) else transform


def _is_identity(transform: "ImageCms.ImageCmsTransform", mode: str) -> bool:
    """True if no color changes by more than two levels, as for any sRGB profile."""
    from PIL import Image, ImageCms

    if mode == "CMYK":
        return False
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    colors = np.array(list(itertools.product(levels, repeat=3)), np.uint8)[None]
    if mode == "L":
        colors = np.repeat(levels[None, :, None], 3, axis=-1)
    image = Image.fromarray(colors if mode == "RGB" else colors[..., 0])
    converted = np.asarray(ImageCms.applyTransform(image, transform)).astype(int)
    return bool(np.abs(converted - colors).max() <= 2)


def _warn(problem: str) -> None:
    warnings.warn(
        f"The color profile of an image {problem}: its values are read as sRGB. "
        "Convert the file to sRGB first if exact colors matter.",
        stacklevel=2,
    )
