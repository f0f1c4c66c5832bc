"""Whether covering cells of the input helps a restorer, and with which cells.

    python benchmarks/masking.py [steps a run]

Seven kinds of masking, three seeds each, one small model and one short budget for all:
a seed draws the initial parameters, the crops, the points and the masks. Errors are of
the portraits held out, 64x64 gray to 128x128 colour, never masked. Each finished run is
kept in masking.json, and a second call goes on behind the last.
"""

import json
import sys

import _common
import jax
import jax.numpy as jnp
import numpy as np
from restorer import split_portraits
from scipy import stats

from inr import training
from inr.restoration import Restorer, restorer_loss

KINDS = (None, 4, 8, 16, 32, "uniform", "dynamic")
SEEDS = 3
MODEL = Restorer(widths=(16, 32, 64, 64), width=64, depth=2)


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    train, held_out = split_portraits()
    train, held_out = (
        training.ImageFiles(train),
        np.stack(training.ImageFiles(held_out)),
    )
    for seed in range(SEEDS):
        for cells in KINDS:
            name = f"{cells}_{seed}_{steps}"
            if name not in done():
                score = trained(cells, seed, steps, train, held_out)
                _common.save("masking", {name: score})
    table(steps)


def trained(cells, seed: int, steps: int, train, held_out) -> dict:
    keys = jax.random.split(jax.random.key(seed), 3)
    gray = jnp.zeros((MODEL.side, MODEL.side, 1))
    params = MODEL.init(keys[0], jnp.zeros((1, 2)), gray)
    result = training.train(
        keys[1],
        restorer_loss(MODEL, num_points=1024, cells=cells),
        params,
        training.crop_batches(keys[2], train, batch_size=16, size=128),
        num_steps=steps,
        ema_decay=0.99,
        progress=False,
    )
    parts = [_score(result.ema, x) for x in np.array_split(held_out, 8)]
    sizes = [len(x) for x in np.array_split(held_out, 8)]
    return {
        part: float(np.average([x[part] for x in parts], weights=sizes))
        for part in parts[0]
    }


_score = jax.jit(
    lambda params, crops: restorer_loss(MODEL, num_points=4096)(
        params, jax.random.key(0), crops
    )[1]
)


def done() -> dict:
    path = _common.HERE / "masking.json"
    return json.loads(path.read_text()) if path.exists() else {}


def table(steps: int) -> None:
    """Means, and intervals that hold the mean over all seeds 95 times of 100."""
    rows = done()
    for part in ("restored", "colorized"):
        for cells in KINDS:
            found = [rows[f"{cells}_{seed}_{steps}"][part] for seed in range(SEEDS)]
            spread = stats.sem(found) * stats.t.ppf(0.975, SEEDS - 1)
            print(f"{part:10s} {cells!s:8s} {np.mean(found):.5f} +- {spread:.5f}")


if __name__ == "__main__":
    main()
