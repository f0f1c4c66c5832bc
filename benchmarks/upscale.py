"""How well the shipped upscaler enlarges what it never saw, and how fast.

    python benchmarks/upscale.py [published] [own] [kodak] [ensemble] [speed]

`published`: Set5 and Set14, x2 x3 x4, from the low-resolution files of the published
tables (Matlab's bicubic reduction), PSNR and SSIM of studio luma, a border of `scale`
pixels left out. `own`: x6 and x8 of the same sets, and ten images each of BSD100 and
Urban100 at x2 x3 x4, reduced here by the same kernel. `kodak`: RGB PSNR and LPIPS at x2
x2.7 x4. `ensemble`: Set5 by the mean over four turns. `speed`: seconds and memory,
beside the same network in PyTorch.

Everything is scored beside cubic and Lanczos interpolation of the same pixels.
"""

import sys

import _common
import _perceptual
import _process
import jax
import numpy as np

import inr
from inr import metrics, pretrained, training
from inr.models import load_model

WAYS = {"bicubic": "cubic", "lanczos": "lanczos3"}


def published(model: str = "upscale") -> None:
    rows = {}
    for name in ("set5", "set14"):
        for scale in (2, 3, 4):
            rows[f"{name}_x{scale}"] = _of_luma(
                published_pairs(name, scale), scale, model
            )
    _common.save("upscale", rows)


def ensemble(model: str = "upscale") -> None:
    rows = {}
    for scale in (2, 3, 4):
        row = _of_luma(published_pairs("set5", scale), scale, model, ensemble=True)
        rows[f"set5_x{scale}_ensemble"] = row
    _common.save("upscale", rows)


def published_pairs(name: str, scale: int) -> list[tuple[np.ndarray, np.ndarray]]:
    folder = _common.DATA / "bench" / "sr_pairs" / name / f"image_SRF_{scale}"
    files = sorted(folder.glob("*_HR.png"))
    return [(_rgb(inr.read_image(f)), _rgb(inr.read_image(_low(f)))) for f in files]


def own(model: str = "upscale") -> None:
    rows = {}
    for name, scales in (
        ("set5", (6, 8)),
        ("set14", (6, 8)),
        ("bsd100_10", (2, 3, 4)),
        ("urban100_10", (2, 3, 4)),
    ):
        images = _images(name)
        for scale in scales:
            pairs = [_reduced(image, scale) for image in images]
            rows[f"{name}_x{scale}"] = _of_luma(pairs, scale, model)
    _common.save("upscale", rows)


def kodak(model: str = "upscale") -> None:
    rows = {}
    for scale in (2, 2.7, 4):
        scores = []
        for image in _images("kodak24"):
            high, low = _reduced(image, scale)
            made = _enlarged(high, low, model)
            scores.append(
                {f"{k}_psnr": float(metrics.psnr(x, high)) for k, x in made.items()}
                | {
                    f"{k}_lpips": float(_perceptual.distance(x, high))
                    for k, x in made.items()
                }
            )
        rows[f"kodak24_x{scale}"] = _means(scores)
    _common.save("upscale", rows)


def speed() -> None:
    rows = {
        "photo_512_x2": _process.measured("upscale.one((512, 512), 2)"),
        "photo_512_x4": _process.measured("upscale.one((512, 512), 4)"),
        "photo_12_megapixels_x2": _process.measured("upscale.one((3000, 4000), 2, 1)"),
    }
    _common.save("upscale", rows)
    _common.save("upscale", {"beside_torch_512_x2": beside_torch()})


def beside_torch() -> dict[str, float]:
    """The same network and weights in PyTorch; called in turns with ours."""
    from _torch_upscaler import Upscaler

    image = _images("kodak24")[0][:512, :512]
    peer = Upscaler(*load_model(pretrained.file("upscale")))
    made = {
        "inr": lambda: np.asarray(inr.upscale(image, 2, progress=False)),
        "torch": lambda: peer(image, 2),
    }
    # PyTorch has another bicubic kernel (a = -3/4); what is added to it is the same.
    seconds = _common.paired(made, repeats=5)
    ratio = seconds["torch"] / seconds["inr"]
    return {**{f"{k}_s": v for k, v in seconds.items()}, "torch_over_inr": ratio}


def one(size: tuple, scale: float, repeats: int = 3) -> None:
    """Prints the seconds of the first call and the last, and its memory."""
    image = np.random.default_rng(0).random((*size, 3), np.float32)
    inr.upscale(image[:8, :8], 2)  # imports, weights
    _process.report(lambda: inr.upscale(image, scale, progress=False), repeats)


def _of_luma(pairs: list, scale: int, model: str, **options) -> dict[str, float]:
    scores = []
    for high, low in pairs:
        made = _enlarged(high, low, model, **options)
        scores.append(
            {
                f"{k}_psnr": float(metrics.psnr_y(x, high, shave=scale))
                for k, x in made.items()
            }
            | {
                f"{k}_ssim": float(metrics.ssim_y(x, high, shave=scale))
                for k, x in made.items()
            }
        )
    return _means(scores)


def _enlarged(
    high: np.ndarray, low: np.ndarray, model: str, **options
) -> dict[str, np.ndarray]:
    scales = tuple(a / b for a, b in zip(high.shape[:2], low.shape[:2], strict=True))
    made = {"model": inr.upscale(low, scales, model=model, progress=False, **options)}
    for name, way in WAYS.items():
        made[name] = jax.image.resize(low, high.shape, way)
    return {name: np.clip(x, 0, 1) for name, x in made.items()}


def _means(scores: list) -> dict[str, float]:
    """Over the images; and of how many the model is above both interpolations."""
    row = {key: float(np.mean([s[key] for s in scores])) for key in scores[0]}
    above = [
        s["model_psnr"] > max(s["bicubic_psnr"], s["lanczos_psnr"]) for s in scores
    ]
    return {"images": len(scores), "above_both": sum(above), **row}


def _reduced(image: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """The image, cut so that the scale divides it, and its reduction in 8 bits."""
    low_size = [int(n / scale) for n in image.shape[:2]]
    h, w = (round(n * scale) for n in low_size)
    high = image[:h, :w]
    exact = np.asarray([h, w]) / low_size
    low = training.reduce_crop(
        high, np.zeros(2, np.float32), np.float32(exact), tuple(low_size)
    )
    return high, np.round(255 * np.clip(low, 0, 1)).astype(np.float32) / 255


def _images(name: str) -> list[np.ndarray]:
    folder = _common.DATA / "bench" / name
    return [_rgb(inr.read_image(path)) for path in inr.list_images(folder)]


def _rgb(image: np.ndarray) -> np.ndarray:
    return np.repeat(image, 3, -1) if image.shape[-1] == 1 else image[..., :3]


def _low(path):
    return path.with_name(path.name.replace("_HR", "_LR"))


if __name__ == "__main__":
    jobs = {f.__name__: f for f in (published, own, kodak, ensemble, speed)}
    for name in sys.argv[1:] or jobs:
        jobs[name]()
