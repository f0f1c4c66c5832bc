"""Predict the colors of a folder's images by restorers that were not trained on them.

    python examples/cross_fit.py portraits --group "([^_]+)$" --out out/cross_fit
    python examples/train_diffusion.py portraits --group "([^_]+)$" \\
        --predictions out/cross_fit/predictions

On its training images, a restorer has smaller errors than on new images, so that these
images do not show how large its errors are. This example splits the training images by
group into halves, trains one restorer on each half, and writes its predictions for the
other half to files of the same names. `--half` trains one of the two, so that two
processes can share the work. After an interruption, the same command resumes the
training.
"""

import argparse
import copy
from collections.abc import Sequence

import _training
import jax
import numpy as np
from tqdm.auto import tqdm

import inr
from inr import color, pretrained, training
from inr.colorization import restorer_loss
from inr.models import LoadedModel, load_model


def main() -> None:
    args = parse()
    model, _ = load_model(args.like or pretrained.file("portraits"))
    if args.quick:
        model = model.clone(widths=(8, 16), side=32)
    halves, held_out = split(args)
    for i in range(2) if args.half is None else [args.half]:
        half_args = copy.copy(args)
        half_args.out = args.out / f"half_{i}"
        params = _training.run(
            half_args,
            model,
            _training.init_params(jax.random.key(i), model),
            restorer_loss(model, num_points=args.num_points),
            restorer_loss(model, num_points=4 * args.num_points),
            data=(halves[i], held_out),
        )
        write_predictions(args, LoadedModel(model, params), halves[1 - i])


def split(args: argparse.Namespace) -> tuple[tuple, np.ndarray]:
    """The two halves of the training set, and the held-out crops."""
    if args.folder is None:
        train, held_out = _training.sample_images(args.crop)
        return (train[::2], train[1::2]), np.stack(held_out)
    paths, held_out = _training.split_files(args)
    # Hashes of the training set are uniform in [0.1, 1], with their median at 0.55.
    halves = training.split_by_hash(
        paths, group=lambda name: _training.label(args.group, name), fraction=0.55
    )
    crops = _training.center_crops(training.ImageFiles(held_out), args.crop)
    return tuple(map(training.ImageFiles, halves)), crops


def write_predictions(
    args: argparse.Namespace, restorer: LoadedModel, images: Sequence[np.ndarray]
) -> None:
    folder = args.out / "predictions"
    folder.mkdir(parents=True, exist_ok=True)
    is_files = isinstance(images, training.ImageFiles)
    names = [path.stem for path in images.paths] if is_files else range(len(images))
    for name, image in zip(names, tqdm(images), strict=True):
        gray = color.rgb_to_luma(np.float32(image / 255))
        prediction = inr.colorize(gray, model=restorer, progress=False)
        inr.write_image(folder / f"{name}.png", prediction)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    _training.add_options(parser, out="out/cross_fit", crop=128)
    parser.add_argument(
        "--like",
        metavar="FILE",
        help="restorer whose hyperparameters to use (default: the one for portraits)",
    )
    parser.add_argument("--half", type=int, choices=(0, 1), help="train only this half")
    parser.add_argument(
        "--num-points", type=int, default=1024, help="per crop; a square number"
    )
    args = parser.parse_args()
    if args.quick:
        args.steps, args.batch, args.num_points = 4, 2, 64
        args.checkpoint_every = 4
    return args


if __name__ == "__main__":
    main()
