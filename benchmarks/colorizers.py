"""Do sine layers help a network that colors? One image, forty, a hundred and fifty.

    python benchmarks/colorizers.py [images ...] [--variants FR SRS S130] [--seeds 3]
    python benchmarks/colorizers.py --plot
    python benchmarks/colorizers.py --step
    python benchmarks/colorizers.py --compare FILE

Three networks that differ in their activations alone: ReLUs and a tanh (FR), sines in
the first and last layer (SRS), sines everywhere (S130, the name of a student project's
runs, whose 30 is the frequency and 1 the layers'); `--variants` has these two with
their initialization, too, on L as it is, and SIREN's 30 in all layers. Each is given
the rate, of four, that ends first in a tenth of the epochs, or else has the lowest
training loss there; then runs with all seeds until the epochs are over, or the training
loss, a mean over an epoch, is below 0.002; a tenth of that for one image, which is soon
known by heart, and the epochs to 0.002 are told of it too. The loss is the mean square
of (a, b) / 128.
Photographs are drawn by the seed from those that are trained on, one crop of each; 64
others, held out by photograph, tell the validation loss. Runs are kept in
colorizers.json, and another call goes on behind the last. `--step`: seconds of one step
beside the same network in PyTorch. `--compare`: a trained colorizer beside the shipped
restorer and gray, on photographs that neither was trained on.
"""

import argparse
import json

import _common
import jax
import jax.numpy as jnp
import numpy as np
import optax

import inr
from inr import training
from inr.color import rgb_to_lab, rgb_to_luma
from inr.restoration import (
    FULL_RELU,
    FULL_SIREN,
    SIREN_RELU_SIREN,
    Colorizer,
    colorizer_loss,
)
from inr.restoration.spaces import AB_SCALE, lightness

VARIANTS = {
    "FR": {"activations": FULL_RELU},
    "SRS": {"activations": SIREN_RELU_SIREN},
    "S130": {"activations": FULL_SIREN},
    "S130-30": {"activations": FULL_SIREN, "hidden_omega": 30.0},
    "SRS-original": {"activations": SIREN_RELU_SIREN, "original": True},
    "S130-original": {"activations": FULL_SIREN, "original": True},
}
STUDIED = ("FR", "SRS", "S130")
RATES = (3e-4, 1e-3, 3e-3, 1e-2)
EPOCHS = {1: 1000, 40: 800, 150: 300}
BATCH = {1: 1, 40: 20, 150: 50}
TARGET = 0.002
ENDS = {1: TARGET / 10, 40: TARGET, 150: TARGET}
EVERY = 10  # epochs between two looks at the validation loss


def main() -> None:
    args = parse()
    if args.step:
        step_times(args)
        return
    if args.compare:
        compare(args.compare)
        return
    if not args.plot:
        for count in args.images:
            for variant in args.variants:
                rate = tuned(variant, count, args)
                for seed in range(args.seeds):
                    run(variant, count, seed, rate, EPOCHS[count], args)
    table()
    plot()


def tuned(variant: str, count: int, args: argparse.Namespace) -> float:
    epochs = max(EPOCHS[count] // 10, 1)
    rows = [run(variant, count, 0, rate, epochs, args) for rate in RATES]

    def rank(row: dict) -> tuple[float, float]:
        # A mean over the last epochs, which are noisy; NaN is the worst.
        final = np.nan_to_num(
            np.mean(row["curve"][-max(epochs // 10, 1) :]), nan=np.inf
        )
        return row["epochs_to_end"] or np.inf, final

    return min(rows, key=rank)["rate"]


def first_below(curve: list[float], target: float) -> int | None:
    """Epochs until then."""
    return next((i for i, x in enumerate(curve, 1) if x < target), None)


def run(
    variant: str, count: int, seed: int, rate: float, epochs: int, args
) -> dict[str, object]:
    name = f"{variant}_{count}_{seed}_{rate:g}_{epochs}_{args.width}_{args.side}"
    if name in done():
        return done()[name]
    images, held_out = data(count, seed, args.side)
    model = Colorizer(**VARIANTS[variant], width=args.width, side=args.side)
    row = trained(model, images, held_out, seed, rate, epochs)
    row = {"variant": variant, "images": count, "seed": seed, "rate": rate, **row}
    tuning = epochs < EPOCHS[count]
    print(name, "tuning" if tuning else "", {k: row[k] for k in row if k != "curve"})
    _common.save("colorizers", {name: row | {"tuning": tuning}})
    return row


def trained(
    model: Colorizer, images, held_out, seed: int, rate: float, epochs: int
) -> dict[str, object]:
    size, end = BATCH[len(images)], ENDS[len(images)]
    gray = jnp.zeros((model.side, model.side, 1))
    params = model.init(jax.random.key(seed), jnp.zeros((1, 2)), gray)
    loss, optimizer = colorizer_loss(model), optax.adam(rate)
    score = jax.jit(lambda params: loss(params, None, held_out)[0])

    # One call a step: in a loop of XLA's own, convolutions are twenty times slower.
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
        over = curve[-1] < end or not np.isfinite(curve[-1]) or i + 1 == epochs
        if (i + 1) % EVERY == 0 or over:
            validation[i + 1] = float(score(params))
        if over:
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
    import restorer

    images, mean = restorer.held_out_photos()
    rows = {"colorizer": file, "restorer": "photos"}
    rows = {
        f"compared_{name}": restorer.colorized(model, images, mean)
        for name, model in rows.items()
    }
    _common.save("colorizers", rows)


def step_times(args: argparse.Namespace) -> None:
    """Of batches of twenty; the same first loss tells that it is the same network."""
    import _torch_colorizer

    draw = np.random.default_rng(0)
    images = jnp.asarray(draw.integers(0, 256, (20, args.side, args.side, 3), np.uint8))
    rows = {}
    for name in args.variants:
        model = Colorizer(**VARIANTS[name], width=args.width, side=args.side)
        gray = jnp.zeros((args.side, args.side, 1))
        params = model.init(jax.random.key(0), jnp.zeros((1, 2)), gray)
        light = lightness(rgb_to_luma(images.astype(jnp.float32) / 255))
        half = (args.side // 2,) * 2
        wanted = rgb_to_lab(training.reduce_images(images, half))[..., 1:] / AB_SCALE
        peer = _torch_colorizer.Colorizer(model, params)
        theirs = _torch_colorizer.step(peer, *map(np.asarray, (light, wanted)), 1e-3)
        ours = _step(model, params, images)
        assert np.isclose(ours(), theirs(), rtol=1e-3)
        seconds = _common.paired({"inr": ours, "torch": theirs})
        ratio = seconds["torch"] / seconds["inr"]
        rows[f"step_{name}_{args.width}_{args.side}"] = {
            **{f"{k}_s": v for k, v in seconds.items()},
            "torch_over_inr": ratio,
        }
    _common.save("colorizers", rows)


def _step(model: Colorizer, params, images):
    loss, optimizer = colorizer_loss(model), optax.adam(1e-3)

    @jax.jit
    def advance(params, state):
        value, gradient = jax.value_and_grad(loss, has_aux=True)(params, None, images)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, updates), state, value[0]

    carry = [params, optimizer.init(params)]

    def one() -> float:
        *carry[:], value = advance(*carry)
        return float(value)

    return one


def data(count: int, seed: int, side: int) -> tuple[jax.Array, jax.Array]:
    """uint8 crops `[n, side, side, 3]` to train on, and such to validate."""
    paths = inr.list_images(_common.DATA / "photos")
    split = training.split_by_hash(paths, group=_common.photo)
    draws = (np.random.default_rng(seed), np.random.default_rng(0))
    return tuple(
        jnp.asarray(crops(part, n, draw, side))
        for part, n, draw in zip(split, (count, 64), draws, strict=True)
    )


def crops(paths: list, count: int, draw: np.random.Generator, side: int) -> np.ndarray:
    """One crop of each photograph first, then a second one."""
    paths = [paths[i] for i in draw.permutation(len(paths))]
    turn, seen = {}, {}
    for path in paths:
        seen[_common.photo(path.stem)] = seen.get(_common.photo(path.stem), 0) + 1
        turn[path] = seen[_common.photo(path.stem)]
    chosen = sorted(paths, key=turn.get)[:count]
    images = np.stack(training.ImageFiles(chosen))
    small = training.reduce_images(images, (side, side))
    return np.asarray(jnp.round(255 * small).astype(jnp.uint8))


def done() -> dict:
    path = _common.HERE / "colorizers.json"
    return json.loads(path.read_text()) if path.exists() else {}


def finished() -> list[dict]:
    rows = [row for row in done().values() if "seed" in row]
    return [row for row in rows if not row["tuning"]]


def table() -> None:
    rows = finished()
    for count in sorted({row["images"] for row in rows}):
        for variant in VARIANTS:
            own = [r for r in rows if (r["images"], r["variant"]) == (count, variant)]
            if own:
                epochs = [r["epochs"] for r in own]
                to_end = [r["epochs_to_end"] for r in own]
                validation = [r["validation"] for r in own]
                lowest = np.mean([r["lowest_validation"] for r in own])
                print(
                    f"{count} images, {variant}: rate {own[0]['rate']:g}, epochs to "
                    f"{TARGET} {epochs}, to {ENDS[count]} {to_end}, "
                    f"loss {np.mean([r['loss'] for r in own]):.4f}, "
                    f"validation {np.mean(validation):.4f} +- {np.std(validation):.4f},"
                    f" lowest {lowest:.4f}"
                )


def plot() -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    rows = finished()
    counts = sorted({row["images"] for row in rows})
    if not counts:
        return
    figure, axes = pyplot.subplots(
        1, len(counts), figsize=(5 * len(counts), 4), squeeze=False
    )
    for axis, count in zip(axes[0], counts, strict=True):
        for i, variant in enumerate(VARIANTS):
            for row in rows:
                if (row["images"], row["variant"]) == (count, variant):
                    label = variant if row["seed"] == 0 else None
                    axis.semilogy(row["curve"], color=f"C{i}", label=label, alpha=0.7)
        axis.axhline(TARGET, color="gray", linewidth=0.5)
        images = "one image" if count == 1 else f"{count} images"
        axis.set(title=images, xlabel="epoch", ylabel="training loss")
        axis.legend()
    figure.tight_layout()
    figure.savefig(_common.HERE.parent / "docs" / "colorizers.png", dpi=80)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="*", type=int, default=[1, 40, 150])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=STUDIED)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--plot", action="store_true", help="what there is")
    parser.add_argument("--compare", metavar="FILE", help="of a trained colorizer")
    parser.add_argument("--step", action="store_true", help="times beside PyTorch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
