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
        "last one; a small folder is soon learnt by heart",
    )
    parser.add_argument("--quick", action="store_true", help="a small one, in seconds")


def images(args: argparse.Namespace) -> tuple:
    """What to train on, and an array of at most 64 crops held out."""
    if args.folder is None:
        from skimage import data

        photos = [getattr(data, name)() for name in BUNDLED]
        return photos[1:], middle(photos[0], args.crop)[None]
    paths = inr.list_images(args.folder)
    train, held_out = training.split_by_hash(
        paths, group=lambda name: "".join(filter(None, found(args.group, name)))
    )
    print(f"{len(train)} images to train on, {len(held_out)} held out")
    order = np.random.default_rng(0).permutation(len(held_out))[:64]
    kept = training.ImageFiles([held_out[i] for i in order])
    crops = np.stack([middle(image, args.crop) for image in kept])
    return training.ImageFiles(train), crops


def found(pattern: str, name: str) -> tuple[str, ...]:
    match = re.search(pattern, name)
    if match is None:
        raise SystemExit(f"--group must match every name, got {name!r}")
    return match.groups()


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
) -> None:
    """Trains, scores what is held out by the loss `scored`, and writes the model."""
    train, held_out = images(args)
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


def describe(errors: dict) -> str:
    return ", ".join(f"{name} {value:.5f}" for name, value in errors.items())
