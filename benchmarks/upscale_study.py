"""Four questions about upscaling by networks, and what answers them.

    python benchmarks/upscale_study.py [single] [condition] [dataset] [heads]

`single`: a SIREN fitted to one image of 128x128 and rendered at 512x512, beside nearest
and bicubic interpolation of the same pixels. `condition`: whether the small image
enters at all: what comes out when another one is given. `dataset`: a small model
trained on 25 and on 250 photographs for as many steps, scored on photographs that it
saw and on others. `heads`: the shipped upscaler's encoder under its own head, a sum of
waves, and under LIIF's, a small network, trained for as many steps each; PSNR on Set5,
and seconds of a step and of enlarging.
"""

import functools
import sys
import time

import _common
import jax
import jax.numpy as jnp
import numpy as np
from skimage import data
from upscale import published_pairs

import inr
from inr import metrics, training
from inr.restoration import LoadedModel, Upscaler, upscaler_loss

SMALL = Upscaler(width=16, blocks=3, waves=16)
STEPS, HELD_OUT = 600, 30
HEADS, HEAD_STEPS = ("waves", "mlp"), 600


def single() -> None:
    rows = {}
    for name in ("astronaut", "chelsea"):
        large = getattr(data, name)()[:512, :512].astype(np.float32) / 255
        h, w = (n // 4 * 4 for n in large.shape[:2])
        large = large[:h, :w]
        small = np.asarray(training.reduce_images(large, (h // 4, w // 4)))
        omega = inr.suggest_omega(small)
        model = inr.Siren(features=3, width=256, depth=3, omega=omega)
        result = inr.fit_image(
            jax.random.key(0), model, small, num_steps=300, antialias=2,
            learning_rate=5e-4, progress=False,
        )  # fmt: skip
        made = {
            "siren": inr.render(inr.bind(model, result.params), (h, w), progress=False),
            "upscale": inr.upscale(small, 4, progress=False),
            "nearest": jax.image.resize(small, large.shape, "nearest"),
            "bicubic": jax.image.resize(small, large.shape, "cubic"),
        }
        rows[f"single_{name}"] = {
            f"{k}_mse": float(metrics.mse(np.clip(x, 0, 1), large))
            for k, x in made.items()
        }
    _common.save("upscale_study", rows)


def condition() -> None:
    large = data.chelsea()[:296, :448].astype(np.float32) / 255
    small = np.asarray(
        training.reduce_images(large, (148, 224), interpolation="bicubic")
    )
    given = {
        "the_image": small,
        "white": np.ones_like(small),
        "mirrored": small[:, ::-1].copy(),
    }
    row = {
        f"given_{name}_mse": float(
            metrics.mse(np.clip(inr.upscale(x, 2, progress=False), 0, 1), large)
        )
        for name, x in given.items()
    }
    _common.save("upscale_study", {"condition": row})


def dataset() -> None:
    paths = inr.list_images(_common.DATA / "photos")
    by_photo = {_common.photo(path.stem): path for path in paths}
    names = sorted(by_photo)
    np.random.default_rng(0).shuffle(names)
    held_out = [by_photo[name] for name in names[:HELD_OUT]]
    rows = {}
    for count in (25, 250):
        seen = [by_photo[name] for name in names[HELD_OUT : HELD_OUT + count]]
        loss = upscaler_loss(SMALL, num_points=400)
        model = trained(SMALL, loss, seen, STEPS)
        rows[f"dataset_{count}"] = {
            "seen_gain_db": gain(model, seen[:25]),
            "held_out_gain_db": gain(model, held_out),
        }
    _common.save("upscale_study", rows)


def heads() -> None:
    paths = inr.list_images(_common.DATA / "photos")
    seen, _ = training.split_by_hash(paths, group=_common.photo)
    image = data.astronaut()[:256, :256] / np.float32(255)
    rows = {}
    for head in HEADS:
        model = Upscaler(head=head)
        start = time.perf_counter()
        known = trained(model, upscaler_loss(model), seen, HEAD_STEPS)
        row = {"training_s_a_step": (time.perf_counter() - start) / HEAD_STEPS}
        row["parameters"] = sum(x.size for x in jax.tree.leaves(known.params))
        for scale in (2, 3, 4):
            scores = [
                float(metrics.psnr_y(enlarged(low, scale, known), high, shave=scale))
                for high, low in published_pairs("set5", scale)
            ]
            row[f"set5_x{scale}_psnr"] = float(np.mean(scores))
        calls = {
            f"x{s:g}_s": functools.partial(enlarged, image, s, known) for s in (2, 2.7)
        }
        rows[f"head_{head}"] = row | _common.paired(calls, repeats=3)
    _common.save("upscale_study", rows)


def trained(model: Upscaler, loss, paths: list, num_steps: int) -> LoadedModel:
    batches = training.crop_batches(
        jax.random.key(2), training.ImageFiles(paths), batch_size=8, size=256
    )
    params = model.init(jax.random.key(0), jnp.zeros((1, 2)), jnp.zeros((8, 8, 3)))
    result = training.train(
        jax.random.key(1), loss, params, batches, num_steps=num_steps, progress=False
    )
    return LoadedModel(model, result.ema)


def enlarged(image: np.ndarray, scale: float, model: LoadedModel) -> np.ndarray:
    return np.asarray(inr.upscale(image, scale, model=model, progress=False))


def gain(model: LoadedModel, paths: list) -> float:
    """Mean PSNR above bicubic interpolation's, 80x80 to 160x160."""
    gains = []
    for levels in training.ImageFiles(paths):
        large = training.reduce_images(levels, (160, 160), interpolation="bicubic")
        large = np.asarray(large).clip(0, 1)
        small = training.reduce_images(large, (80, 80), interpolation="bicubic")
        small = np.asarray(small).clip(0, 1)
        made = inr.upscale(small, 2, model=model, progress=False)
        cubic = jax.image.resize(small, large.shape, "cubic")
        ours, theirs = (metrics.psnr(np.clip(x, 0, 1), large) for x in (made, cubic))
        gains.append(float(ours - theirs))
    return float(np.mean(gains))


if __name__ == "__main__":
    jobs = {f.__name__: f for f in (single, condition, dataset, heads)}
    for name in sys.argv[1:] or jobs:
        jobs[name]()
