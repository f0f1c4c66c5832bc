"""Trains super-resolution by references, or inpainting, on a folder of images.

    python examples/train_textures.py photos --group "(.*)_" --trunk vgg16.safetensors
    python examples/train_textures.py photos --group "(.*)_" --scale 1     # inpainting
    python examples/train_textures.py faces --group "(.*)_" --pairs "()"   # any other

An image's references are others of which `--pairs` finds the same in their names, by
default what `--group` finds: other views of one scene. They are turned, enlarged and
shifted besides, so that the picture wanted is in none of them. What `--group` tells
apart stays on one side of the split, a tenth of which is held out and scored. Stopped
or killed, the same command goes on. Without a folder it takes photographs from
scikit-image, to show what happens. A trunk is a file of VGG16's convolutions, named as
`inr.metrics.lpips` takes them: the extractor of textures starts from it and learns
slowly, and with `--perceptual` it judges results, too. `--encoder upscale` starts what
looks at the image alone from the shipped upscaler's encoder, or that of a file.
"""

import argparse
import os

import _training
import jax
import jax.numpy as jnp
import optax
import safetensors.numpy

import inr
from inr import training
from inr.restoration import (
    TextureTransformer,
    load_model,
    texture_loss,
    vgg_textures,
)


def main() -> None:
    args = parse()
    weights = safetensors.numpy.load_file(args.trunk) if args.trunk else None
    if args.start:
        model, params = load_model(args.start)
    else:
        if args.encoder:
            upscaler, known = load_model(model_file(args.encoder))
            args.width, args.blocks[0] = upscaler.width, upscaler.blocks
        model = TextureTransformer(
            args.scale,
            width=args.width,
            blocks=tuple(args.blocks),
            textures=tuple(args.textures),
        )
        image, hole = jnp.zeros((4, 4, 3)), jnp.zeros((4, 4), bool)
        hole = hole if args.scale == 1 else None
        params = model.init(jax.random.key(0), image, [image], hole)
        if weights is not None:
            params["params"]["extractor"] = vgg_textures(weights)
        if args.encoder:
            params["params"]["generator"]["image"] = known["params"]["encoder"]
    judge = weights if args.perceptual else None
    loss = texture_loss(model, side=args.picture, weights=judge)
    scored = texture_loss(model, side=args.picture)
    optimizer = optax.multi_transform(
        {
            "extractor": training.warmup_adam(args.steps, learning_rate=args.rate / 10),
            "generator": training.warmup_adam(args.steps, learning_rate=args.rate),
        },
        lambda params: {name: name for name in params},
    )
    pairs = args.group if args.pairs is None else args.pairs
    _training.run(
        args,
        model,
        params,
        loss,
        scored,
        symmetry="square",
        optimizer=optimizer,
        data=_training.images(args, pairs),
    )


def model_file(name: str) -> str | os.PathLike:
    return name if name.endswith(".safetensors") else inr.pretrained.file(name)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    _training.add_options(parser, out="out/train_textures", crop=192)
    parser.add_argument("--pairs", help="regular expression; see above")
    parser.add_argument("--scale", type=int, default=4, choices=(1, 2, 4))
    parser.add_argument("--picture", type=int, default=96, help="pixels wanted")
    parser.add_argument("--trunk", help="file of VGG16's weights to start from")
    parser.add_argument("--encoder", help="an upscaler to start from; not for holes")
    parser.add_argument("--perceptual", action="store_true", help="needs --trunk")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--blocks", type=int, nargs="+")
    parser.add_argument("--textures", type=int, nargs=3, default=[64, 128, 256])
    args = parser.parse_args()
    if args.perceptual and not args.trunk:
        parser.error("--perceptual needs --trunk")
    if args.encoder and args.scale == 1:
        parser.error("--encoder goes with --scale 4 or 2")
    if args.quick:
        args.steps, args.batch, args.crop, args.picture = 4, 2, 64, 32
        args.width, args.textures, args.blocks = 8, [4, 8, 16], None
    if args.blocks is None:
        least = [1] if args.quick else [4]
        args.blocks = least * (args.scale.bit_length() + 1)
    return args


if __name__ == "__main__":
    main()
