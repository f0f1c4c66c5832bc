"""Trains a restorer on a folder of images: gray and small in, colour and larger out.

    python examples/train_restorer.py photos --group "(.*)_" --steps 4000
    python examples/train_restorer.py photos --group "(.*)_" --trunk vgg16.safetensors

Images that share what `--group` finds in their names stay on one side of the split, a
tenth of which is held out and scored. Stopped or killed, the same command goes on.
Without a folder it takes photographs from scikit-image, to show what happens. A trunk
is a file of VGG16's convolutions, named as `inr.metrics.lpips` takes them; it learns at
a tenth of the others' rate.
"""

import argparse
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import safetensors.numpy

import inr
from inr import training
from inr.restoration import (
    Restorer,
    gray_trunk,
    load_restorer,
    restorer_loss,
    save_restorer,
)

BUNDLED = ("astronaut", "chelsea", "coffee", "rocket")


def main() -> None:
    args = parse()
    train, held_out = images(args)
    trunk = args.trunk is not None
    model = Restorer(widths=tuple(args.widths), side=args.side, trunk=trunk)
    loss = restorer_loss(
        model,
        num_points=args.points,
        cells=args.cells,
        luma_weight=args.luma_weight,
    )
    one = jnp.zeros((model.side, model.side, 1))
    params = model.init(jax.random.key(0), jnp.zeros((1, 2)), one)
    if args.start:
        model, params = load_restorer(args.start)
    if trunk:
        found = gray_trunk(safetensors.numpy.load_file(args.trunk))
        encoder = params["params"]["encoder"]
        encoder.update({name: found[name] for name in encoder if name in found})
    seen = restorer_loss(model, num_points=4 * args.points)
    score = jax.jit(lambda params: seen(params, jax.random.key(1), held_out)[1])
    print("held out, before the first step:", describe(score(params)))
    result = training.train(
        jax.random.key(2),
        loss,
        params,
        training.crop_batches(
            jax.random.key(3), train, batch_size=args.batch, size=args.crop
        ),
        num_steps=args.steps,
        optimizer=slow_trunk(args.steps) if trunk else None,
        evaluate=lambda params: {f"held_out_{k}": v for k, v in score(params).items()},
        checkpoint=None if args.quick else args.out / "checkpoints",
        checkpoint_every=min(args.every, args.steps),
    )
    args.out.mkdir(parents=True, exist_ok=True)
    print(f"held out, after {result.step} steps:", describe(score(result.ema)))
    file = args.out / "restorer.safetensors"
    save_restorer(file, model, result.ema)
    print("wrote", file)


def slow_trunk(steps: int) -> optax.GradientTransformation:
    rates = {"trunk": 1e-4, "others": 1e-3}

    def labels(params):
        def label(path, _) -> str:
            named = any(str(key.key).startswith("trunk_") for key in path)
            return "trunk" if named else "others"

        return jax.tree_util.tree_map_with_path(label, params)

    adams = {
        name: training.warmup_adam(steps, learning_rate=rate)
        for name, rate in rates.items()
    }
    return optax.multi_transform(adams, labels)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument(
        "--group",
        default="(.*)",
        help="regular expression; what its groups find tells which images belong "
        "together (default: each stands alone)",
    )
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/train"))
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--crop", type=int, default=128, help="pixels cut out")
    parser.add_argument("--side", type=int, default=64, help="pixels that it is given")
    parser.add_argument("--start", help="file of weights to go on from")
    parser.add_argument("--trunk", help="file of VGG16's weights to start from")
    parser.add_argument("--points", type=int, default=1024, help="a square number")
    parser.add_argument("--cells", help="masks inputs: a count, uniform or dynamic")
    parser.add_argument("--luma-weight", type=float, default=20.0)
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64, 128, 160])
    parser.add_argument("--every", type=int, default=200, help="steps to a checkpoint")
    parser.add_argument("--quick", action="store_true", help="a small one, in seconds")
    args = parser.parse_args()
    if args.cells and args.cells.isdecimal():
        args.cells = int(args.cells)
    if args.quick:
        args.steps, args.batch, args.crop, args.points = 8, 4, 64, 64
        args.side = 32
        args.widths = [8, 16]
    return args


def images(args: argparse.Namespace) -> tuple:
    """What to train on, and an array of at most 64 crops held out."""
    if args.folder is None:
        from skimage import data

        photos = [getattr(data, name)() for name in BUNDLED]
        return photos[1:], middle(photos[0], args.crop)[None]
    paths = inr.list_images(args.folder)
    train, held_out = training.split_by_hash(
        paths, group=lambda name: "".join(filter(None, found(args.group, name)))
    )
    print(f"{len(train)} images to train on, {len(held_out)} held out")
    order = np.random.default_rng(0).permutation(len(held_out))[:64]
    kept = training.ImageFiles([held_out[i] for i in order])
    crops = np.stack([middle(image, args.crop) for image in kept])
    return training.ImageFiles(train), crops


def found(pattern: str, name: str) -> tuple[str, ...]:
    match = re.search(pattern, name)
    if match is None:
        raise SystemExit(f"--group must match every name, got {name!r}")
    return match.groups()


def middle(image: np.ndarray, side: int) -> np.ndarray:
    top, left = ((n - side) // 2 for n in image.shape[:2])
    return image[top : top + side, left : left + side]


def describe(errors: dict) -> str:
    return ", ".join(f"{name} {value:.5f}" for name, value in errors.items())


if __name__ == "__main__":
    main()
