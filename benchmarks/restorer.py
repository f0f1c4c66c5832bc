"""Quality of the pretrained restorers on held-out images, and their speed.

    python benchmarks/restorer.py [portraits] [photos] [kodak] [vividness] [decode]

`portraits`: 64x64 gray to 128x128 color and, at 128x128, gray to color with exact luma,
of the portraits of a tenth of the people, selected by hash, who were held out of
training. `photos`: the same for photographs by `photos_restorer`, and gray to color at
256x256, the full size of the crops. `kodak`: Kodak's photographs, reduced to 192x128,
by both models, and at full size. `vividness`: the model `photos` at several values of
its option, at full size, beside `photos_restorer`. `decode`: seconds and memory of
large results, each in a separate process.

Baselines are scored on the same pixels: the gray image (enlarged by bicubic
interpolation), and that image with the mean chroma of the training images.
"""

import re
import sys

import _common
import _perceptual
import _process
import numpy as np
from skimage import color as skimage_color

import inr
from inr import color, metrics, pretrained, training
from inr.models import LoadedModel, load_model

# The group is the id of the person, of which there may be several portraits.
PERSON = r"(?:neutral|smiling)_[^_]+_([^_]+)_[^_]+$|([^_]+)$"
SIDE = 64
VIVIDNESS = (0.0, 0.4, 0.6, 1.0)
LEAST_CHROMA = 0.06  # below it, a pixel counts as gray


def portraits() -> None:
    train, held_out = split_portraits()
    images = [as_image(x) for x in training.ImageFiles(held_out)]
    mean = mean_chroma(train[::10])
    rows = {
        "portraits": restored("portraits", images, mean),
        "portraits_area": restored("portraits", images, mean, reduction="area"),
        "portraits_exact_luma": colorized("portraits", images, mean),
    }
    _common.save("restorer", rows)


def split_portraits() -> tuple[list, list]:
    """Training files and held-out files, split by person."""

    def person(name: str) -> str:
        return "".join(filter(None, re.search(PERSON, name).groups()))

    paths = inr.list_images(_common.DATA / "portraits")
    return training.split_by_hash(paths, group=person)


def photos() -> None:
    images, mean = held_out_photos()
    # Reduction removes compression artifacts and subsampled chroma.
    small = [np.asarray(training.reduce_images(x, (128, 128))) for x in images]
    rows = {
        "photos": restored("photos_restorer", small, mean),
        "photos_area": restored("photos_restorer", small, mean, reduction="area"),
        "photos_exact_luma": colorized("photos_restorer", small, mean),
        "photos_full_size": colorized("photos_restorer", images, mean),
    }
    _common.save("restorer", rows)


def held_out_photos() -> tuple[list, np.ndarray]:
    """Every third held-out crop, and the mean chroma of training crops.

    A photograph has up to eleven crops.
    """
    paths = inr.list_images(_common.DATA / "photos")
    train, held_out = training.split_by_hash(paths, group=_common.photo)
    images = [as_image(x) for x in training.ImageFiles(held_out[::3])]
    return images, mean_chroma(train[::20])


def kodak() -> None:
    paths = inr.list_images(_common.DATA / "bench" / "kodak24")
    full_size = [inr.read_image(path) for path in paths]
    full_size = [x if len(x) <= x.shape[1] else x.swapaxes(0, 1) for x in full_size]
    images = [np.asarray(training.reduce_images(x, (128, 192))) for x in full_size]
    rows = {}
    for model, name in (("portraits", "kodak"), ("photos_restorer", "kodak_photos")):
        rows[name] = restored(model, images, np.zeros(2))
        rows[f"{name}_exact_luma"] = colorized(model, images, np.zeros(2))
    rows["kodak_photos_full_size"] = colorized(
        "photos_restorer", full_size, np.zeros(2)
    )
    _common.save("restorer", rows)


def vividness() -> None:
    images, mean = held_out_photos()
    kodak = inr.list_images(_common.DATA / "bench" / "kodak24")
    sets = {"photos": images, "kodak": [inr.read_image(path) for path in kodak]}
    for name, images in sets.items():
        rows = {
            f"hues_{name}_photos_restorer": colorized("photos_restorer", images, mean)
        }
        for value in VIVIDNESS:
            scores = colorized("photos", images, mean, vividness=value)
            rows[f"hues_{name}_{value:g}"] = scores
        _common.save("restorer", rows)


def green(image) -> np.ndarray:
    """Bool `[h, w]`, True where the hue is 75 to 165 degrees and not nearly gray."""
    hue, _, value = np.moveaxis(skimage_color.rgb2hsv(image), -1, 0)
    chroma = value - np.min(image, -1)
    return (hue >= 75 / 360) & (hue <= 165 / 360) & (chroma > LEAST_CHROMA)


def mean_chroma(paths: list) -> np.ndarray:
    """Mean chroma `[2]` of image files."""
    return np.mean(
        [chroma(as_image(x)).mean((0, 1)) for x in training.ImageFiles(paths)], 0
    )


def restored(
    model: str, images: list, mean: np.ndarray, *, reduction: str = "bicubic"
) -> dict[str, float]:
    """Mean scores: gray images of half the size to color at full size."""
    rows = []
    for image in images:
        gray = np.asarray(color.rgb_to_luma(image))
        h, w, _ = gray.shape
        small = training.reduce_images(gray, (h // 2, w // 2), interpolation=reduction)
        small = np.asarray(small).clip(0, 1)
        enlarged = inr.coords.sample_grid(
            small, inr.coords.grid((h, w)), interpolation="cubic"
        )
        # `side` is enlarged so that detail is added even if one axis exceeds it.
        loaded = load_model(pretrained.file(model))
        with_side = LoadedModel(loaded.model.clone(side=max(h, w)), loaded.params)
        result = inr.colorize(small, size=(h, w), model=with_side, progress=False)
        rows.append(rate(result, enlarged, image, mean))
    return means(rows)


def colorized(
    model: str, images: list, mean: np.ndarray, **options: float
) -> dict[str, float]:
    """Mean scores: gray to color with exact luma."""
    rows, pixels = [], np.zeros(3)
    for image in images:
        gray = np.asarray(color.rgb_to_luma(image))
        result = inr.colorize(gray, model=model, progress=False, **options)
        rows.append(rate(result, gray, image, mean))
        true, predicted = green(image), green(np.clip(result, 0, 1))
        pixels += [(true & predicted).sum(), true.sum(), predicted.sum()]
    both, true, predicted = pixels
    return {
        **means(rows),
        "worse_than_gray": float(
            np.mean([r["model_mse"] > r["gray_mse"] for r in rows])
        ),
        "green_recall": both / max(true, 1),
        "green_precision": both / max(predicted, 1),
    }


def rate(result, gray, image, mean_chroma) -> dict[str, float]:
    """Scores of a result, of the gray image, and of the gray image with mean chroma."""
    gray = np.asarray(gray)
    ycc = np.concatenate(
        [gray, np.broadcast_to(mean_chroma, (*image.shape[:2], 2))], -1
    )
    results = {
        "model": np.asarray(result),
        "gray": np.broadcast_to(gray, image.shape),
        "mean_chroma": np.asarray(color.ycbcr_to_rgb(ycc.astype(np.float32))),
    }
    row = {"true_colorfulness": float(metrics.colorfulness(image))}
    true_luma = color.rgb_to_luma(image)
    for label, result in results.items():
        luma = color.rgb_to_luma(result)
        result = np.clip(result, 0, 1)
        row[f"{label}_mse"] = float(metrics.mse(result, image))
        row[f"{label}_luma_mse"] = float(metrics.mse(np.clip(luma, 0, 1), true_luma))
        row[f"{label}_colorfulness"] = float(metrics.colorfulness(result))
        row[f"{label}_lpips"] = float(_perceptual.distance(result, image))
    return row


def means(rows: list) -> dict[str, float]:
    """Means over the rows, with the ratios and gains of the table."""
    row = {key: float(np.mean([r[key] for r in rows])) for key in rows[0]}
    gains = [
        10 * np.log10(max(r["gray_luma_mse"], 1e-12) / max(r["model_luma_mse"], 1e-12))
        for r in rows
    ]
    return {
        "images": len(rows),
        "mse_ratio": row["model_mse"] / row["gray_mse"],
        "mse_ratio_to_mean_chroma": row["model_mse"] / row["mean_chroma_mse"],
        "lpips_ratio": row["model_lpips"] / row["gray_lpips"],
        "luma_gain_db": float(np.mean(gains)),
        **row,
    }


def as_image(levels: np.ndarray) -> np.ndarray:
    return levels.astype(np.float32) / 255


def chroma(image: np.ndarray) -> np.ndarray:
    return np.asarray(color.rgb_to_ycbcr(image))[..., 1:]


def decode() -> None:
    """Seconds and memory of large results."""
    rows = {}
    for name, side, size in (
        ("decode_512", (64, 64), (512, 512)),
        ("decode_1024", (64, 64), (1024, 1024)),
        ("decode_2048", (64, 64), (2048, 2048)),
        ("colorize_12_megapixels", (3000, 4000), (3000, 4000)),
    ):
        rows[name] = _process.measure(f"restorer.report_decode({side}, {size})")
    _common.save("restorer", rows)


def report_decode(side: tuple, size: tuple) -> None:
    """Print the seconds of a first and a second call, and the memory."""
    gray = np.random.default_rng(0).random(side, np.float32)
    inr.colorize(gray[:8, :8], model="portraits")  # imports, weights
    _process.report(
        lambda: inr.colorize(gray, size=size, model="portraits", progress=False)
    )


if __name__ == "__main__":
    jobs = {
        "portraits": portraits,
        "photos": photos,
        "kodak": kodak,
        "vividness": vividness,
        "decode": decode,
    }
    for name in sys.argv[1:] or jobs:
        jobs[name]()
