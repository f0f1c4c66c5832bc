"""Trains a restorer that samples, on a folder of images and a trained restorer.

    python examples/train_diffusion.py portraits --group "([^_]+)$" --start FILE

The file of `--start` holds a restorer, such as `train_restorer.py` writes; by default
it is the one for portraits that comes with the library. It stays as it is: what learns
is a denoiser that draws chroma about the mean that the restorer says. With `--guesses`,
what `cross_fit.py` wrote of the same folder, it learns how far a restorer is off on
pictures that are new to it. A tenth of the images is held out and scored. Stopped or
killed, the same command goes on.
"""

import argparse
import pathlib
from collections.abc import Sequence

import _training
import jax
import jax.numpy as jnp
import numpy as np

from inr import pretrained, training
from inr.restoration import DiffusionRestorer, Restorer, diffusion_loss, load_model

# About what is diffused is that large.
DEVIATIONS = {"residual": 0.03, "chroma": 0.08, "rgb": 0.25}


def main() -> None:
    args = parse()
    restorer, known = load_model(args.start or pretrained.file("portraits"))
    if not isinstance(restorer, Restorer):
        raise SystemExit(f"--start must be a file of a restorer, got {restorer}")
    model = with_restorer(
        restorer,
        diffused=args.diffused,
        deviation=DEVIATIONS[args.diffused],
        predicts=args.predicts,
        dropout=args.dropout,
    )
    one = jnp.zeros((model.side, model.side, 1))
    inputs = jnp.zeros((1, 2)), one, jnp.zeros((1, model.channels)), jnp.zeros(())
    params = model.init(jax.random.key(0), *inputs)
    params["params"]["restorer"] = known["params"]
    loss = diffusion_loss(
        model, num_points=args.points, cells=args.cells, views=args.views
    )
    scored = diffusion_loss(model, num_points=args.points)
    data = None if args.guesses is None else with_guesses(args)
    _training.run(args, model, params, loss, scored, data=data)


def with_guesses(args: argparse.Namespace) -> tuple:
    """What `_training.images` gives, the guesses behind the images' channels."""
    paths, held_out = _training.files(args)
    guesses = [args.guesses / f"{path.stem}.png" for path in paths]
    missing = [path for path in guesses if not path.exists()]
    if missing:
        raise SystemExit(f"{missing[0]} is missing: run cross_fit.py on {args.folder}")
    pairs = Beside(training.ImageFiles(paths), training.ImageFiles(guesses))
    return pairs, _training.scored_crops(training.ImageFiles(held_out), args.crop)


class Beside(Sequence):
    """Two sequences of images as one, of the channels of both."""

    def __init__(self, first: Sequence, second: Sequence):
        self.both = first, second

    def __len__(self) -> int:
        return len(self.both[0])

    def __getitem__(self, index: int) -> np.ndarray:
        return np.concatenate([images[index] for images in self.both], -1)


def with_restorer(restorer: Restorer, **options) -> DiffusionRestorer:
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
    parser.add_argument("--points", type=int, default=1024, help="a square number")
    parser.add_argument("--cells", type=int, help="masks so many cells a side")
    parser.add_argument(
        "--views", type=float, default=0.0, help="turns, enlarges, shifts by so much"
    )
    parser.add_argument(
        "--guesses", type=pathlib.Path, help="folder that cross_fit.py wrote"
    )
    parser.add_argument("--diffused", default="residual", choices=DEVIATIONS)
    parser.add_argument("--predicts", default="v", choices=("v", "x0", "eps"))
    parser.add_argument(
        "--dropout", type=float, default=0.1, help="share trained without the image"
    )
    args = parser.parse_args()
    if args.quick:
        args.steps, args.batch, args.points, args.every = 8, 2, 64, 8
    return args


if __name__ == "__main__":
    main()
