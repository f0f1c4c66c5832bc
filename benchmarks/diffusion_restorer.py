"""Samples of colors: error, diversity, calibration and colorfulness.

    python benchmarks/diffusion_restorer.py [strides] [steps] [presets] [samples] ...

The inputs are gray images of 128x128: portraits of people held out of training. Results
keep the luma, and each image has different seeds. `strides`: errors with eta 0 over
those with eta 1, by the number of steps. `steps`: eight steps compared with a hundred.
`presets`: the presets of `inr.colorization`. `samples`: the error of the mean of 16
samples over that of the single pass, calibration, and ranks. `diversity`: LPIPS between
samples. `noise`: a noise field compared with independent noise. `guidance`: scores by
guidance scale. `pictures`: sheets of the presets, of images and of regions. `speed`:
512x512 in eight steps.
"""

import itertools
import sys
from collections.abc import Iterator
from dataclasses import replace

import _common
import _perceptual
import _process
import jax
import numpy as np
from restorer import as_image, split_portraits

import inr
from inr import color, diffusion, metrics, training
from inr.colorization import PRESETS, SampledField, sampled_colorization_field
from inr.commands._sheet import write_sheet

IMAGES, SEEDS = 24, 3
# For mean errors, which a few portraits dominate: more portraits, evaluated at fewer
# points. The samples at points do not depend on the other points.
MORE_IMAGES, SAMPLES, POINTS = 128, 8, (32, 32)


def strides() -> None:
    images = held_out(MORE_IMAGES)
    single = mean_error([(at_points(single_pass(x)), at_points(x)) for x in images])
    rows = {}
    for num_steps in (4, 8, 25, 100):
        row = {}
        for eta in (0.0, 1.0):
            sampler = diffusion.ddim(num_steps=num_steps, eta=eta)
            pairs = [
                (sample, at_points(x))
                for i, x in enumerate(images)
                for sample in samples_at_points(x, i, sampler, SAMPLES)
            ]
            row[f"eta_{eta:.0f}_mse"] = mean_error(pairs)
        row["ratio"] = row["eta_0_mse"] / row["eta_1_mse"]
        row["lower_over_single_pass"] = min(row["eta_0_mse"], row["eta_1_mse"]) / single
        rows[f"strides_{num_steps}"] = row
    rows["single_pass"] = {"mse": single}
    _common.save("diffusion_restorer", rows)


def steps() -> None:
    images = held_out(MORE_IMAGES // 2)
    samplers = {
        "ddim_8": diffusion.ddim(num_steps=8),
        "ddim_100": diffusion.ddim(num_steps=100),
        "dpmpp_8": diffusion.dpmpp(order=2, num_steps=8),
    }
    rows = {}
    for name, sampler in samplers.items():
        pairs = [(one_sample(x, seed, sampler=sampler), x) for x, seed in cases(images)]
        rows[f"steps_{name}"] = scores(pairs)
    rows["steps_single_pass"] = scores([(single_pass(x), x) for x in images])
    rows["steps_quarter_turn"] = scores([(quarter_turn(x), x) for x in images])
    _common.save("diffusion_restorer", rows)


def presets() -> None:
    images = held_out()
    rows = {"preset_none": scores([(single_pass(x), x) for x in images])}
    for name, options in PRESETS.items():
        pairs = [(one_sample(x, seed, **options), x) for x, seed in cases(images)]
        rows[f"preset_{name}"] = scores(pairs) | {
            "variation_over_truth": sum(variation(a) for a, _ in pairs)
            / sum(variation(b) for _, b in pairs)
        }
    _common.save("diffusion_restorer", rows)


def guidance() -> None:
    images, rows = held_out(MORE_IMAGES // 2), {}
    for scale in (1.0, 1.5, 2.0, 3.0):
        pairs = [
            (one_sample(x, seed, guidance_scale=scale), x) for x, seed in cases(images)
        ]
        rows[f"guidance_{scale}"] = scores(pairs)
    _common.save("diffusion_restorer", rows)


def pictures(count: int = 3) -> None:
    """Sheets of the presets; close-ups have the seeds and colors of their images."""
    regions = {"image": ((0.0, 0.0), (1.0, 1.0)), "region": ((0.2, 0.2), (0.4, 0.6))}
    for i, image in enumerate(held_out()[:count]):
        for name, region in regions.items():
            view = {"region": region, "size": (256, 256 if name == "image" else 512)}
            gray = np.asarray(color.rgb_to_luma(image))
            pixels = inr.coords.grid(view["size"], region=region)
            panels = {
                "original": inr.coords.sample_grid(
                    image, pixels, interpolation="cubic"
                ),
                "single pass": inr.colorize(
                    gray, model="portraits", progress=False, **view
                ),
            }
            for preset, options in PRESETS.items():
                panels[preset] = one_sample(image, i, **options, **view)
            for seed in range(1, 3):
                panels[f"default, seed {seed}"] = one_sample(image, 1000 + seed, **view)
            out = _common.HERE / "out" / f"diffusion_{i}_{name}.png"
            out.parent.mkdir(exist_ok=True)
            write_sheet(out, panels, columns=3)


def samples(count: int = 16) -> None:
    sampler = diffusion.ddim(num_steps=50, eta=1.0)
    rows, ranks = [], np.zeros(count + 1)
    for i, image in enumerate(held_out(MORE_IMAGES)):
        values = samples_at_points(image, i, sampler, count)
        truth = at_points(image)
        chroma, true_chroma = (color.rgb_to_ycbcr(x)[..., 1:] for x in (values, truth))
        ranks += np.bincount(
            np.asarray((chroma < true_chroma[None]).sum(0)).ravel(),
            minlength=count + 1,
        )
        single = at_points(single_pass(image))
        rows.append(
            {
                "mean_mse": float(metrics.mse(values.mean(0), truth)),
                "single_mse": float(metrics.mse(single, truth)),
                "variance": float(values.var(0, ddof=1).mean()),
            }
        )
    row = {key: float(np.mean([r[key] for r in rows])) for key in rows[0]}
    row["mean_over_single"] = row["mean_mse"] / row["single_mse"]
    # The error of the mean of n samples is the posterior's variance times 1 + 1 / n.
    row["calibration"] = row["variance"] * (1 + 1 / count) / row["mean_mse"]
    row["ranks"] = np.round(ranks / ranks.sum() * (count + 1), 3).tolist()
    _common.save("diffusion_restorer", {"samples": row})


def diversity() -> None:
    sampler, distances = diffusion.ddim(num_steps=50, eta=1.0), []
    for i, image in enumerate(held_out()):
        gray, key = color.rgb_to_luma(image), jax.random.key(i)
        results = inr.colorize_samples(key, gray, num_samples=4, sampler=sampler)
        pairs = itertools.combinations(np.asarray(results).clip(0, 1), 2)
        distances.append(np.mean([_perceptual.distance(a, b) for a, b in pairs]))
    row = {"mean_pairwise_lpips": float(np.mean(distances))}
    _common.save("diffusion_restorer", {"diversity": row})


def noise() -> None:
    sampler, rows = diffusion.ddim(num_steps=50, eta=1.0), {}
    images = held_out()
    true_variation = np.mean([variation(x) for x in images])
    for name, length_scale in (("field", 1.0), ("shared", np.inf), ("grain", 1e-3)):
        options = {"sampler": sampler, "length_scale": length_scale}
        results = [one_sample(x, seed, **options) for x, seed in cases(images)]
        mean = np.mean([variation(x) for x in results])
        rows[f"noise_{name}"] = {"variation_over_truth": float(mean / true_variation)}
    _common.save("diffusion_restorer", rows)


def speed() -> None:
    call = "diffusion_restorer.report_sample((512, 512))"
    _common.save("diffusion_restorer", {"speed_512_8_steps": _process.measure(call)})


def report_sample(size: tuple) -> None:
    """Print the seconds and the memory of one sample."""
    gray = np.random.default_rng(0).random(size, np.float32)
    _process.report(lambda: one_sample(gray, 0), 3)


def one_sample(
    image: np.ndarray, seed: int, *, size=None, region=None, **options
) -> np.ndarray:
    """A sample for the luma of an RGB image, or for a gray image `[h, w]`, clipped."""
    gray = image if image.ndim == 2 else np.asarray(color.rgb_to_luma(image))
    field = sampled_colorization_field(jax.random.key(seed), gray, **options)
    size = gray.shape[:2] if size is None else size
    rgb = inr.render(field, size, region=region, progress=False)
    return np.asarray(rgb).clip(0, 1)


def samples_at_points(image: np.ndarray, seed: int, sampler, count: int) -> np.ndarray:
    gray = np.asarray(color.rgb_to_luma(image))
    keys = jax.random.split(jax.random.key(seed), count)
    field = sampled_colorization_field(keys[0], gray, sampler=sampler)
    return np.asarray(_evaluate(field, keys)).clip(0, 1)


@jax.jit
def _evaluate(field: SampledField, keys: jax.Array) -> jax.Array:
    coords = inr.coords.grid(POINTS)
    return jax.vmap(lambda key: replace(field, key=key)(coords))(keys)


def single_pass(image: np.ndarray) -> np.ndarray:
    gray = np.asarray(color.rgb_to_luma(image))
    return np.asarray(inr.colorize(gray, model="portraits")).clip(0, 1)


def quarter_turn(image: np.ndarray) -> np.ndarray:
    """A result as far from the single pass as the truth, in another direction.

    At every point, the difference from the single pass in the plane of chroma is that
    of the truth, rotated by 90 degrees. An ideal sample, which is independent of the
    truth, has similar scores.
    """
    mean = np.asarray(color.rgb_to_ycbcr(single_pass(image)))
    b, r = np.moveaxis(np.asarray(color.rgb_to_ycbcr(image)) - mean, -1, 0)[1:]
    chroma = mean[..., 1:] + np.stack([-r, b], -1)
    luma = np.asarray(color.rgb_to_luma(image))
    rgb = color.ycbcr_to_rgb(np.concatenate([luma, chroma], -1))
    return np.asarray(rgb).clip(0, 1)


def cases(images: list) -> Iterator[tuple[np.ndarray, int]]:
    """Images with seeds, which are all different."""
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


def scores(pairs: list) -> dict[str, float]:
    """Scores of (result, truth) pairs.

    The colorfulness gap is the difference of the means over the set, as in DDColor's
    table; the colorfulness distance is the mean difference of the pairs.
    """
    colorfulness, true_colorfulness = (
        np.array([float(metrics.colorfulness(pair[i])) for pair in pairs])
        for i in range(2)
    )
    return {
        "mse": mean_error(pairs),
        "lpips": float(np.mean([_perceptual.distance(a, b) for a, b in pairs])),
        "colorfulness": float(colorfulness.mean()),
        "colorfulness_gap": float(abs(colorfulness.mean() - true_colorfulness.mean())),
        "colorfulness_distance": float(np.abs(colorfulness - true_colorfulness).mean()),
    }


def variation(image: np.ndarray) -> float:
    """Mean absolute difference of neighboring pixels' chroma."""
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
