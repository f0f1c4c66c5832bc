"""Color profiles in image files: applied, or a warning that they are not."""

import contextlib
import io
import itertools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def apply(image: "Image.Image", profile: bytes | None) -> "Image.Image":
    """The 8-bit image in sRGB, in mode RGB where the profile changed anything.

    Args:
      image: of mode L, RGB or CMYK.
      profile: the bytes of an ICC profile, or None for an image that is sRGB.
    """
    from PIL import ImageCms

    if not profile:
        return image
    try:
        mode, transform = _into_srgb(profile, image.mode)
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        _warn(f"cannot be used ({error})")
        return image
    if transform is None:
        return image
    return ImageCms.applyTransform(image.convert(mode), transform)


def warn_if_ignored(image: "Image.Image", mode: str) -> None:
    """Says so if a 16-bit image carries a profile that would change its values."""
    from PIL import ImageCms

    profile = image.info.get("icc_profile")
    if not profile:
        return
    # A profile that cannot be used is not applied either.
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
        _, transform = _into_srgb(profile, mode)
        if transform is None:
            return
    _warn("is not applied, since Pillow converts color of 8 bits only")


def _into_srgb(profile: bytes, mode: str) -> tuple[str, Any]:
    """The mode to convert from and the transform, None if it would change nothing."""
    from PIL import ImageCms

    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = source.profile.xcolor_space.strip()
    # A gray image saved from a color one may have kept the profile of colors.
    fits = _MODES.get(space) == mode or (space == "RGB" and mode == "L")
    if not fits:
        raise ValueError(f"a profile for {space} in an image of mode {mode}")
    mode = _MODES[space]
    target = ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(source, target, mode, "RGB")
    return mode, None if _is_identity(transform, mode) else transform


def _is_identity(transform: Any, mode: str) -> bool:
    """Whether no color moves by more than two levels: sRGB under whatever name."""
    from PIL import Image, ImageCms

    if mode == "CMYK":
        return False
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    colors = np.array(list(itertools.product(levels, repeat=3)), np.uint8)[None]
    if mode == "L":
        colors = np.repeat(levels[None, :, None], 3, axis=-1)
    image = Image.fromarray(colors if mode == "RGB" else colors[..., 0])
    moved = np.asarray(ImageCms.applyTransform(image, transform)).astype(int) - colors
    return bool(np.abs(moved).max() <= 2)


def _warn(what: str) -> None:
    warnings.warn(
        f"The color profile of an image {what}: its values are read as if they were "
        "sRGB. Convert the file to sRGB first if its colors matter.",
        stacklevel=2,
    )
