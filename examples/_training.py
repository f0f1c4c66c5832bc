"""What the training examples share: their images, their options, and a run."""

import argparse
import pathlib
import re
from collections.abc import Callable

import jax
import numpy as np

import inr
from inr import training
from inr.restoration import save_model

BUNDLED = ("astronaut", "chelsea", "coffee", "rocket")


def add_options(parser: argparse.ArgumentParser, *, out: str, crop: int) -> None:
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument(
        "--group",
        default="(.*)",
        help="regular expression; what its groups find tells which images belong "
        "together (default: each stands alone)",
    )
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(out))
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--crop", type=int, default=crop, help="pixels cut out")
    parser.add_argument("--start", help="file of weights to go on from")
    parser.add_argument("--every", type=int, default=200, help="steps to a checkpoint")
    parser.add_argument(
        "--keep-best",
        metavar="NAME",
        help="write the model with the lowest such error of what is held out, not the "
        "last one; a small folder is soon learned by heart",
    )
    parser.add_argument("--quick", action="store_true", help="a small one, in seconds")


def images(args: argparse.Namespace, pairs: str | None = None) -> tuple:
    """What to train on, and an array of at most 64 crops held out.

    With a pattern for pairs: each image with one of which it finds the same.
    """
    if args.folder is None:
        train, held_out = bundled(args.crop)
        groups = [[i // 2 for i in range(len(x))] for x in (train, held_out)]
    else:
        split = files(args)
        groups = [[found(pairs or "", x.stem) for x in paths] for paths in split]
        train, held_out = map(training.ImageFiles, split)
        print(f"{len(train)} images to train on, {len(held_out)} held out")
    if pairs is not None:
        train, held_out = (
            training.ImagePairs(x, group)
            for x, group in zip((train, held_out), groups, strict=True)
        )
    return train, scored_crops(held_out, args.crop)


def files(args: argparse.Namespace) -> tuple[list, list]:
    """Those to train on and those held out."""
    paths = inr.list_images(args.folder)
    return training.split_by_hash(paths, group=lambda name: found(args.group, name))


def scored_crops(held_out, side: int) -> np.ndarray:
    order = np.random.default_rng(0).permutation(len(held_out))[:64]
    return np.stack([middle(held_out[i], side) for i in order])


def bundled(side: int) -> tuple[list, list]:
    """Two squares of each photograph from scikit-image."""
    from skimage import data

    photos = [getattr(data, name)() for name in BUNDLED]
    squares = [x[a : a + side, a : a + side] for x in photos for a in (0, 100)]
    return squares[2:], squares[:2]


def found(pattern: str, name: str) -> str:
    match = re.search(pattern, name)
    if match is None:
        raise SystemExit(f"{pattern!r} must match every name, got {name!r}")
    return "".join(filter(None, match.groups()))


def middle(image: np.ndarray, side: int) -> np.ndarray:
    top, left = ((n - side) // 2 for n in image.shape[:2])
    return image[top : top + side, left : left + side]


def run(
    args: argparse.Namespace,
    model,
    params,
    loss: Callable,
    scored: Callable,
    *,
    symmetry: str = "mirror",
    optimizer=None,
    data: tuple | None = None,
):
    """Trains, scores what is held out by the loss `scored`, and writes the model.

    On `data`, or what `images(args)` gives. Returns the parameters that are written.
    """
    train, held_out = images(args) if data is None else data
    score = jax.jit(lambda params: scored(params, jax.random.key(1), held_out)[1])
    print("held out, before the first step:", describe(score(params)))
    batches = training.crop_batches(
        jax.random.key(3),
        train,
        batch_size=args.batch,
        size=args.crop,
        symmetry=symmetry,
    )
    result = training.train(
        jax.random.key(2),
        loss,
        params,
        batches,
        num_steps=args.steps,
        optimizer=optimizer,
        evaluate=lambda params: {f"held_out_{k}": v for k, v in score(params).items()},
        score=args.keep_best and f"held_out_{args.keep_best}",
        checkpoint=None if args.quick else args.out / "checkpoints",
        checkpoint_every=min(args.every, args.steps),
    )
    args.out.mkdir(parents=True, exist_ok=True)
    kept = result.best if args.keep_best else result.ema
    print(f"held out, after {result.step} steps:", describe(score(kept)))
    file = args.out / f"{type(model).__name__.lower()}.safetensors"
    save_model(file, model, kept)
    print("wrote", file)
    return kept


def describe(errors: dict) -> str:
    return ", ".join(f"{name} {value:.5f}" for name, value in errors.items())
