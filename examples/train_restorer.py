"""Trains a restorer on a folder of images: gray and small in, color and larger out.

    python examples/train_restorer.py photos --group "(.*)_" --steps 4000
    python examples/train_restorer.py photos --group "(.*)_" --trunk vgg16.safetensors

Images that share what `--group` finds in their names stay on one side of the split, a
tenth of which is held out and scored. Stopped or killed, the same command goes on.
Without a folder it takes photographs from scikit-image, to show what happens. A trunk
is a file of VGG16's convolutions, named as `inr.metrics.lpips` takes them; it learns
slowly, or it forgets what it knows.
"""

import argparse

import _training
import jax
import jax.numpy as jnp
import optax
import safetensors.numpy

from inr import training
from inr.restoration import Restorer, gray_trunk, load_model, restorer_loss


def main() -> None:
    args = parse()
    if args.start:
        model, params = load_model(args.start)
    else:
        trunk = args.trunk is not None
        model = Restorer(
            widths=tuple(args.widths), side=args.side, trunk=trunk, space=args.space
        )
        one = jnp.zeros((model.side, model.side, 1))
        params = model.init(jax.random.key(0), jnp.zeros((1, 2)), one)
        if trunk:
            found = gray_trunk(safetensors.numpy.load_file(args.trunk))
            encoder = params["params"]["encoder"]
            encoder.update({name: found[name] for name in encoder if name in found})
    loss = restorer_loss(
        model,
        num_points=args.points,
        cells=args.cells,
        zoom=args.zoom,
        views=args.views,
        sampler=args.sampler,
        shift=args.shift,
        luma_weight=args.luma_weight,
    )
    seen = restorer_loss(model, num_points=4 * args.points)
    adam = training.warmup_adam(args.steps, learning_rate=args.rate)
    optimizer = slow_trunk(args) if model.trunk else adam
    _training.run(args, model, params, loss, seen, optimizer=optimizer)


def slow_trunk(args: argparse.Namespace) -> optax.GradientTransformation:
    rates = {"trunk": args.trunk_rate, "others": args.rate}

    def labels(params):
        def label(path, _) -> str:
            named = any(str(key.key).startswith("trunk_") for key in path)
            return "trunk" if named else "others"

        return jax.tree_util.tree_map_with_path(label, params)

    adams = {
        name: training.warmup_adam(args.steps, learning_rate=rate)
        for name, rate in rates.items()
    }
    return optax.multi_transform(adams, labels)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    _training.add_options(parser, out="out/train", crop=128)
    parser.add_argument("--side", type=int, default=64, help="pixels that it is given")
    parser.add_argument("--trunk", help="file of VGG16's weights to start from")
    parser.add_argument("--trunk-rate", type=float, default=2e-5)
    parser.add_argument("--rate", type=float, default=1e-3, help="of all else")
    parser.add_argument(
        "--zoom", action="store_true", help="take random parts of crops at any scale"
    )
    parser.add_argument(
        "--views", type=float, default=0.0, help="turns, enlarges, shifts by so much"
    )
    parser.add_argument("--points", type=int, default=1024, help="a square number")
    parser.add_argument("--sampler", default="jittered", help="of the points")
    parser.add_argument(
        "--shift", type=float, default=0.0, help="features from so far, half the time"
    )
    parser.add_argument("--space", default="ycbcr", help="or lab, rgb: of its numbers")
    parser.add_argument("--cells", help="masks inputs: a count, uniform or dynamic")
    parser.add_argument("--luma-weight", type=float, default=20.0)
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64, 128, 160])
    args = parser.parse_args()
    if args.cells and args.cells.isdecimal():
        args.cells = int(args.cells)
    if args.quick:
        args.steps, args.batch, args.crop, args.points = 8, 4, 64, 64
        args.side = 32
        args.widths = [8, 16]
    return args


if __name__ == "__main__":
    main()
