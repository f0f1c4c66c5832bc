"""What sampling colors is for: plausible, different, colorful results.

    python benchmarks/diffusion_restorer.py [strides] [steps] [presets] [samples] ...

Portraits held out by person, 128x128 gray to color with the luma kept, each with
seeds of its own. `strides`: errors with eta 0 over those with eta 1, by the number of
steps. `steps`: few steps against a hundred. `presets`: settings of those before us, and
ours. `samples`: the mean of 16 samples beside the single pass, calibration, ranks.
`diversity`: LPIPS between samples. `noise`: a field of noise against grain.
`guidance`: how much. `pictures`: the presets, whole and in part, on a sheet. `speed`:
512x512 in eight steps.
"""

import itertools
import sys
from dataclasses import replace

import _common
import _perceptual
import _process
import jax
import numpy as np
from restorer import as_image, split_portraits

import inr
from inr import color, diffusion, metrics, training
from inr.commands._sheet import write_sheet
from inr.restoration import PRESETS, SampledField, draw_restorer

IMAGES, SEEDS = 24, 3
# Where only errors are asked, which a few of the portraits have most of: more of them,
# at some of their points. Points do not see each other.
MANY, DRAWS, POINTS = 128, 8, (32, 32)


def strides() -> None:
    images = held_out(MANY)
    single = mean_error([(at_points(single_pass(x)), at_points(x)) for x in images])
    rows = {}
    for steps in (4, 8, 25, 100):
        row = {}
        for eta in (0.0, 1.0):
            sampler = diffusion.ddim(num_steps=steps, eta=eta)
            made = [
                (draw, at_points(x))
                for i, x in enumerate(images)
                for draw in drawn_at_points(x, i, sampler, DRAWS)
            ]
            row[f"eta_{eta:.0f}_mse"] = mean_error(made)
        row["ratio"] = row["eta_0_mse"] / row["eta_1_mse"]
        row["least_over_single_pass"] = min(row["eta_0_mse"], row["eta_1_mse"]) / single
        rows[f"strides_{steps}"] = row
    rows["single_pass"] = {"mse": single}
    _common.save("diffusion_restorer", rows)


def steps() -> None:
    images = held_out(MANY // 2)
    samplers = {
        "ddim_8": diffusion.ddim(num_steps=8),
        "ddim_100": diffusion.ddim(num_steps=100),
        "dpmpp_8": diffusion.dpmpp(order=2, num_steps=8),
    }
    rows = {}
    for name, sampler in samplers.items():
        made = [(drawn(x, seed, sampler), x) for x, seed in cases(images)]
        rows[f"steps_{name}"] = looks(made)
    rows["steps_single_pass"] = looks([(single_pass(x), x) for x in images])
    rows["steps_quarter_turn"] = looks([(quarter_turn(x), x) for x in images])
    _common.save("diffusion_restorer", rows)


def presets() -> None:
    images = held_out()
    rows = {"preset_none": looks([(single_pass(x), x) for x in images])}
    for name, options in PRESETS.items():
        made = [(drawn(x, seed, **options), x) for x, seed in cases(images)]
        rows[f"preset_{name}"] = looks(made) | {
            "variation_over_truth": sum(variation(a) for a, _ in made)
            / sum(variation(b) for _, b in made)
        }
    _common.save("diffusion_restorer", rows)


def guidance() -> None:
    images, rows = held_out(MANY // 2), {}
    for scale in (1.0, 1.5, 2.0, 3.0):
        made = [
            (drawn(x, seed, **PRESETS["ours"], guidance_scale=scale), x)
            for x, seed in cases(images)
        ]
        rows[f"guidance_{scale}"] = looks(made)
    _common.save("diffusion_restorer", rows)


def pictures(count: int = 3) -> None:
    """The close-up's seed is the whole picture's: it shows the same colors."""
    region = ((0.2, 0.2), (0.4, 0.6))
    for i, image in enumerate(held_out()[:count]):
        for name, part in (("whole", ((0.0, 0.0), (1.0, 1.0))), ("part", region)):
            view = {"region": part, "size": (256, 256 if name == "whole" else 512)}
            gray = np.asarray(color.rgb_to_luma(image))
            mean = inr.colorize(gray, model="portraits", progress=False, **view)
            shown = {
                "original": inr.coords.sample_grid(
                    image,
                    inr.coords.grid(view["size"], region=part),
                    interpolation="cubic",
                ),
                "single pass": mean,
            }
            for preset, options in PRESETS.items():
                shown[preset] = drawn(image, i, **options, **view)
            for seed in range(1, 3):
                shown[f"ours, seed {seed}"] = drawn(
                    image, 1000 + seed, **PRESETS["ours"], **view
                )
            out = _common.HERE / "out" / f"diffusion_{i}_{name}.png"
            out.parent.mkdir(exist_ok=True)
            write_sheet(out, shown, columns=3)


def samples(count: int = 16) -> None:
    sampler = diffusion.ddim(num_steps=50, eta=1.0)
    rows, ranks = [], np.zeros(count + 1)
    for i, image in enumerate(held_out(MANY)):
        draws = drawn_at_points(image, i, sampler, count)
        shown = at_points(image)
        chroma, true = (color.rgb_to_ycbcr(x)[..., 1:] for x in (draws, shown))
        ranks += np.bincount(
            np.asarray((chroma < true[None]).sum(0)).ravel(), minlength=count + 1
        )
        single = at_points(single_pass(image))
        rows.append(
            {
                "mean_mse": float(metrics.mse(draws.mean(0), shown)),
                "single_mse": float(metrics.mse(single, shown)),
                "variance": float(draws.var(0, ddof=1).mean()),
            }
        )
    row = {key: float(np.mean([r[key] for r in rows])) for key in rows[0]}
    row["mean_over_single"] = row["mean_mse"] / row["single_mse"]
    # The mean of n draws errs by the posterior's variance and an n-th of it.
    row["calibration"] = row["variance"] * (1 + 1 / count) / row["mean_mse"]
    row["ranks"] = np.round(ranks / ranks.sum() * (count + 1), 3).tolist()
    _common.save("diffusion_restorer", {"samples": row})


def diversity() -> None:
    sampler, distances = diffusion.ddim(num_steps=50, eta=1.0), []
    for i, image in enumerate(held_out()):
        draws = drawn(image, i, sampler, num_samples=4)
        pairs = itertools.combinations(draws, 2)
        distances.append(np.mean([_perceptual.distance(a, b) for a, b in pairs]))
    row = {"mean_pairwise_lpips": float(np.mean(distances))}
    _common.save("diffusion_restorer", {"diversity": row})


def noise() -> None:
    sampler, rows = diffusion.ddim(num_steps=50, eta=1.0), {}
    images = held_out()
    true = np.mean([variation(x) for x in images])
    for name, length in (("field", 1.0), ("shared", np.inf), ("grain", 1e-3)):
        made = [
            variation(drawn(x, seed, sampler, length_scale=length))
            for x, seed in cases(images)
        ]
        rows[f"noise_{name}"] = {"variation_over_truth": float(np.mean(made) / true)}
    _common.save("diffusion_restorer", rows)


def speed() -> None:
    call = "diffusion_restorer.one((512, 512))"
    _common.save("diffusion_restorer", {"speed_512_8_steps": _process.measured(call)})


def one(size: tuple) -> None:
    gray = np.random.default_rng(0).random(size, np.float32)
    _process.report(lambda: drawn(gray, 0, **PRESETS["ours"]), 3)


def drawn(image: np.ndarray, seed: int, sampler, **options) -> np.ndarray:
    """At the image's own luma; a gray image without channels is taken as it is."""
    gray = image if image.ndim == 2 else np.asarray(color.rgb_to_luma(image))
    options = {"sampler": sampler, "key": jax.random.key(seed), **options}
    return np.asarray(inr.colorize(gray, progress=False, **options)).clip(0, 1)


def drawn_at_points(image: np.ndarray, seed: int, sampler, count: int) -> np.ndarray:
    gray = np.asarray(color.rgb_to_luma(image))
    keys = jax.random.split(jax.random.key(seed), count)
    field = draw_restorer(keys[0], gray, model="portraits", sampler=sampler)
    return np.asarray(_at_points(field, keys)).clip(0, 1)


@jax.jit
def _at_points(field: SampledField, keys: jax.Array) -> jax.Array:
    coords = inr.coords.grid(POINTS)
    return jax.vmap(lambda key: replace(field, key=key)(coords))(keys)


def single_pass(image: np.ndarray) -> np.ndarray:
    gray = np.asarray(color.rgb_to_luma(image))
    return np.asarray(inr.colorize(gray, model="portraits")).clip(0, 1)


def quarter_turn(image: np.ndarray) -> np.ndarray:
    """What an ideal draw may be: as far from the single pass as the truth is.

    Everywhere by as much, the direction in the plane of chroma a right angle from the
    truth's, of which a draw may know nothing.
    """
    mean = np.asarray(color.rgb_to_ycbcr(single_pass(image)))
    b, r = np.moveaxis(np.asarray(color.rgb_to_ycbcr(image)) - mean, -1, 0)[1:]
    chroma = mean[..., 1:] + np.stack([-r, b], -1)
    luma = np.asarray(color.rgb_to_luma(image))
    made = color.ycbcr_to_rgb(np.concatenate([luma, chroma], -1))
    return np.asarray(made).clip(0, 1)


def cases(images: list):
    """Images with their seeds; no two images share one."""
    for i, image in enumerate(images):
        for seed in range(SEEDS):
            yield image, SEEDS * i + seed


def at_points(image: np.ndarray) -> np.ndarray:
    return np.asarray(
        inr.coords.sample_grid(image, inr.coords.grid(POINTS), interpolation="cubic")
    )


def held_out(count: int = IMAGES) -> list[np.ndarray]:
    _, paths = split_portraits()
    order = np.random.default_rng(0).permutation(len(paths))[:count]
    return [as_image(x) for x in training.ImageFiles([paths[i] for i in order])]


def mean_error(pairs: list) -> float:
    return float(np.mean([float(metrics.mse(a, b)) for a, b in pairs]))


def looks(pairs: list) -> dict[str, float]:
    """The gap is of means over the set, as in DDColor's table; the distance of each."""
    made, true = (
        np.array([float(metrics.colorfulness(pair[i])) for pair in pairs])
        for i in range(2)
    )
    return {
        "mse": mean_error(pairs),
        "lpips": float(np.mean([_perceptual.distance(a, b) for a, b in pairs])),
        "colorfulness": float(made.mean()),
        "colorfulness_gap": float(abs(made.mean() - true.mean())),
        "colorfulness_distance": float(np.abs(made - true).mean()),
    }


def variation(image: np.ndarray) -> float:
    """Mean absolute difference of neighbors' chroma."""
    chroma = np.asarray(color.rgb_to_ycbcr(image))[..., 1:]
    return float(sum(np.abs(np.diff(chroma, axis=axis)).mean() for axis in (0, 1)))


if __name__ == "__main__":
    all_jobs = (
        *(strides, steps, presets, samples, diversity),
        *(noise, guidance, pictures, speed),
    )
    jobs = {f.__name__: f for f in all_jobs}
    for name in sys.argv[1:] or jobs:
        jobs[name]()
