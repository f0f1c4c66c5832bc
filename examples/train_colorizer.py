"""Train a colorizer of sine layers, ReLU layers or both on a folder of images.

    python examples/train_colorizer.py photos --group "(.*)_" --steps 4000
    python examples/train_colorizer.py photos --activations relu --learning-rate 1e-3
    python examples/train_colorizer.py photos --kind patches --side 64
    python examples/train_colorizer.py photos --init FILE --vgg16 vgg16.safetensors

A tenth of the images is held out and evaluated; images with equal `--group` stay on one
side of the split. After an interruption, the same command resumes the training. With
`--vgg16`, LPIPS is a part of the loss: squared errors alone lead to the mean of the
plausible colors, which is dull. Without a folder, photos of scikit-image serve as a
demonstration.
To use the result:

    inr colorize photo.jpg --model out/train_colorizer/colorizer.safetensors
"""

import argparse

import _training
import jax
import safetensors.numpy

from inr import training
from inr.colorization import (
    FULL_RELU,
    FULL_SIREN,
    SIREN_RELU_SIREN,
    Colorizer,
    DenseColorizer,
    PatchColorizer,
    colorizer_loss,
)
from inr.models import load_model

ACTIVATIONS = {
    "relu": FULL_RELU,
    "sine-relu-sine": SIREN_RELU_SIREN,
    "sine": FULL_SIREN,
}


def main() -> None:
    args = parse()
    if args.init:
        model, params = load_model(args.init)
    else:
        model = build_model(args)
        params = _training.init_params(jax.random.key(0), model)
    weights = safetensors.numpy.load_file(args.vgg16) if args.vgg16 else None
    loss = colorizer_loss(model, weights=weights)
    optimizer = training.warmup_adam(args.steps, learning_rate=args.learning_rate)
    _training.run(args, model, params, loss, loss, optimizer=optimizer)


def build_model(
    args: argparse.Namespace,
) -> Colorizer | DenseColorizer | PatchColorizer:
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
    parser.add_argument(
        "--side", type=int, default=128, help="side of the model's input, pixels"
    )
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument(
        "--activations", default="sine-relu-sine", choices=tuple(ACTIVATIONS)
    )
    parser.add_argument("--embedding", default="joint", choices=("joint", "zeros"))
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="peak rate")
    parser.add_argument(
        "--vgg16", metavar="FILE", help="weights of VGG16; adds LPIPS to the loss"
    )
    parser.add_argument(
        "--original",
        action="store_true",
        help="lightness from 0 to 100, and the frequency 1/30 that goes with it",
    )
    args = _training.parse(parser)
    if args.quick:
        args.steps, args.batch, args.width, args.side = 8, 4, 8, 32
        args.crop = min(args.crop, 64)
    return args


if __name__ == "__main__":
    main()
