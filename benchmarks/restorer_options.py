"""Options of a restorer's training, such as masked cells.

    python benchmarks/restorer_options.py [masks] [others] [--steps 400]

`masks` compares six kinds of masking with none. `others` compares color spaces,
placements of points, a feature offset and a pseudo-Huber loss, one at a time. Every
option has three seeds, the same small model and the same number of steps; a seed
determines the initial parameters, the crops, the points and the masks. Errors are those
of held-out portraits without masks, 64x64 gray to 128x128 color. Finished runs are
stored in restorer_options.json; a second call continues after the last.
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
from inr.colorization import Restorer, restorer_loss

PLAIN = {"plain": {}}
MASKS = PLAIN | {f"cells_{x}": {"cells": x} for x in (4, 8, 16, 32)}
MASKS |= {f"cells_{x}": {"cells": x} for x in ("uniform", "dynamic")}
OTHERS = PLAIN | {
    "space_lab": {"space": "lab"},
    "space_rgb": {"space": "rgb"},
    "shift_0.01": {"feature_offset": 0.01},
    "uniform_points": {"points": "uniform"},
    "halton_points": {"points": "halton"},
    "pseudo_huber_1_127": {"delta": 1 / 127},
}
SEEDS = 3
MODEL = Restorer(widths=(16, 32, 64, 64), width=64, depth=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["masks", "others"])
    parser.add_argument("--steps", type=int, default=400)
    args = parser.parse_args()
    paths, held_out = split_portraits()
    data = (training.ImageFiles(paths), np.stack(training.ImageFiles(held_out)))
    for part in args.parts:
        rows = {"masks": MASKS, "others": OTHERS}[part]
        for seed in range(SEEDS):
            for name, options in rows.items():
                key = f"{name}_seed_{seed}_{args.steps}"
                if key not in finished_runs():
                    errors = train(seed, args.steps, *data, **options)
                    _common.save("restorer_options", {key: errors})
        table(rows, args.steps)


def train(
    seed: int, steps: int, train_images, held_out, *, space: str = "ycbcr", **options
) -> dict:
    """Train with these options, and return the errors on the held-out images."""
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
        training.crop_batches(keys[2], train_images, batch_size=8, side=128),
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


def finished_runs() -> dict:
    path = _common.HERE / "restorer_options.json"
    return json.loads(path.read_text()) if path.exists() else {}


def table(rows: dict, steps: int) -> None:
    """Print mean errors, and changes against the plain training with the same seeds.

    Changes have a 95 % confidence interval of their mean over seeds.
    """
    runs = finished_runs()
    for part in ("restored", "luma", "colorized"):
        errors = {
            name: np.array(
                [runs[f"{name}_seed_{i}_{steps}"][part] for i in range(SEEDS)]
            )
            for name in rows
        }
        for name, values in errors.items():
            change = 100 * (values / errors["plain"] - 1)
            spread = stats.sem(change) * stats.t.ppf(0.975, SEEDS - 1)
            print(
                f"{part:10s} {name:20s} {values.mean():.5f}"
                f" {change.mean():+.1f} +- {spread:.1f} %"
            )


if __name__ == "__main__":
    main()
