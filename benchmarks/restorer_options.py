"""Whether covering cells of the input helps a restorer, and what else does.

    python benchmarks/restorer_options.py [masks] [others] [--steps 400]

Seven kinds of masking; or color spaces, samplers of points and the like, one at a
time. Three seeds each, one small model and one short budget for all: a seed draws the
initial parameters, the crops, the points and the masks. Errors are of the portraits
held out, 64x64 gray to 128x128 color, never masked. Each finished run is kept in
restorer_options.json, and a second call goes on behind the last.
"""

import argparse
import json

import _common
import jax
import jax.numpy as jnp
import numpy as np
from restorer import split_portraits
from scipy import stats

from inr import training
from inr.restoration import Restorer, restorer_loss

PLAIN = {"plain": {}}
MASKS = PLAIN | {f"cells {x}": {"cells": x} for x in (4, 8, 16, 32)}
MASKS |= {f"cells {x}": {"cells": x} for x in ("uniform", "dynamic")}
OTHERS = PLAIN | {
    "space lab": {"space": "lab"},
    "space rgb": {"space": "rgb"},
    "shift 0.01": {"shift": 0.01},
    "uniform points": {"sampler": "uniform"},
    "halton points": {"sampler": "halton"},
    "pseudo-Huber, 1/127": {"delta": 1 / 127},
}
SEEDS = 3
MODEL = Restorer(widths=(16, 32, 64, 64), width=64, depth=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["masks", "others"])
    parser.add_argument("--steps", type=int, default=400)
    args = parser.parse_args()
    train, held_out = split_portraits()
    data = (training.ImageFiles(train), np.stack(training.ImageFiles(held_out)))
    for part in args.parts:
        rows = {"masks": MASKS, "others": OTHERS}[part]
        for seed in range(SEEDS):
            for name, options in rows.items():
                key = f"{name}, seed {seed}, {args.steps} steps"
                if key not in done():
                    score = trained(seed, args.steps, *data, **options)
                    _common.save("restorer_options", {key: score})
        table(rows, args.steps)


def trained(
    seed: int, steps: int, train, held_out, *, space: str = "ycbcr", **options
) -> dict:
    model = MODEL.clone(space=space)
    score = jax.jit(
        lambda params, crops: restorer_loss(model, num_points=4096)(
            params, jax.random.key(0), crops
        )[1]
    )
    keys = jax.random.split(jax.random.key(seed), 3)
    gray = jnp.zeros((model.side, model.side, 1))
    params = model.init(keys[0], jnp.zeros((1, 2)), gray)
    result = training.train(
        keys[1],
        restorer_loss(model, num_points=1024, **options),
        params,
        training.crop_batches(keys[2], train, batch_size=8, size=128),
        num_steps=steps,
        ema_decay=0.99,
        progress=False,
    )
    eighths = np.array_split(held_out, 8)
    parts = [score(result.ema, x) for x in eighths]
    sizes = [len(x) for x in eighths]
    return {
        part: float(np.average([x[part] for x in parts], weights=sizes))
        for part in parts[0]
    }


def done() -> dict:
    path = _common.HERE / "restorer_options.json"
    return json.loads(path.read_text()) if path.exists() else {}


def table(rows: dict, steps: int) -> None:
    """Mean errors; and how they differ from the plain ones of the same seeds, with an
    interval that holds the mean over all seeds 95 times of 100."""
    known = done()
    for part in ("restored", "luma", "colorized"):
        errors = {
            name: np.array(
                [known[f"{name}, seed {i}, {steps} steps"][part] for i in range(SEEDS)]
            )
            for name in rows
        }
        for name, found in errors.items():
            change = 100 * (found / errors["plain"] - 1)
            spread = stats.sem(change) * stats.t.ppf(0.975, SEEDS - 1)
            print(
                f"{part:10s} {name:20s} {found.mean():.5f}"
                f" {change.mean():+.1f} +- {spread:.1f} %"
            )


if __name__ == "__main__":
    main()
