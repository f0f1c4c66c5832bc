"""Options, data and the run that the training examples share."""

import argparse
import math
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax

import inr
from inr import training
from inr.models import save_model

SAMPLE_PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")


def add_options(parser: argparse.ArgumentParser, *, out: str, crop: int) -> None:
    add_data_options(parser, out=out, crop=crop)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=16, help="crops in a batch")
    parser.add_argument("--init", metavar="FILE", help="file of the initial weights")
    parser.add_argument(
        "--checkpoint-every", type=int, default=200, help="steps between checkpoints"
    )
    parser.add_argument(
        "--keep-best",
        metavar="NAME",
        help="write the model with the lowest held-out error of this name, in place of "
        "the last model; use it for small folders, which are soon overfitted",
    )


def add_data_options(parser: argparse.ArgumentParser, *, out: str, crop: int) -> None:
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument(
        "--group",
        default="(.*)",
        help="regular expression; files whose captured groups are equal stay on one "
        "side of the split (default: each file is its own group)",
    )
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(out))
    parser.add_argument("--crop", type=int, default=crop, help="side of a crop, pixels")
    parser.add_argument(
        "--quick", action="store_true", help="a small model, in seconds"
    )


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Add the options of several processes, read all, and connect the processes."""
    parser.add_argument(
        "--processes",
        metavar="N",
        default="1",
        help="train on all devices of N processes: start this command once for each, "
        "or without --process to start all of them here; auto on a cluster that JAX "
        "detects, such as Slurm and TPU pods",
    )
    parser.add_argument(
        "--process", type=int, metavar="I", help="number of this process, from 0"
    )
    parser.add_argument(
        "--coordinator",
        metavar="HOST:PORT",
        default="127.0.0.1:12321",
        help="a free port on the host of process 0",
    )
    args = parser.parse_args()
    connect(args)
    return args


def connect(args: argparse.Namespace) -> None:
    """Connect this process to the others, before any computation."""
    if args.processes == "auto":
        jax.distributed.initialize()
        return
    if not args.processes.isdecimal() or int(args.processes) < 1:
        raise SystemExit(f"--processes must be a count or auto, got {args.processes!r}")
    count = int(args.processes)
    if args.process is None and count > 1:
        raise SystemExit(start_all(count))
    try:
        training.join_processes(
            args.coordinator, process=args.process or 0, num_processes=count
        )
    except (TimeoutError, ValueError) as error:
        raise SystemExit(error) from None


def start_all(count: int) -> int:
    """Start processes on this machine, and end all of them if one fails."""
    command = [sys.executable, *sys.argv, "--process"]
    running = [subprocess.Popen([*command, str(i)]) for i in range(count)]
    try:
        while any(code is None for code in [child.poll() for child in running]):
            if any(child.returncode for child in running):
                break
            time.sleep(0.1)
    finally:
        for child in running:
            child.terminate()
    return max(child.wait() and 1 for child in running)


def load_images(
    args: argparse.Namespace, pair_pattern: str | None = None
) -> tuple[Sequence[np.ndarray], np.ndarray]:
    """The training set, and at most 64 held-out crops as one array.

    With a pattern, each image is paired with one whose captured groups are equal.
    """
    if args.folder is None:
        train, held_out = sample_images(args.crop)
        groups = [[i // 2 for i in range(len(x))] for x in (train, held_out)]
    else:
        split = split_files(args)
        groups = [[label(pair_pattern or "", x.stem) for x in paths] for paths in split]
        train, held_out = map(training.ImageFiles, split)
        print(f"{len(train)} training images, {len(held_out)} held-out images")
    if pair_pattern is not None:
        train, held_out = (
            training.ImagePairs(x, group)
            for x, group in zip((train, held_out), groups, strict=True)
        )
    return train, center_crops(held_out, args.crop)


def split_files(
    args: argparse.Namespace,
) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    """Paths of the training set and of the held-out set."""
    paths = inr.list_images(args.folder)
    return training.split_by_hash(paths, group=lambda name: label(args.group, name))


def center_crops(images: Sequence[np.ndarray], side: int) -> np.ndarray:
    """Center crops of at most 64 images, `[n, side, side, c]`."""
    order = np.random.default_rng(0).permutation(len(images))[:64]
    return np.stack([center_crop(images[i], side) for i in order])


def center_crop(image: np.ndarray, side: int) -> np.ndarray:
    top, left = ((n - side) // 2 for n in image.shape[:2])
    return image[top : top + side, left : left + side]


def sample_images(side: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Two squares of each of scikit-image's photos: six to train on, two held out."""
    from skimage import data

    photos = [getattr(data, name)() for name in SAMPLE_PHOTOS]
    squares = [x[a : a + side, a : a + side] for x in photos for a in (0, 100)]
    return squares[2:], squares[:2]


def label(pattern: str, name: str) -> str:
    """The captured groups of a regular expression in a name, joined."""
    match = re.search(pattern, name)
    if match is None:
        raise SystemExit(f"{pattern!r} must match every name, got {name!r}")
    return "".join(filter(None, match.groups()))


def init_params(key: jax.Array, model):
    inputs = model.example_inputs()
    return model.init(key, *jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), inputs))


def run(
    args: argparse.Namespace,
    model,
    params,
    loss: training.Loss,
    held_out_loss: training.Loss,
    *,
    symmetry: training.Symmetry = "mirror",
    optimizer: optax.GradientTransformation | float | None = None,
    data: tuple[Sequence[np.ndarray], np.ndarray] | None = None,
):
    """Train a model, evaluate it on held-out crops, write it, return its parameters.

    `data` is the training set and the held-out crops; by default, `load_images(args)`.
    """
    train, held_out = load_images(args) if data is None else data
    evaluate = evaluation(held_out_loss, held_out)
    print("held-out errors before training:", describe(evaluate(params)))
    batches = training.crop_batches(
        jax.random.key(3),
        train,
        batch_size=args.batch,
        side=args.crop,
        symmetry=symmetry,
        part=(jax.process_index(), jax.process_count()),
    )
    result = training.train(
        jax.random.key(2),
        loss,
        params,
        batches,
        num_steps=args.steps,
        optimizer=optimizer,
        evaluate=evaluate,
        score=args.keep_best and f"held_out_{args.keep_best}",
        checkpoint=None if args.quick else args.out / "checkpoints",
        checkpoint_every=min(args.checkpoint_every, args.steps),
        sharding=mesh(args.batch),
    )
    if jax.process_index() > 0:
        return result.best_ema if args.keep_best else result.ema
    args.out.mkdir(parents=True, exist_ok=True)
    params = result.best_ema if args.keep_best else result.ema
    errors = describe(evaluate(params))
    print(f"held-out errors after {result.num_steps} steps: {errors}")
    file = args.out / f"{type(model).__name__.lower()}.safetensors"
    save_model(file, model, params)
    print("wrote", file)
    return params


def mesh(batch_size: int) -> jax.sharding.Mesh | None:
    """All devices; in one process, as many of them as divide the batch."""
    devices = jax.devices()
    if jax.process_count() == 1:
        devices = devices[: math.gcd(batch_size, len(devices))]
    if len(devices) == 1:
        return None
    return jax.make_mesh((len(devices),), ("batch",), devices=devices)


def evaluation(loss: training.Loss, held_out: np.ndarray) -> Callable:
    """A function from parameters to the metrics of `loss` on the held-out crops."""
    metrics = jax.jit(lambda params: loss(params, jax.random.key(1), held_out)[1])
    return lambda params: {f"held_out_{k}": v for k, v in metrics(params).items()}


def describe(errors: dict[str, jax.Array]) -> str:
    return ", ".join(f"{name} {value:.5f}" for name, value in errors.items())
