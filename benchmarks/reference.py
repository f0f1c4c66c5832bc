"""What a reference is worth: x4 by a texture transformer, holes, and the cost.

    python benchmarks/reference.py [scores] [holes] [cost]
        [--model FILE] [--holes-model FILE]

`scores`: PSNR and SSIM of luma with the true references, with another picture's, and
with none, beside the shipped upscaler and bicubic interpolation of the same pixels; a
group of CUFED's test with references that are ever less like it, and with all five, ten
of its pairs, a stereo pair, and crops of photographs that were held out, each with
another crop of its photograph. `holes`: errors within holes of such crops, with and
without a reference, beside a copy of the best patch, a membrane, and OpenCV.
`cost`: attention in blocks beside all relevances at once, and whole calls.
"""

import argparse
import functools

import _common
import _perceptual
import _process
import jax
import jax.numpy as jnp
import numpy as np

import inr
from inr import metrics, poisson, training
from inr.models import LoadedModel, load_model
from inr.references import inpaint_by_reference, match_patches, upscale_by_reference

BENCH = _common.DATA / "bench"
SIZES = (256, 512, 1024)


def scores(model: LoadedModel) -> None:
    kodak = _read(BENCH / "kodak24" / "kodim05.png")
    group = [_read(path) for path in sorted((BENCH / "cufed_refsr/test").glob("*"))]
    target, references = group[0], group[1:]
    rows = {}
    for i, reference in enumerate(references, 1):
        rows[f"cufed_001_{i}"] = of_pairs(model, [(target, [reference])], [[kodak]])
    rows["cufed_001_all"] = of_pairs(model, [(target, references)], [[kodak]])
    files = sorted((BENCH / "cufed_refsr/train_input").glob("*"))
    folder = BENCH / "cufed_refsr/train_ref"
    pairs = [(_read(f), [_read(folder / f.name)]) for f in files]
    # Three of each scene follow each other.
    rows["cufed_pairs"] = of_pairs(model, pairs, _turned(pairs, 3))
    left, right = (
        _halved(_read(BENCH / f"skimage/motorcycle_{side}.png"))
        for side in ("left", "right")
    )
    rows["motorcycle"] = of_pairs(model, [(left, [right])], [[kodak]])
    pairs = [(a, [b]) for a, b in held_out(32, 128)]
    rows["photos"] = of_pairs(model, pairs, _turned(pairs, 1))
    _common.save("reference", rows)


def of_pairs(model: LoadedModel, pairs: list, others: list) -> dict[str, float]:
    """Means over pictures with their references, and with other pictures'."""
    found = []
    for (target, references), unrelated in zip(pairs, others, strict=True):
        h, w = (n // 4 * 4 for n in target.shape[:2])
        target = target[:h, :w]
        low = training.reduce_images(
            target[None], (h // 4, w // 4), interpolation="bicubic"
        )
        low = np.round(255 * np.clip(low[0], 0, 1)).astype(np.float32) / 255
        made = {
            "true": upscale_by_reference(low, references, model=model),
            "unrelated": upscale_by_reference(low, unrelated, model=model),
            "without": upscale_by_reference(low, [], model=model),
            "upscaler": inr.upscale(low, 4, progress=False),
            "bicubic": jax.image.resize(low, target.shape, "cubic"),
        }
        row = {}
        for name, image in made.items():
            image = np.clip(image, 0, 1)
            row[f"{name}_psnr"] = float(metrics.psnr_y(image, target, shave=0))
            row[f"{name}_ssim"] = float(metrics.ssim_y(image, target, shave=0))
        found.append(row)
    means = {key: float(np.mean([row[key] for row in found])) for key in found[0]}
    gains = [row["true_psnr"] - row["without_psnr"] for row in found]
    return {"pictures": len(found), "better_with": sum(g > 0 for g in gains), **means}


def holes(model: LoadedModel) -> None:
    """PSNR of RGB within the hole, LPIPS of the whole picture."""
    import cv2

    pairs = held_out(24, 128)
    masks = training.random_holes(jax.random.key(5), (128, 128), num_holes=len(pairs))
    found = []
    for (target, reference), mask in zip(pairs, np.asarray(masks), strict=True):
        damaged = np.where(mask[..., None], 0, target).astype(np.float32)
        levels = np.round(255 * damaged).astype(np.uint8)
        bits = mask.astype(np.uint8)
        made = {
            "self": inpaint_by_reference(damaged, mask, [], model=model),
            "reference": inpaint_by_reference(damaged, mask, [reference], model=model),
            "membrane": poisson.solve_masked(0 * damaged, mask, damaged).value,
            "patch": best_patch(damaged, mask),
            "telea": cv2.inpaint(levels, bits, 3, cv2.INPAINT_TELEA) / 255,
            "navier_stokes": cv2.inpaint(levels, bits, 3, cv2.INPAINT_NS) / 255,
        }
        row = {}
        for name, image in made.items():
            image = np.clip(image, 0, 1)
            error = np.mean((image - target)[mask] ** 2)
            row[f"{name}_psnr"] = float(-10 * np.log10(max(error, 1e-10)))
            row[f"{name}_lpips"] = float(_perceptual.distance(image, target))
        found.append(row)
    means = {key: float(np.mean([row[key] for row in found])) for key in found[0]}
    _common.save("reference", {"holes": {"pictures": len(found), **means}})


def best_patch(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The hole's box from where its margin of four pixels fits best, as it is."""
    import cv2

    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    top, left = max(rows[0] - 4, 0), max(columns[0] - 4, 0)
    box = np.s_[top : rows[-1] + 5, left : columns[-1] + 5]
    known = np.repeat((~mask[box])[..., None], 3, -1).astype(np.float32)
    error = cv2.matchTemplate(image, image[box], cv2.TM_SQDIFF, mask=known)
    h, w = known.shape[:2]
    # Nothing of the hole may be in what is copied.
    filled = cv2.filter2D(mask.astype(np.float32), -1, np.ones((h, w)), anchor=(0, 0))
    error[filled[: error.shape[0], : error.shape[1]] > 0.5] = np.inf
    made = image.copy()
    if np.isfinite(error).any():
        y, x = np.unravel_index(np.argmin(error), error.shape)
        found = image[y : y + h, x : x + w]
        made[box] = np.where(mask[box][..., None], found, image[box])
    return made


def cost() -> None:
    rows = {}
    for size in SIZES:
        rows[f"attention_{size}"] = _process.measured(f"reference.attend({size})")
        rows[f"whole_{size}"] = _process.measured(f"reference.whole({size})")
        if size < SIZES[-1]:  # 16 GiB of relevances
            row = _process.measured(f"reference.attend({size}, dense=True)")
            rows[f"attention_{size}_dense"] = row
    _common.save("reference", rows)


def attend(size: int, dense: bool = False) -> None:
    """Prints what matching `size / 4` cells a side of 256 features costs."""
    draw = np.random.default_rng(0)
    shape = (2, size // 4, size // 4, 256)
    queries, keys = jnp.asarray(draw.standard_normal(shape, np.float32))
    call = all_at_once if dense else jax.jit(lambda a, b: match_patches(a, [b]))
    _process.report(lambda: call(queries, keys), repeats=1 + (size < SIZES[-1]))


@jax.jit
def all_at_once(queries: jax.Array, keys: jax.Array) -> tuple[jax.Array, jax.Array]:
    def patches(x):
        found = jax.lax.conv_general_dilated_patches(
            x[None], (3, 3), (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )[0].reshape(-1, 9 * x.shape[-1])
        return found / jnp.linalg.norm(found, axis=-1, keepdims=True)

    relevance = patches(queries) @ patches(keys).T
    return relevance.argmax(-1), relevance.max(-1)


def whole(size: int) -> None:
    """Prints what a picture of `size` by a reference as large costs."""
    model = load_model(parse([]).model)
    draw = np.random.default_rng(0)
    low = draw.random((size // 4, size // 4, 3), np.float32)
    reference = draw.random((size, size, 3), np.float32)
    call = functools.partial(upscale_by_reference, low, [reference], model=model)
    _process.report(call, repeats=1 + (size < SIZES[-1]))


def held_out(count: int, side: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Crops of photographs not trained on, reduced, with another of the same."""
    paths = inr.list_images(_common.DATA / "photos")
    _, paths = training.split_by_hash(paths, group=_common.photo)
    groups = [_common.photo(path.stem) for path in paths]
    pairs = training.ImagePairs(training.ImageFiles(paths), groups, max_partners=1)
    order = np.random.default_rng(0).permutation(len(pairs))[:count]
    both = np.stack([pairs[i] for i in order])
    small = np.asarray(
        training.reduce_images(both, (side, side), interpolation="bicubic")
    )
    return [(x[..., :3], x[..., 3:]) for x in small.clip(0, 1)]


def _turned(pairs: list, by: int) -> list:
    references = [references for _, references in pairs]
    return references[by:] + references[:by]


def _halved(image: np.ndarray) -> np.ndarray:
    h, w = (n // 2 for n in image.shape[:2])
    small = training.reduce_images(image[None], (h, w), interpolation="bicubic")
    return np.asarray(small[0]).clip(0, 1)


def _read(path) -> np.ndarray:
    return inr.read_image(path)[..., :3]


def parse(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["scores", "holes", "cost"])
    parser.add_argument("--model", default=str(inr.pretrained.file("textures")))
    parser.add_argument("--holes-model", default=str(inr.pretrained.file("inpainting")))
    return parser.parse_args(words)


def main() -> None:
    args = parse()
    for part in args.parts:
        if part == "scores":
            scores(load_model(args.model))
        if part == "holes":
            holes(load_model(args.holes_model))
        if part == "cost":
            cost()


if __name__ == "__main__":
    main()
