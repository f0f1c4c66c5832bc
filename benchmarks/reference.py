"""Upscaling (x4) and inpainting by references: quality, time and memory.

    python benchmarks/reference.py [scores] [holes] [cost]
        [--model FILE] [--holes-model FILE]

`scores`: PSNR and SSIM of luma with references of the scene, with references of another
image, and with none, compared with the pretrained upscaler and bicubic interpolation of
the same pixels. The images are a group of CUFED's test set, with five references of
decreasing similarity and with all five, ten of CUFED's training pairs, a stereo pair,
and held-out crops, each with another crop of its photograph. `holes`: errors within
holes of such crops, with and without a reference, compared with a copy of the best
patch, a membrane, and OpenCV. `cost`: attention in blocks, attention with all
relevances at once, and complete calls.
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
from inr import metrics, training
from inr.models import LoadedModel, load_model
from inr.references import inpaint, match_patches, upscale_by_reference

BENCH = _common.DATA / "bench"
SIZES = (256, 512, 1024)


def scores(model: LoadedModel) -> None:
    kodak = _read(BENCH / "kodak24" / "kodim05.png")
    group = [_read(path) for path in sorted((BENCH / "cufed_refsr/test").glob("*"))]
    target, references = group[0], group[1:]
    rows = {}
    for i, reference in enumerate(references, 1):
        rows[f"cufed_001_{i}"] = score_pairs(model, [(target, [reference])], [[kodak]])
    rows["cufed_001_all"] = score_pairs(model, [(target, references)], [[kodak]])
    files = sorted((BENCH / "cufed_refsr/train_input").glob("*"))
    folder = BENCH / "cufed_refsr/train_ref"
    pairs = [(_read(f), [_read(folder / f.name)]) for f in files]
    # The files have three consecutive pairs of each scene.
    rows["cufed_pairs"] = score_pairs(model, pairs, _rotate(pairs, 3))
    left, right = (
        _halve(_read(BENCH / f"skimage/motorcycle_{side}.png"))
        for side in ("left", "right")
    )
    rows["motorcycle"] = score_pairs(model, [(left, [right])], [[kodak]])
    pairs = [(a, [b]) for a, b in held_out(32, 128)]
    rows["photos"] = score_pairs(model, pairs, _rotate(pairs, 1))
    _common.save("reference", rows)


def score_pairs(
    model: LoadedModel, pairs: list, unrelated_references: list
) -> dict[str, float]:
    """Mean scores of pairs (target, references), and with unrelated references."""
    rows = []
    for (target, references), unrelated in zip(
        pairs, unrelated_references, strict=True
    ):
        h, w = (n // 4 * 4 for n in target.shape[:2])
        target = target[:h, :w]
        low = training.reduce_images(
            target[None], (h // 4, w // 4), interpolation="bicubic"
        )
        low = np.round(255 * np.clip(low[0], 0, 1)).astype(np.float32) / 255
        results = {
            "true": upscale_by_reference(low, references, model=model),
            "unrelated": upscale_by_reference(low, unrelated, model=model),
            "without": upscale_by_reference(low, [], model=model),
            "upscaler": inr.upscale(low, 4, progress=False),
            "bicubic": jax.image.resize(low, target.shape, "cubic"),
        }
        row = {}
        for name, image in results.items():
            image = np.clip(image, 0, 1)
            row[f"{name}_psnr"] = float(metrics.psnr_y(image, target, shave=0))
            row[f"{name}_ssim"] = float(metrics.ssim_y(image, target, shave=0))
        rows.append(row)
    means = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    gains = [row["true_psnr"] - row["without_psnr"] for row in rows]
    return {"images": len(rows), "better_with": sum(g > 0 for g in gains), **means}


def holes(model: LoadedModel) -> None:
    """PSNR of RGB within the hole, and LPIPS of the image."""
    import cv2

    pairs = held_out(24, 128)
    masks = training.random_holes(jax.random.key(5), (128, 128), num_holes=len(pairs))
    rows = []
    for (target, reference), mask in zip(pairs, np.asarray(masks), strict=True):
        damaged = np.where(mask[..., None], 0, target).astype(np.float32)
        levels = np.round(255 * damaged).astype(np.uint8)
        bits = mask.astype(np.uint8)
        results = {
            "self": inpaint(damaged, mask, model=model),
            "reference": inpaint(damaged, mask, references=[reference], model=model),
            "membrane": inpaint(damaged, mask, method="membrane"),
            "patch": best_patch(damaged, mask),
            "telea": cv2.inpaint(levels, bits, 3, cv2.INPAINT_TELEA) / 255,
            "navier_stokes": cv2.inpaint(levels, bits, 3, cv2.INPAINT_NS) / 255,
        }
        row = {}
        for name, image in results.items():
            image = np.clip(image, 0, 1)
            error = np.mean((image - target)[mask] ** 2)
            row[f"{name}_psnr"] = float(-10 * np.log10(max(error, 1e-10)))
            row[f"{name}_lpips"] = float(_perceptual.distance(image, target))
        rows.append(row)
    means = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    _common.save("reference", {"holes": {"images": len(rows), **means}})


def best_patch(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill the hole by a copy of the box whose margin of four pixels matches best."""
    import cv2

    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    top, left = max(rows[0] - 4, 0), max(columns[0] - 4, 0)
    box = np.s_[top : rows[-1] + 5, left : columns[-1] + 5]
    known = np.repeat((~mask[box])[..., None], 3, -1).astype(np.float32)
    error = cv2.matchTemplate(image, image[box], cv2.TM_SQDIFF, mask=known)
    h, w = known.shape[:2]
    # A box that overlaps the hole must not be copied.
    overlap = cv2.filter2D(mask.astype(np.float32), -1, np.ones((h, w)), anchor=(0, 0))
    error[overlap[: error.shape[0], : error.shape[1]] > 0.5] = np.inf
    result = image.copy()
    if np.isfinite(error).any():
        y, x = np.unravel_index(np.argmin(error), error.shape)
        patch = image[y : y + h, x : x + w]
        result[box] = np.where(mask[box][..., None], patch, image[box])
    return result


def cost() -> None:
    """Seconds and memory, each in a separate process."""
    rows = {}
    for size in SIZES:
        rows[f"attention_{size}"] = _process.measure(
            f"reference.report_attention({size})"
        )
        rows[f"call_{size}"] = _process.measure(f"reference.report_call({size})")
        if size < SIZES[-1]:  # there, the relevances would need 16 GiB
            row = _process.measure(f"reference.report_attention({size}, dense=True)")
            rows[f"attention_{size}_dense"] = row
    _common.save("reference", rows)


def report_attention(size: int, dense: bool = False) -> None:
    """Print the cost of matching two square maps with `size / 4` cells a side."""
    generator = np.random.default_rng(0)
    shape = (2, size // 4, size // 4, 256)
    queries, keys = jnp.asarray(generator.standard_normal(shape, np.float32))
    call = match_densely if dense else jax.jit(lambda a, b: match_patches(a, [b]))
    _process.report(lambda: call(queries, keys), repeats=1 + (size < SIZES[-1]))


@jax.jit
def match_densely(queries: jax.Array, keys: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Position and value of the largest relevance, from a matrix of all relevances."""

    def patches(x):
        vectors = jax.lax.conv_general_dilated_patches(
            x[None], (3, 3), (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )[0].reshape(-1, 9 * x.shape[-1])
        return vectors / jnp.linalg.norm(vectors, axis=-1, keepdims=True)

    relevance = patches(queries) @ patches(keys).T
    return relevance.argmax(-1), relevance.max(-1)


def report_call(size: int) -> None:
    """Print the cost of upscaling to `size` by one reference of that size."""
    model = load_model(parse([]).model)
    generator = np.random.default_rng(0)
    low = generator.random((size // 4, size // 4, 3), np.float32)
    reference = generator.random((size, size, 3), np.float32)
    call = functools.partial(upscale_by_reference, low, [reference], model=model)
    _process.report(call, repeats=1 + (size < SIZES[-1]))


def held_out(count: int, side: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of crops of held-out photographs, reduced: two crops of one photograph."""
    paths = inr.list_images(_common.DATA / "photos")
    _, paths = training.split_by_hash(paths, group=_common.photo)
    groups = [_common.photo(path.stem) for path in paths]
    pairs = training.ImagePairs(training.ImageFiles(paths), groups, max_partners=1)
    order = np.random.default_rng(0).permutation(len(pairs))[:count]
    stacked = np.stack([pairs[i] for i in order])
    small = np.asarray(
        training.reduce_images(stacked, (side, side), interpolation="bicubic")
    )
    return [(x[..., :3], x[..., 3:]) for x in small.clip(0, 1)]


def _rotate(pairs: list, by: int) -> list:
    references = [references for _, references in pairs]
    return references[by:] + references[:by]


def _halve(image: np.ndarray) -> np.ndarray:
    h, w = (n // 2 for n in image.shape[:2])
    small = training.reduce_images(image[None], (h, w), interpolation="bicubic")
    return np.asarray(small[0]).clip(0, 1)


def _read(path) -> np.ndarray:
    return inr.read_image(path)[..., :3]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["scores", "holes", "cost"])
    parser.add_argument("--model", default=str(inr.pretrained.file("textures")))
    parser.add_argument("--holes-model", default=str(inr.pretrained.file("inpainting")))
    return parser.parse_args(arguments)


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
