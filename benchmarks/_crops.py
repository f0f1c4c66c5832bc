"""Photographs on which defaults are chosen, and those on which fits are judged."""

import _common
import numpy as np

# Crops of `photos` in the data folder. Their photographs are kept out of trainings.
TUNING = (
    "budgie_0330_4",
    "deepin_0561_6",
    "elementary_0670_3",
    "solus_0801_1",
    "ubuntu_0028_6",
    "kde_0697_8",
    "ukui_0417_3",
    "popos_0531_3",
)


def tuning() -> dict[str, np.ndarray]:
    """The eight crops, `[256, 256, 3]`, on which defaults are chosen."""
    return {name: _read(f"photos/{name}.webp") for name in TUNING}


def judged() -> dict[str, np.ndarray]:
    """Six images `[256, 256, c]` that no default was chosen on.

    Camera and astronaut are means over 2x2 pixels; the others are central crops.
    """
    from skimage import data

    astronaut = data.astronaut().astype(np.float32) / 255
    kodak = {
        f"kodim{n}": center(_read(f"bench/kodak24/kodim{n}.png"))
        for n in ("05", "19", "23")
    }
    return {
        "camera": _common.camera(),
        "astronaut": halve(astronaut),
        "chelsea": center(data.chelsea().astype(np.float32) / 255),
        **kodak,
    }


def halve(image: np.ndarray) -> np.ndarray:
    """Means over 2x2 pixels of an image `[2h, 2w, c]`."""
    h, w, c = image.shape
    return image.reshape(h // 2, 2, w // 2, 2, c).mean((1, 3))


def center(image: np.ndarray, side: int = 256) -> np.ndarray:
    """The central square of an image."""
    top, left = ((n - side) // 2 for n in image.shape[:2])
    return image[top : top + side, left : left + side]


def _read(name: str) -> np.ndarray:
    import imageio.v3 as iio

    return iio.imread(_common.DATA / name)[..., :3].astype(np.float32) / 255
