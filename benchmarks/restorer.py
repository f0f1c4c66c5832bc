"""How well shipped restorers restore and color what they never saw, and how fast.

    python benchmarks/restorer.py [portraits] [photos] [kodak] [decode]

`portraits`: the tenth of the portraits held out by the hash of the person, 64x64 gray
to 128x128 color and, at 128x128, gray to color with exact luma. `photos`: likewise a
tenth of the photographs, and gray to color at 256x256, the crops' full size. `kodak`:
Kodak's photographs, reduced to 192x128, by both models, and in full.
`decode`: seconds and memory of large results, in a process of their own.

Everything is scored beside what needs no training, on the same pixels: the gray image
(enlarged by bicubic interpolation), and that with the mean chroma of the images that
were trained on.
"""

import re
import sys

import _common
import _perceptual
import _process
import numpy as np

import inr
from inr import color, metrics, pretrained, training
from inr.restoration import LoadedModel, load_model

# What tells the person; two sources share ids, and poses of one person differ.
PERSON = r"(?:neutral|smiling)_[^_]+_([^_]+)_[^_]+$|([^_]+)$"
SIDE = 64


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
    """Files trained on, and files held out: by person."""

    def person(name: str) -> str:
        return "".join(filter(None, re.search(PERSON, name).groups()))

    paths = inr.list_images(_common.DATA / "portraits")
    return training.split_by_hash(paths, group=person)


def photos() -> None:
    images, mean = held_out_photos()
    # Reduced, the files' compression and halved chroma are gone.
    small = [np.asarray(training.reduce_images(x, (128, 128))) for x in images]
    rows = {
        "photos": restored("photos", small, mean),
        "photos_area": restored("photos", small, mean, reduction="area"),
        "photos_exact_luma": colorized("photos", small, mean),
        "photos_full_size": colorized("photos", images, mean),
    }
    _common.save("restorer", rows)


def held_out_photos() -> tuple[list, np.ndarray]:
    """Every third crop of them, as one has up to eleven; the others' mean chroma."""
    paths = inr.list_images(_common.DATA / "photos")
    train, held_out = training.split_by_hash(paths, group=_common.photo)
    images = [as_image(x) for x in training.ImageFiles(held_out[::3])]
    return images, mean_chroma(train[::20])


def kodak() -> None:
    paths = inr.list_images(_common.DATA / "bench" / "kodak24")
    wide = [inr.read_image(path) for path in paths]
    wide = [x if x.shape[0] <= x.shape[1] else x.swapaxes(0, 1) for x in wide]
    images = [np.asarray(training.reduce_images(x, (128, 192))) for x in wide]
    rows = {}
    for model, name in (("portraits", "kodak"), ("photos", "kodak_photos")):
        rows[name] = restored(model, images, np.zeros(2))
        rows[f"{name}_exact_luma"] = colorized(model, images, np.zeros(2))
    rows["kodak_photos_full_size"] = colorized("photos", wide, np.zeros(2))
    _common.save("restorer", rows)


def mean_chroma(paths: list) -> np.ndarray:
    return np.mean(
        [chroma(as_image(x)).mean((0, 1)) for x in training.ImageFiles(paths)], 0
    )


def restored(
    model: str, images: list, mean: np.ndarray, *, reduction: str = "bicubic"
) -> dict[str, float]:
    """Means over the images: half as large and gray, to color at full size."""
    rows = []
    for image in images:
        gray = np.asarray(color.rgb_to_luma(image))
        h, w, _ = gray.shape
        small = training.reduce_images(gray, (h // 2, w // 2), method=reduction)
        small = np.asarray(small).clip(0, 1)
        enlarged = inr.coords.sample_grid(
            small, inr.coords.grid((h, w)), interpolation="cubic"
        )
        # Larger than the model's side in one axis, too: what is missing is detail.
        loaded = load_model(pretrained.file(model))
        wide = LoadedModel(loaded.model.clone(side=max(h, w)), loaded.params)
        made = inr.colorize(small, size=(h, w), model=wide, progress=False)
        rows.append(rate(made, enlarged, image, mean))
    return means(rows)


def colorized(model: str, images: list, mean: np.ndarray) -> dict[str, float]:
    """Means over the images: gray to color, luma kept."""
    rows = []
    for image in images:
        gray = np.asarray(color.rgb_to_luma(image))
        rows.append(rate(inr.colorize(gray, model=model), gray, image, mean))
    return means(rows)


def rate(made, gray, image, mean_chroma) -> dict[str, float]:
    """Errors of a result, of the gray image, and of that with the mean chroma."""
    gray = np.asarray(gray)
    toned = np.concatenate(
        [gray, np.broadcast_to(mean_chroma, (*image.shape[:2], 2))], -1
    )
    results = {
        "model": np.asarray(made),
        "gray": np.broadcast_to(gray, image.shape),
        "mean_chroma": np.asarray(color.ycbcr_to_rgb(toned.astype(np.float32))),
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
    """Of all rows; and the ratios and gains that the table shows."""
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
    rows = {}
    for name, side, size in (
        ("decode_512", (64, 64), (512, 512)),
        ("decode_1024", (64, 64), (1024, 1024)),
        ("decode_2048", (64, 64), (2048, 2048)),
        ("colorize_12_megapixels", (3000, 4000), (3000, 4000)),
    ):
        rows[name] = _process.measured(f"restorer.one_decode({side}, {size})")
    _common.save("restorer", rows)


def one_decode(side: tuple, size: tuple) -> None:
    """Prints the seconds of the first call and a second one, and its memory."""
    gray = np.random.default_rng(0).random(side, np.float32)
    inr.colorize(gray[:8, :8], model="portraits")  # imports, weights
    _process.report(
        lambda: inr.colorize(gray, size=size, model="portraits", progress=False)
    )


if __name__ == "__main__":
    jobs = {"portraits": portraits, "photos": photos, "kodak": kodak, "decode": decode}
    for name in sys.argv[1:] or jobs:
        jobs[name]()
