"""Train upscaling by references, or inpainting, on a folder of images.

    python examples/train_textures.py photos --group "(.*)_" --vgg16 vgg16.safetensors
    python examples/train_textures.py photos --group "(.*)_" --scale 1  # inpainting
    python examples/train_textures.py faces --group "(.*)_" --pairs "()"  # any image

The references of an image are images whose `--pairs` groups are equal; by default those
with equal `--group`, other views of the same scene. References are rotated, enlarged
and shifted at random, so that they never contain an exact copy of the target. A tenth
of the images is held out and evaluated; images with equal `--group` stay on one side of
the split. After an interruption, the same command resumes the training. Without a
folder, photos of scikit-image serve as a demonstration.

`--vgg16` is a file of the convolutions of VGG16, named as for `inr.metrics.lpips`. The
texture extractor starts from them, at a tenth of the learning rate; `--perceptual` adds
a perceptual loss. `--encoder upscale` initializes the encoder of the image from that of
the shipped upscaler, or from that of a file.
"""

import argparse
import os

import _training
import jax
import optax
import safetensors.numpy

import inr
from inr import training
from inr.models import load_model
from inr.references import TextureTransformer, texture_loss, vgg_textures


def main() -> None:
    args = parse()
    weights = safetensors.numpy.load_file(args.vgg16) if args.vgg16 else None
    model, params = load_model(args.init) if args.init else build_model(args, weights)
    perceptual_weights = weights if args.perceptual else None
    loss = texture_loss(model, side=args.target_side, weights=perceptual_weights)
    held_out_loss = texture_loss(model, side=args.target_side)
    rates = {"extractor": args.learning_rate / 10, "generator": args.learning_rate}
    optimizer = optax.multi_transform(
        {
            name: training.warmup_adam(args.steps, learning_rate=rate)
            for name, rate in rates.items()
        },
        lambda params: {name: name for name in params},
    )
    pair_pattern = args.group if args.pairs is None else args.pairs
    _training.run(
        args,
        model,
        params,
        loss,
        held_out_loss,
        symmetry="square",
        optimizer=optimizer,
        data=_training.load_images(args, pair_pattern),
    )


def build_model(args: argparse.Namespace, weights: dict | None) -> tuple:
    """A new model and its initial parameters."""
    width, blocks = args.width, tuple(args.blocks)
    encoder = None
    if args.encoder:
        upscaler, upscaler_params = load_model(model_file(args.encoder))
        width, blocks = upscaler.width, (upscaler.blocks, *blocks[1:])
        encoder = upscaler_params["params"]["encoder"]
    model = TextureTransformer(
        args.scale, width=width, blocks=blocks, textures=tuple(args.textures)
    )
    params = _training.init_params(jax.random.key(0), model)
    if weights is not None:
        params["params"]["extractor"] = vgg_textures(weights)
    if encoder is not None:
        params["params"]["generator"]["image"] = encoder
    return model, params


def model_file(name: str) -> str | os.PathLike[str]:
    return name if name.endswith(".safetensors") else inr.pretrained.file(name)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    _training.add_options(parser, out="out/train_textures", crop=192)
    parser.add_argument("--pairs", help="regular expression; see the file's docstring")
    parser.add_argument("--scale", type=int, default=4, choices=(1, 2, 4))
    parser.add_argument(
        "--target-side", type=int, default=96, help="side of the target, pixels"
    )
    parser.add_argument("--vgg16", metavar="FILE", help="weights of VGG16")
    parser.add_argument(
        "--encoder", help="upscaler whose encoder to start from; not for inpainting"
    )
    parser.add_argument(
        "--perceptual", action="store_true", help="perceptual loss; needs --vgg16"
    )
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="peak rate")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--blocks", type=int, nargs="+")
    parser.add_argument("--textures", type=int, nargs=3, default=[64, 128, 256])
    args = _training.parse(parser)
    if args.perceptual and not args.vgg16:
        parser.error("--perceptual needs --vgg16")
    if args.encoder and args.scale == 1:
        parser.error("--encoder needs --scale 4 or 2")
    if args.quick:
        args.steps, args.batch, args.crop, args.target_side = 4, 2, 64, 32
        args.width, args.textures, args.blocks = 8, [4, 8, 16], None
    if args.blocks is None:
        blocks = 1 if args.quick else 4
        args.blocks = [blocks] * (args.scale.bit_length() + 1)
    return args


if __name__ == "__main__":
    main()
