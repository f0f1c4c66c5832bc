"""Train an upscaler for any scale up to four on a folder of images.

    python examples/train_upscaler.py photos --group "(.*)_" --steps 5000

A tenth of the images is held out and evaluated; images with equal `--group` stay on one
side of the split. After an interruption, the same command resumes the training. Without
a folder, photos of scikit-image serve as a demonstration. Crops are first reduced to
`--target-side` pixels, which removes the compression artifacts of the files. The inputs
of the model are reduced by bicubic interpolation; `--interpolations bicubic area`
reduces half of them by means over areas, as cameras do. `--max-blur-std`,
`--max-noise-std` and `--jpeg-quality` degrade the inputs, too.
"""

import argparse
import functools

import _training
import jax

from inr import training
from inr.models import load_model
from inr.upscaling import Upscaler, upscaler_loss


def main() -> None:
    args = parse()
    degradation = functools.partial(
        training.degrade,
        max_blur_std=args.max_blur_std,
        max_noise_std=args.max_noise_std,
        jpeg_quality=args.jpeg_quality,
    )
    if args.init:
        model, params = load_model(args.init)
    else:
        model = Upscaler(width=args.width, blocks=args.blocks)
        params = _training.init_params(jax.random.key(0), model)
    loss = upscaler_loss(
        model,
        side=args.side,
        target_side=args.target_side,
        interpolations=tuple(args.interpolations),
        degradation=degradation,
    )
    _training.run(args, model, params, loss, loss, symmetry="square")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    _training.add_options(parser, out="out/train_upscaler", crop=256)
    parser.add_argument(
        "--side", type=int, default=40, help="side of the model's input, pixels"
    )
    parser.add_argument(
        "--target-side", type=int, default=160, help="side of the target, pixels"
    )
    parser.add_argument(
        "--interpolations",
        nargs="+",
        choices=("bicubic", "area"),
        default=["bicubic"],
        help="how inputs are reduced, drawn for each",
    )
    parser.add_argument(
        "--max-blur-std", type=float, default=0.0, help="of a Gaussian, pixels"
    )
    parser.add_argument(
        "--max-noise-std", type=float, default=0.0, help="for images in [0, 1]"
    )
    parser.add_argument(
        "--jpeg-quality", type=float, nargs=2, metavar=("LOW", "HIGH"), help="1 to 100"
    )
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--blocks", type=int, default=8)
    args = parser.parse_args()
    if args.quick:
        args.steps, args.batch, args.crop, args.checkpoint_every = 8, 2, 128, 8
        args.side, args.target_side, args.width, args.blocks = 16, 64, 8, 1
    return args


if __name__ == "__main__":
    main()
