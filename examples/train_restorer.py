"""Train a restorer on a folder of images: from small and gray to larger and in color.

    python examples/train_restorer.py photos --group "(.*)_" --steps 4000
    python examples/train_restorer.py photos --group "(.*)_" --trunk vgg16.safetensors

A tenth of the images is held out and evaluated; images with equal `--group` stay on one
side of the split. After an interruption, the same command resumes the training. Without
a folder, photos of scikit-image serve as a demonstration. `--trunk` is a file of the
convolutions of VGG16, named as for `inr.metrics.lpips`; the encoder starts from it. Its
learning rate is low, because a higher one destroys the pretrained features.
"""

import argparse

import _training
import jax
import optax
import safetensors.numpy

from inr import training
from inr.colorization import Restorer, restorer_loss
from inr.models import gray_trunk, load_model


def main() -> None:
    args = parse()
    if args.init:
        model, params = load_model(args.init)
    else:
        trunk = args.trunk is not None
        model = Restorer(
            widths=tuple(args.widths), side=args.side, trunk=trunk, space=args.space
        )
        params = _training.init_params(jax.random.key(0), model)
        if trunk:
            pretrained = gray_trunk(safetensors.numpy.load_file(args.trunk))
            encoder = params["params"]["encoder"]
            encoder.update({k: pretrained[k] for k in encoder if k in pretrained})
    loss = restorer_loss(
        model,
        num_points=args.num_points,
        cells=args.cells,
        resized_crops=args.resized_crops,
        views=args.views,
        points=args.points,
        feature_offset=args.feature_offset,
        luma_weight=args.luma_weight,
    )
    held_out_loss = restorer_loss(model, num_points=4 * args.num_points)
    adam = training.warmup_adam(args.steps, learning_rate=args.learning_rate)
    optimizer = slow_trunk(args) if model.trunk else adam
    _training.run(args, model, params, loss, held_out_loss, optimizer=optimizer)


def slow_trunk(args: argparse.Namespace) -> optax.GradientTransformation:
    """Adam with a learning rate of its own for the trunk."""
    rates = {"trunk": args.trunk_learning_rate, "others": args.learning_rate}

    def labels(params):
        def label(path, _) -> str:
            in_trunk = any(str(key.key).startswith("trunk_") for key in path)
            return "trunk" if in_trunk else "others"

        return jax.tree_util.tree_map_with_path(label, params)

    adams = {
        name: training.warmup_adam(args.steps, learning_rate=rate)
        for name, rate in rates.items()
    }
    return optax.multi_transform(adams, labels)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    _training.add_options(parser, out="out/train", crop=128)
    parser.add_argument(
        "--side", type=int, default=64, help="side of the model's input, pixels"
    )
    parser.add_argument("--trunk", metavar="FILE", help="weights of VGG16")
    parser.add_argument("--trunk-learning-rate", type=float, default=2e-5)
    parser.add_argument(
        "--learning-rate", type=float, default=1e-3, help="of all other parameters"
    )
    parser.add_argument(
        "--resized-crops",
        action="store_true",
        help="crop random parts of the crops at random scales",
    )
    parser.add_argument(
        "--views",
        type=float,
        default=0.0,
        help="strength of random rotation, zoom and shift of crops",
    )
    parser.add_argument(
        "--num-points", type=int, default=1024, help="per crop; a square number"
    )
    parser.add_argument(
        "--points",
        default="jittered",
        choices=("uniform", "halton", "shifted", "jittered"),
        help="placement of the points",
    )
    parser.add_argument(
        "--feature-offset",
        type=float,
        default=0.0,
        help="standard deviation of an offset of the features' position, in coords, "
        "for half of the points",
    )
    parser.add_argument(
        "--space",
        default="ycbcr",
        choices=("ycbcr", "lab", "rgb"),
        help="color space of the model's output",
    )
    parser.add_argument(
        "--cells",
        help="mask random cells of the input: cells along a side, uniform or dynamic",
    )
    parser.add_argument("--luma-weight", type=float, default=20.0)
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64, 128, 160])
    args = _training.parse(parser)
    if args.cells and args.cells.isdecimal():
        args.cells = int(args.cells)
    if args.quick:
        args.steps, args.batch, args.crop, args.num_points = 8, 4, 64, 64
        args.side, args.widths = 32, [8, 16]
    return args


if __name__ == "__main__":
    main()
