"""Quality of the pretrained upscaler on images that it was not trained on, and speed.

    python benchmarks/upscale.py [published] [own] [kodak] [ensemble] [jpeg] [speed]
        [peers]

`published`: Set5 and Set14, x2 x3 x4, from the low-resolution files of the published
tables (Matlab's bicubic reduction), PSNR and SSIM of studio luma without a border of
`scale` pixels. `own`: x6 and x8 of the same sets, and ten images each of BSD100 and
Urban100 at x2 x3 x4, reduced here by the same kernel. `kodak`: RGB PSNR and LPIPS at x2
x2.7 x4. `ensemble`: Set5 by the mean over four rotations. `jpeg`: the same as `kodak`
for compressed inputs and `upscale_photo`. `speed`: seconds and memory.
`peers`: SPAN and RLFN for scale 4 in PyTorch, with their published weights: PSNR, and
time in turns with ours.

The baselines are bicubic and Lanczos interpolation of the same pixels.
"""

import io
import sys

import _common
import _perceptual
import _process
import jax
import numpy as np
from PIL import Image

import inr
from inr import metrics, training

TRUNKS = _common.DATA / "weights" / "sr_trunks"

INTERPOLATIONS = {"bicubic": "cubic", "lanczos": "lanczos3"}


def published(model: str = "upscale") -> None:
    rows = {}
    for name in ("set5", "set14"):
        for scale in (2, 3, 4):
            rows[f"{name}_x{scale}"] = _luma_scores(
                published_pairs(name, scale), scale, model
            )
    _common.save("upscale", rows)


def ensemble(model: str = "upscale") -> None:
    rows = {}
    for scale in (2, 3, 4):
        row = _luma_scores(published_pairs("set5", scale), scale, model, ensemble=True)
        rows[f"set5_x{scale}_ensemble"] = row
    _common.save("upscale", rows)


def published_pairs(name: str, scale: int) -> list[tuple[np.ndarray, np.ndarray]]:
    folder = _common.DATA / "bench" / "sr_pairs" / name / f"image_SRF_{scale}"
    files = sorted(folder.glob("*_HR.png"))
    return [
        (_rgb(inr.read_image(f)), _rgb(inr.read_image(_low_resolution(f))))
        for f in files
    ]


def own(model: str = "upscale") -> None:
    rows = {}
    for name, scales in (
        ("set5", (6, 8)),
        ("set14", (6, 8)),
        ("bsd100_10", (2, 3, 4)),
        ("urban100_10", (2, 3, 4)),
    ):
        images = _read_set(name)
        for scale in scales:
            pairs = [_reduce(image, scale) for image in images]
            rows[f"{name}_x{scale}"] = _luma_scores(pairs, scale, model)
    _common.save("upscale", rows)


def kodak(model: str = "upscale") -> None:
    rows = {}
    for scale in (2, 2.7, 4):
        scores = []
        for image in _read_set("kodak24"):
            high, low = _reduce(image, scale)
            results = _enlarge(high, low, model)
            row = {}
            for name, result in results.items():
                row[f"{name}_psnr"] = float(metrics.psnr(result, high))
                row[f"{name}_lpips"] = float(_perceptual.distance(result, high))
            scores.append(row)
        rows[f"kodak24_x{scale}"] = _means(scores)
    _common.save("upscale", rows)


def jpeg() -> None:
    """Reductions of Kodak's photographs after JPEG compression by Pillow."""
    rows = {}
    for scale in (2, 4):
        scores = []
        for image in _read_set("kodak24"):
            high, low = _reduce(image, scale)
            low = _compressed(low, quality=75)
            results = _enlarge(high, low, "upscale")
            results["clean"] = results.pop("model")
            photo = inr.upscale(low, scale, model="upscale_photo", progress=False)
            results["photo"] = np.clip(photo, 0, 1)
            row = {}
            for name, result in results.items():
                row[f"{name}_psnr"] = float(metrics.psnr(result, high))
                row[f"{name}_lpips"] = float(_perceptual.distance(result, high))
            scores.append(row)
        rows[f"jpeg75_x{scale}"] = {
            "images": len(scores),
            **{key: float(np.mean([s[key] for s in scores])) for key in scores[0]},
        }
    _common.save("upscale", rows)


def _compressed(image: np.ndarray, quality: int) -> np.ndarray:
    """The image after a round trip through a JPEG file of Pillow."""
    file = io.BytesIO()
    levels = np.rint(255 * image).astype(np.uint8)
    Image.fromarray(levels).save(file, "jpeg", quality=quality)
    return np.asarray(Image.open(file)) / np.float32(255)


def speed() -> None:
    rows = {
        "photo_512_x2": _process.measure("upscale.report_call((512, 512), 2)"),
        "photo_512_x4": _process.measure("upscale.report_call((512, 512), 4)"),
        "photo_12_megapixels_x2": _process.measure(
            "upscale.report_call((3000, 4000), 2, 1)"
        ),
    }
    _common.save("upscale", rows)


def peers() -> None:
    """Quality of the published networks for scale 4, and their time in turns with ours.

    `Upscaler` and its peers enlarge the same images, with two threads.
    """
    import _torch_trunks

    files = {name: TRUNKS / f"{name}_x4.safetensors" for name in ("span28", "rlfn")}
    rows = {}
    for name, file in files.items():
        network = _torch_trunks.load(file)
        for images in ("set5", "set14"):
            scores = [
                float(metrics.psnr_y(np.clip(network(low), 0, 1), high, shave=4))
                for high, low in published_pairs(images, 4)
            ]
            rows[f"{name}_{images}_x4"] = {"psnr": float(np.mean(scores))}
    image = np.ascontiguousarray(_read_set("kodak24")[0][:512, :512])
    functions = {
        f"inr_x{scale}": lambda s=scale: np.asarray(
            inr.upscale(image, s, progress=False)
        )
        for scale in (2, 4)
    }
    for name, file in files.items():
        for kind, compiled in (("eager", False), ("compiled", True)):
            network = _torch_trunks.load(file, compiled=compiled)
            functions[f"{name}_{kind}"] = lambda network=network: network(image)
    seconds = _common.paired(functions, repeats=5)
    rows["peers_512"] = {f"{name}_s": s for name, s in seconds.items()}
    _common.save("upscale", rows)


def report_call(size: tuple, scale: float, repeats: int = 3) -> None:
    """Print the seconds of the first and the last call, and their memory."""
    image = np.random.default_rng(0).random((*size, 3), np.float32)
    inr.upscale(image[:8, :8], 2)  # imports, weights
    _process.report(lambda: inr.upscale(image, scale, progress=False), repeats)


def _luma_scores(pairs: list, scale: int, model: str, **options) -> dict[str, float]:
    scores = []
    for high, low in pairs:
        row = {}
        for name, result in _enlarge(high, low, model, **options).items():
            row[f"{name}_psnr"] = float(metrics.psnr_y(result, high, shave=scale))
            row[f"{name}_ssim"] = float(metrics.ssim_y(result, high, shave=scale))
        scores.append(row)
    return _means(scores)


def _enlarge(
    high: np.ndarray, low: np.ndarray, model: str, **options
) -> dict[str, np.ndarray]:
    """The low-resolution image at high resolution, by each method, clipped."""
    scales = tuple(a / b for a, b in zip(high.shape[:2], low.shape[:2], strict=True))
    upscaled = inr.upscale(low, scales, model=model, progress=False, **options)
    results = {"model": upscaled}
    for name, interpolation in INTERPOLATIONS.items():
        results[name] = jax.image.resize(low, high.shape, interpolation)
    return {name: np.clip(x, 0, 1) for name, x in results.items()}


def _means(scores: list) -> dict[str, float]:
    """Mean scores, and the number of images with PSNR above both interpolations."""
    row = {key: float(np.mean([s[key] for s in scores])) for key in scores[0]}
    above = [
        s["model_psnr"] > max(s["bicubic_psnr"], s["lanczos_psnr"]) for s in scores
    ]
    return {"images": len(scores), "above_both": sum(above), **row}


def _reduce(image: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """The image, cut to a multiple of the scale, and its reduction, in 8 bits."""
    low_size = [int(n / scale) for n in image.shape[:2]]
    h, w = (round(n * scale) for n in low_size)
    high = image[:h, :w]
    exact = np.asarray([h, w]) / low_size
    low = training.reduce_crop(
        high, np.zeros(2, np.float32), np.float32(exact), tuple(low_size)
    )
    return high, np.round(255 * np.clip(low, 0, 1)).astype(np.float32) / 255


def _read_set(name: str) -> list[np.ndarray]:
    folder = _common.DATA / "bench" / name
    return [_rgb(inr.read_image(path)) for path in inr.list_images(folder)]


def _rgb(image: np.ndarray) -> np.ndarray:
    return np.repeat(image, 3, -1) if image.shape[-1] == 1 else image[..., :3]


def _low_resolution(path):
    return path.with_name(path.name.replace("_HR", "_LR"))


if __name__ == "__main__":
    jobs = {
        f.__name__: f for f in (published, own, kodak, ensemble, jpeg, speed, peers)
    }
    for name in sys.argv[1:] or jobs:
        jobs[name]()
