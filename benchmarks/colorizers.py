"""Sine layers in a colorizer, with 1, 40 and 150 training images.

    python benchmarks/colorizers.py [images ...] [--variants FR SRS S130] [--seeds 3]
    python benchmarks/colorizers.py --plot
    python benchmarks/colorizers.py --step
    python benchmarks/colorizers.py --baselines
    python benchmarks/colorizers.py --compare FILE

The three networks differ only in their activations: ReLUs and a tanh (FR), sines in the
first and last layer (SRS), and sines in all layers (S130: frequency 30 in the first
layer, 1 in the others, as in a student project). `--variants` also has the last two
with that project's initialization and unscaled L, and S130 with frequency 30 in all
layers.

Each network gets one of four learning rates: that which reaches the target first in a
tenth of the epochs, or, if none does, that with the lowest training loss there. It then
runs with all seeds until the last epoch, or until the training loss, averaged over an
epoch, is below the target, 0.002 (for one image below 0.0002, which the curves show).
The loss is the mean squared error of (a, b) / 128. The seed selects the training
photographs, one crop of each. The validation loss is that of 64 other crops, held out
by photograph. Runs are stored in colorizers.json, and a second call continues after the
last.

`--step`: seconds of one step, compared with the same network in PyTorch, eager and
compiled.
`--baselines`: held-out losses of gray and of the mean color of training images.
`--compare`: a trained colorizer compared with the pretrained restorer and gray, on
photographs that neither was trained on.
"""

import argparse
import functools

import _common
import jax
import jax.numpy as jnp
import numpy as np
import optax
from _colorizer_runs import all_runs, plot, table

import inr
from inr import training
from inr.color import rgb_to_lab, rgb_to_luma
from inr.colorization import (
    FULL_RELU,
    FULL_SIREN,
    SIREN_RELU_SIREN,
    Colorizer,
    colorizer_loss,
)
from inr.colorization.spaces import AB_SCALE, lightness

VARIANTS = {
    "FR": {"activations": FULL_RELU},
    "SRS": {"activations": SIREN_RELU_SIREN},
    "S130": {"activations": FULL_SIREN},
    "S130-30": {"activations": FULL_SIREN, "hidden_omega": 30.0},
    "SRS-original": {"activations": SIREN_RELU_SIREN, "original": True},
    "S130-original": {"activations": FULL_SIREN, "original": True},
}
STUDY = ("FR", "SRS", "S130")
RATES = (3e-4, 1e-3, 3e-3, 1e-2)
EPOCHS = {1: 1000, 40: 800, 150: 300}
BATCH = {1: 1, 40: 20, 150: 50}
TARGET = 0.002
ENDS = {1: TARGET / 10, 40: TARGET, 150: TARGET}
VALIDATE_EVERY = 10  # epochs


def main() -> None:
    args = parse()
    if args.step:
        step_times(args)
        return
    if args.baselines:
        _common.save("colorizers", {"baselines": baselines(args)})
        return
    if args.compare:
        compare(args.compare)
        return
    if not args.plot:
        for count in args.images:
            for variant in args.variants:
                rate = tune(variant, count, args)
                for seed in range(args.seeds):
                    run(variant, count, seed, rate, EPOCHS[count], args)
    table(VARIANTS, TARGET, ENDS)
    plot(VARIANTS, TARGET)


def tune(variant: str, count: int, args: argparse.Namespace) -> float:
    """Learning rate that reaches the target first, or has the lowest final loss."""
    epochs = max(EPOCHS[count] // 10, 1)
    rows = [run(variant, count, 0, rate, epochs, args) for rate in RATES]

    def rank(row: dict) -> tuple[float, float]:
        # A mean over the last epochs, because they are noisy. NaN ranks last.
        final = np.nan_to_num(
            np.mean(row["curve"][-max(epochs // 10, 1) :]), nan=np.inf
        )
        return row["epochs"] or np.inf, final

    return min(rows, key=rank)["rate"]


def first_below(curve: list[float], target: float) -> int | None:
    """Epochs until the curve is below the target."""
    return next((i for i, x in enumerate(curve, 1) if x < target), None)


def run(
    variant: str, count: int, seed: int, rate: float, epochs: int, args
) -> dict[str, object]:
    name = f"{variant}_{count}_{seed}_{rate:g}_{epochs}_{args.width}_{args.side}"
    if name in all_runs():
        return all_runs()[name]
    images, held_out = data(count, seed, args.side)
    model = Colorizer(**VARIANTS[variant], width=args.width, side=args.side)
    row = train(model, images, held_out, seed, rate, epochs)
    row = {"variant": variant, "images": count, "seed": seed, "rate": rate, **row}
    tuning = epochs < EPOCHS[count]
    print(name, "tuning" if tuning else "", {k: row[k] for k in row if k != "curve"})
    _common.save("colorizers", {name: row | {"tuning": tuning}})
    return row


def train(
    model: Colorizer, images, held_out, seed: int, rate: float, epochs: int
) -> dict[str, object]:
    size, end = BATCH[len(images)], ENDS[len(images)]
    gray = jnp.zeros((model.side, model.side, 1))
    params = model.init(jax.random.key(seed), jnp.zeros((1, 2)), gray)
    loss, optimizer = colorizer_loss(model), optax.adam(rate)
    validate = jax.jit(lambda params: loss(params, None, held_out)[0])

    # One call per step: within an XLA loop, convolutions are twenty times slower.
    @jax.jit
    def step(params, state, index):
        (value, _), gradient = jax.value_and_grad(loss, has_aux=True)(
            params, None, images[index]
        )
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, updates), state, value

    state, curve, validation = optimizer.init(params), [], {}
    for i in range(epochs):
        key = jax.random.fold_in(jax.random.key(seed), i)
        order = jax.random.permutation(key, len(images)).reshape(-1, size)
        losses = []
        for index in order:
            params, state, value = step(params, state, index)
            losses.append(value)
        curve.append(float(np.mean(losses)))
        is_last = curve[-1] < end or not np.isfinite(curve[-1]) or i + 1 == epochs
        if (i + 1) % VALIDATE_EVERY == 0 or is_last:
            validation[i + 1] = float(validate(params))
        if is_last:
            break
    return {
        "epochs": first_below(curve, TARGET),
        "epochs_to_end": first_below(curve, end),
        "loss": curve[-1],
        "validation": validation[max(validation)],
        "lowest_validation": min(validation.values()),
        "curve": [float(f"{x:.4g}") for x in curve],
    }


def compare(file: str) -> None:
    """Score a trained colorizer and the pretrained restorer on held-out photographs."""
    import restorer

    images, mean = restorer.held_out_photos()
    rows = {"colorizer": file, "restorer": "photos_restorer"}
    rows = {
        f"compared_{name}": restorer.colorized(model, images, mean)
        for name, model in rows.items()
    }
    _common.save("colorizers", rows)


def baselines(args: argparse.Namespace) -> dict[str, float]:
    """Losses of gray and of the mean color of 150 training images, held out."""
    train_ab, held_out_ab = (
        rgb_to_lab(training.reduce_images(x, (args.side // 2,) * 2))[..., 1:] / AB_SCALE
        for x in data(150, 0, args.side)
    )
    mean = train_ab.mean((0, 1, 2))
    return {
        "gray": float(jnp.square(held_out_ab).mean()),
        "mean_color": float(jnp.square(held_out_ab - mean).mean()),
    }


def step_times(args: argparse.Namespace) -> None:
    """Seconds of a step on a batch of twenty images.

    The step in JAX also computes lightness and colors from the images, which are inputs
    of the step in PyTorch. Equal first losses check that the networks agree.
    """
    import _torch_colorizer

    shape = (20, args.side, args.side, 3)
    images = jnp.asarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    rows = {}
    for name in args.variants:
        model = Colorizer(**VARIANTS[name], width=args.width, side=args.side)
        gray = jnp.zeros((args.side, args.side, 1))
        params = model.init(jax.random.key(0), jnp.zeros((1, 2)), gray)
        light = lightness(rgb_to_luma(images.astype(jnp.float32) / 255))
        half = (args.side // 2,) * 2
        target = rgb_to_lab(training.reduce_images(images, half))[..., 1:] / AB_SCALE
        peer = _torch_colorizer.Colorizer(model, params)
        arrays = [np.asarray(x) for x in (light, target)]
        make_step = functools.partial(_torch_colorizer.make_step, peer, *arrays, 1e-3)
        functions = {
            "inr": _make_step(model, params, images),
            "torch_eager": make_step(),
        }
        losses = [step() for step in functions.values()]
        assert np.isclose(*losses, rtol=1e-3)
        functions["torch_compiled"] = make_step(compiled=True)
        seconds = _common.paired(functions)
        rows[f"step_{name}_{args.width}_{args.side}"] = {
            **{f"{k}_s": v for k, v in seconds.items()},
            "over_eager": seconds["torch_eager"] / seconds["inr"],
            "over_compiled": seconds["torch_compiled"] / seconds["inr"],
        }
    _common.save("colorizers", rows)


def _make_step(model: Colorizer, params, images):
    """Return a function that takes one step of Adam, always on the same batch."""
    loss, optimizer = colorizer_loss(model), optax.adam(1e-3)

    @jax.jit
    def advance(params, state):
        value, gradient = jax.value_and_grad(loss, has_aux=True)(params, None, images)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, updates), state, value[0]

    carry = [params, optimizer.init(params)]

    def step() -> float:
        *carry[:], value = advance(*carry)
        return float(value)

    return step


def data(count: int, seed: int, side: int) -> tuple[jax.Array, jax.Array]:
    """uint8 crops `[n, side, side, 3]` for training, and 64 for validation."""
    paths = inr.list_images(_common.DATA / "photos")
    split = training.split_by_hash(paths, group=_common.photo)
    generators = (np.random.default_rng(seed), np.random.default_rng(0))
    return tuple(
        jnp.asarray(crops(paths, n, generator, side))
        for paths, n, generator in zip(split, (count, 64), generators, strict=True)
    )


def crops(
    paths: list, count: int, generator: np.random.Generator, side: int
) -> np.ndarray:
    """Select `count` crops in random order: one of each photograph, then a second."""
    paths = [paths[i] for i in generator.permutation(len(paths))]
    round_of, counts = {}, {}
    for path in paths:
        photo = _common.photo(path.stem)
        counts[photo] = counts.get(photo, 0) + 1
        round_of[path] = counts[photo]
    selected = sorted(paths, key=round_of.get)[:count]
    images = np.stack(training.ImageFiles(selected))
    reduced = training.reduce_images(images, (side, side))
    return np.asarray(jnp.round(255 * reduced).astype(jnp.uint8))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="*", type=int, default=[1, 40, 150])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=STUDY)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--plot", action="store_true", help="plot the stored runs")
    parser.add_argument("--compare", metavar="FILE", help="file of a trained colorizer")
    parser.add_argument("--baselines", action="store_true", help="losses of gray")
    parser.add_argument(
        "--step", action="store_true", help="times compared with PyTorch"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
