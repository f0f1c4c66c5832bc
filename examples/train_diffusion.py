"""Train a restorer that samples colors, from a folder of images and a trained restorer.

    python examples/train_diffusion.py portraits --group "([^_]+)$" --init FILE

`--init` is the file of a restorer, for example one that `train_restorer.py` wrote; by
default, the library's restorer for portraits. The restorer stays fixed. A denoiser is
trained that draws chroma around the restorer's prediction. On its training images, a
restorer has smaller errors than on new images. To learn from the errors on new images,
run `cross_fit.py` on the same folder first, and pass its output as `--predictions`.
A tenth of the images is held out and evaluated. After an interruption, the same command
resumes the training.
"""

import argparse
import pathlib
from collections.abc import Sequence
from typing import Any

import _training
import jax
import numpy as np

from inr import pretrained, training
from inr.colorization import DiffusionRestorer, Restorer, diffusion_loss
from inr.models import load_model

# Approximate standard deviations of the diffused quantities.
DEVIATIONS = {"residual": 0.03, "chroma": 0.08, "rgb": 0.25}


def main() -> None:
    args = parse()
    restorer, restorer_params = load_model(args.init or pretrained.file("portraits"))
    if not isinstance(restorer, Restorer):
        raise SystemExit(f"--init must be the file of a Restorer, got {restorer}")
    model = with_restorer(
        restorer,
        diffused=args.diffused,
        deviation=DEVIATIONS[args.diffused],
        predicts=args.predicts,
        dropout=args.dropout,
    )
    params = _training.init_params(jax.random.key(0), model)
    params["params"]["restorer"] = restorer_params["params"]
    loss = diffusion_loss(
        model, num_points=args.num_points, cells=args.cells, views=args.views
    )
    held_out_loss = diffusion_loss(model, num_points=args.num_points)
    data = None if args.predictions is None else load_with_predictions(args)
    _training.run(args, model, params, loss, held_out_loss, data=data)


def load_with_predictions(
    args: argparse.Namespace,
) -> tuple[Sequence[np.ndarray], np.ndarray]:
    """As `_training.load_images`, with predictions as channels 3 to 5 of the images."""
    paths, held_out = _training.split_files(args)
    predictions = [args.predictions / f"{path.stem}.png" for path in paths]
    missing = [path for path in predictions if not path.exists()]
    if missing:
        raise SystemExit(f"{missing[0]} is missing: run cross_fit.py on {args.folder}")
    train = StackedChannels(
        training.ImageFiles(paths), training.ImageFiles(predictions)
    )
    held_out_images = training.ImageFiles(held_out)
    return train, _training.center_crops(held_out_images, args.crop)


class StackedChannels(Sequence[np.ndarray]):
    """Two sequences of images, item by item along the channels."""

    def __init__(self, first: Sequence[np.ndarray], second: Sequence[np.ndarray]):
        self._sequences = first, second

    def __len__(self) -> int:
        return len(self._sequences[0])

    def __getitem__(self, index: int) -> np.ndarray:
        return np.concatenate([images[index] for images in self._sequences], -1)


def with_restorer(restorer: Restorer, **options: Any) -> DiffusionRestorer:
    return DiffusionRestorer(
        widths=restorer.widths,
        blocks=restorer.blocks,
        trunk=restorer.trunk,
        width=restorer.width,
        depth=restorer.depth,
        side=restorer.side,
        space=restorer.space,
        **options,
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    _training.add_options(parser, out="out/train_diffusion", crop=128)
    parser.add_argument(
        "--num-points", type=int, default=1024, help="per crop; a square number"
    )
    parser.add_argument(
        "--cells", type=int, help="mask random cells of the input: cells along a side"
    )
    parser.add_argument(
        "--views",
        type=float,
        default=0.0,
        help="strength of random rotation, zoom and shift of crops",
    )
    parser.add_argument(
        "--predictions",
        type=pathlib.Path,
        metavar="FOLDER",
        help="predictions that cross_fit.py wrote",
    )
    parser.add_argument("--diffused", default="residual", choices=DEVIATIONS)
    parser.add_argument("--predicts", default="v", choices=("v", "x0", "eps"))
    parser.add_argument(
        "--dropout",
        type=float,
        default=0.1,
        help="fraction of training examples without the image",
    )
    args = _training.parse(parser)
    if args.quick:
        args.steps, args.batch, args.num_points = 8, 2, 64
        args.checkpoint_every = 8
    return args


if __name__ == "__main__":
    main()
