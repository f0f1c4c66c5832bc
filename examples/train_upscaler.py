"""Train an upscaler for any scale up to four on a folder of images.

    python examples/train_upscaler.py photos --group "(.*)_" --steps 5000
    python examples/train_upscaler.py photos --group "(.*)_" --trunk span.safetensors

A tenth of the images is held out and evaluated; images with equal `--group` stay on one
side of the split. After an interruption, the same command resumes the training. Without
a folder, photos of scikit-image serve as a demonstration. Crops are first reduced to
`--target-side` pixels, which removes the compression artifacts of the files. The inputs
of the model are reduced by bicubic interpolation; `--interpolations bicubic area`
reduces half of them by means over areas, as cameras do. `--max-blur-std`,
`--max-noise-std` and `--jpeg-quality` degrade the inputs, too.

With `--trunk`, the encoder is initialized with the weights of a published SPAN. It is
frozen for `--frozen` steps, and then trained at a fifth of the learning rate. The loss
covers all pixels at the scales 2, 3 and 4. Evaluation is the same for both.
"""

import argparse
import functools
import math

import _training
import jax
import jax.numpy as jnp
import numpy as np
import optax
from safetensors.numpy import load_file

from inr import training
from inr.models import load_model
from inr.upscaling import (
    Upscaler,
    span_upscaler,
    upscaler_loss,
    upscaler_pixel_loss,
)

GROUPS = {"encoder": "trunk", "subpixels": "trunk"}


def main() -> None:
    args = parse()
    degradation = functools.partial(
        training.degrade,
        max_blur_std=args.max_blur_std,
        max_noise_std=args.max_noise_std,
        jpeg_quality=args.jpeg_quality,
        halved_chroma=args.halved_chroma,
    )
    data = _training.load_images(args)
    model, params = init(args, data[1])
    loss = held_out_loss = upscaler_loss(
        model,
        side=args.side,
        target_side=args.target_side,
        interpolations=tuple(args.interpolations),
        degradation=degradation,
    )
    optimizer = None
    if model.trunk == "span":
        loss = upscaler_pixel_loss(
            model,
            side=args.side,
            counts=counts(args.batch),
            factors=(min(1.4, args.crop / (4 * args.side)), 2.2),
            degradation=degradation,
        )
        optimizer = trunk_adam(args.steps, frozen=args.frozen)
    _training.run(
        args,
        model,
        params,
        loss,
        held_out_loss,
        symmetry="square",
        optimizer=optimizer,
        data=data,
    )


def init(args: argparse.Namespace, images: np.ndarray) -> tuple:
    """The model and its initial parameters."""
    if args.init:
        return load_model(args.init)
    if not args.trunk:
        model = Upscaler(width=args.width, blocks=args.blocks)
        return model, _training.init_params(jax.random.key(0), model)
    small = training.reduce_images(images[:16], (64, 64))
    return span_upscaler(
        jax.random.key(0), load_file(args.trunk), small, tail=args.tail
    )


def counts(batch: int) -> tuple[int, int, int, int]:
    """Crops of a batch for the scales 2, 3 and 4, and for random scales."""
    quarter, eighth = max(batch // 4, 1), max(batch // 8, 1)
    return max(batch - 2 * quarter - eighth, 1), quarter, quarter, eighth


def trunk_adam(num_steps: int, *, frozen: int) -> optax.GradientTransformation:
    """Adam at 1e-3, for the trunk at 2e-4 after `frozen` steps; cosine decay."""

    def cosine(count):
        return 0.5 * (1 + jnp.cos(math.pi * jnp.minimum(count / num_steps, 1)))

    def head(count):
        return 1e-3 * cosine(count) * jnp.minimum((count + 1) / 50, 1)

    def trunk(count):
        return 2e-4 * cosine(count) * jnp.clip((count - frozen) / 200, 0, 1)

    return optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.partition(
            {"head": optax.adam(head), "trunk": optax.adam(trunk)},
            lambda params: {k: GROUPS.get(k, "head") for k in params},
        ),
    )


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
    parser.add_argument(
        "--halved-chroma",
        type=float,
        default=0.0,
        help="share of the JPEG images with chroma at half resolution",
    )
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument(
        "--trunk", metavar="FILE", help="safetensors file of a published SPAN"
    )
    parser.add_argument("--tail", type=int, default=64, help="channels after the trunk")
    parser.add_argument(
        "--frozen", type=int, default=300, help="first steps, with a frozen trunk"
    )
    args = _training.parse(parser)
    if args.quick:
        args.steps, args.batch, args.crop, args.checkpoint_every = 8, 4, 128, 8
        args.side, args.target_side, args.width, args.blocks = 16, 64, 8, 1
    return args


if __name__ == "__main__":
    main()
