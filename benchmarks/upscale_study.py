"""Three studies of upscaling by networks.

    python benchmarks/upscale_study.py [single] [condition] [dataset]

`single`: a SIREN fitted to one image of 128x128 and rendered at 512x512, compared with
nearest and bicubic interpolation of the same pixels. `condition`: whether the output
depends on the input, measured by replacing the input by another image. `dataset`: a
small model trained on 25 and on 250 photographs for equally many steps, scored on
training and on held-out photographs.
"""

import sys

import _common
import jax
import jax.numpy as jnp
import numpy as np
from skimage import data

import inr
from inr import metrics, training
from inr.models import LoadedModel
from inr.upscaling import Upscaler, upscaler_loss

SMALL = Upscaler(width=16, blocks=3, waves=16)
STEPS, HELD_OUT = 600, 30


def single() -> None:
    rows = {}
    for name in ("astronaut", "chelsea"):
        large = getattr(data, name)()[:512, :512].astype(np.float32) / 255
        h, w = (n // 4 * 4 for n in large.shape[:2])
        large = large[:h, :w]
        small = np.asarray(training.reduce_images(large, (h // 4, w // 4)))
        omega = inr.suggest_omega(small)
        model = inr.Siren(features=3, width=256, depth=3, omega=omega)
        result = inr.fit_image(jax.random.key(0), small, model=model, progress=False)
        results = {
            "siren": inr.render(result.field, (h, w), progress=False),
            "upscale": inr.upscale(small, 4, progress=False),
            "nearest": jax.image.resize(small, large.shape, "nearest"),
            "bicubic": jax.image.resize(small, large.shape, "cubic"),
        }
        rows[f"single_{name}"] = {
            f"{k}_mse": float(metrics.mse(np.clip(x, 0, 1), large))
            for k, x in results.items()
        }
    _common.save("upscale_study", rows)


def condition() -> None:
    large = data.chelsea()[:296, :448].astype(np.float32) / 255
    small = np.asarray(
        training.reduce_images(large, (148, 224), interpolation="bicubic")
    )
    inputs = {
        "image": small,
        "white": np.ones_like(small),
        "mirrored": small[:, ::-1].copy(),
    }
    row = {
        f"input_{name}_mse": float(
            metrics.mse(np.clip(inr.upscale(x, 2, progress=False), 0, 1), large)
        )
        for name, x in inputs.items()
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
        train_paths = [by_photo[name] for name in names[HELD_OUT : HELD_OUT + count]]
        loss = upscaler_loss(SMALL, num_points=400)
        model = train(SMALL, loss, train_paths, STEPS)
        rows[f"dataset_{count}"] = {
            "training_gain_db": gain(model, train_paths[:25]),
            "held_out_gain_db": gain(model, held_out),
        }
    _common.save("upscale_study", rows)


def train(model: Upscaler, loss, paths: list, num_steps: int) -> LoadedModel:
    batches = training.crop_batches(
        jax.random.key(2), training.ImageFiles(paths), batch_size=8, side=256
    )
    params = model.init(jax.random.key(0), jnp.zeros((1, 2)), jnp.zeros((8, 8, 3)))
    result = training.train(
        jax.random.key(1), loss, params, batches, num_steps=num_steps, progress=False
    )
    return LoadedModel(model, result.ema)


def gain(model: LoadedModel, paths: list) -> float:
    """Mean gain in PSNR (dB) over bicubic interpolation, 80x80 to 160x160."""
    gains = []
    for levels in training.ImageFiles(paths):
        large = training.reduce_images(levels, (160, 160), interpolation="bicubic")
        large = np.asarray(large).clip(0, 1)
        small = training.reduce_images(large, (80, 80), interpolation="bicubic")
        small = np.asarray(small).clip(0, 1)
        upscaled = inr.upscale(small, 2, model=model, progress=False)
        bicubic = jax.image.resize(small, large.shape, "cubic")
        model_psnr, bicubic_psnr = (
            metrics.psnr(np.clip(x, 0, 1), large) for x in (upscaled, bicubic)
        )
        gains.append(float(model_psnr - bicubic_psnr))
    return float(np.mean(gains))


if __name__ == "__main__":
    jobs = {f.__name__: f for f in (single, condition, dataset)}
    for name in sys.argv[1:] or jobs:
        jobs[name]()
