"""Trains a colorizer of sine layers, ReLUs or both on a folder of images.

    python examples/train_colorizer.py photos --group "(.*)_" --steps 4000
    python examples/train_colorizer.py photos --activations relu --rate 1e-3
    python examples/train_colorizer.py photos --kind patches --side 64
    python examples/train_colorizer.py photos --start FILE --trunk vgg16.safetensors

Images that share what `--group` finds in their names stay on one side of the split, a
tenth of which is held out and scored. Stopped or killed, the same command goes on.
With `--trunk` VGG16 judges pictures, too, by LPIPS: the squared error alone has the
mean of what colors may be, which is dull. Without a folder it takes photographs from
scikit-image, to show what happens.
`inr colorize photo.jpg --model out/train_colorizer/colorizer.safetensors` shows it.
"""

import argparse

import _training
import jax
import jax.numpy as jnp
import safetensors.numpy

from inr import training
from inr.restoration import (
    FULL_RELU,
    FULL_SIREN,
    SIREN_RELU_SIREN,
    Colorizer,
    DenseColorizer,
    PatchColorizer,
    colorizer_loss,
    load_model,
)

ACTIVATIONS = {
    "relu": FULL_RELU,
    "sine-relu-sine": SIREN_RELU_SIREN,
    "sine": FULL_SIREN,
}


def main() -> None:
    args = parse()
    model = made(args)
    if args.start:
        model, params = load_model(args.start)
    else:
        gray = jnp.zeros((model.side, model.side, 1))
        params = model.init(jax.random.key(0), jnp.zeros((1, 2)), gray)
    weights = safetensors.numpy.load_file(args.trunk) if args.trunk else None
    loss = colorizer_loss(model, weights=weights)
    optimizer = training.warmup_adam(args.steps, learning_rate=args.rate)
    _training.run(args, model, params, loss, loss, optimizer=optimizer)


def made(args: argparse.Namespace) -> Colorizer | DenseColorizer | PatchColorizer:
    if args.kind == "dense":
        return DenseColorizer(side=args.side, width=args.width)
    if args.kind == "patches":
        return PatchColorizer(side=args.side, width=args.width)
    return Colorizer(
        activations=ACTIVATIONS[args.activations],
        width=args.width,
        embedding=args.embedding,
        original=args.original,
        side=args.side,
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    _training.add_options(parser, out="out/train_colorizer", crop=128)
    parser.add_argument("--kind", default="cnn", choices=("cnn", "dense", "patches"))
    parser.add_argument("--side", type=int, default=128, help="pixels that it is given")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument(
        "--activations", default="sine-relu-sine", choices=tuple(ACTIVATIONS)
    )
    parser.add_argument("--embedding", default="joint", choices=("joint", "zeros"))
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument(
        "--trunk", help="file of VGG16's weights for LPIPS, which judges pictures too"
    )
    parser.add_argument(
        "--original",
        action="store_true",
        help="lightness up to 100, and the frequency 1/30 that suits it",
    )
    args = parser.parse_args()
    if args.quick:
        args.steps, args.batch, args.width, args.side = 8, 4, 8, 32
        args.crop = min(args.crop, 64)
    return args


if __name__ == "__main__":
    main()
