"""Trains an upscaler on a folder of images, for any scale up to four.

    python examples/train_upscaler.py photos --group "(.*)_" --steps 5000

Images that share what `--group` finds in their names stay on one side of the split, a
tenth of which is held out and scored. Stopped or killed, the same command goes on.
Without a folder it takes photographs from scikit-image, to show what happens. Crops
are reduced to `--picture` pixels first, so that what was lost in compressing the files
is not learned. What the model is given is reduced by bicubic interpolation, or with
`--reduction bicubic area` half of it by means over areas, as cameras do, and blurred,
noisy and compressed besides by `--blur`, `--noise` and `--jpeg`.
"""

import argparse
import functools

import _training
import jax
import jax.numpy as jnp

from inr import training
from inr.restoration import Upscaler, load_model, upscaler_loss


def main() -> None:
    args = parse()
    model = Upscaler(width=args.width, blocks=args.blocks, head=args.head)
    degradation = functools.partial(
        training.degrade, blur=args.blur, noise=args.noise, quality=args.jpeg
    )
    loss = upscaler_loss(
        model,
        side=args.side,
        picture=args.picture,
        interpolations=tuple(args.reduction),
        degradation=degradation,
    )
    if args.start:
        model, params = load_model(args.start)
    else:
        inputs = jnp.zeros((1, 2)), jnp.zeros((args.side, args.side, 3))
        params = model.init(jax.random.key(0), *inputs)
    _training.run(args, model, params, loss, loss, symmetry="square")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    _training.add_options(parser, out="out/train_upscaler", crop=256)
    parser.add_argument("--side", type=int, default=40, help="pixels that it is given")
    parser.add_argument("--picture", type=int, default=160, help="pixels of the truth")
    parser.add_argument(
        "--reduction", nargs="+", choices=("bicubic", "area"), default=["bicubic"]
    )
    parser.add_argument("--blur", type=float, default=0.0, help="at most, in pixels")
    parser.add_argument("--noise", type=float, default=0.0, help="at most, deviation")
    parser.add_argument(
        "--jpeg", type=float, nargs=2, metavar=("LOW", "HIGH"), help="qualities"
    )
    parser.add_argument("--head", choices=("waves", "mlp"), default="waves")
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--blocks", type=int, default=8)
    args = parser.parse_args()
    if args.quick:
        args.steps, args.batch, args.crop, args.every = 8, 2, 128, 8
        args.side, args.picture, args.width, args.blocks = 16, 64, 8, 1
    return args


if __name__ == "__main__":
    main()
