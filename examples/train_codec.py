"""Train the networks of the codec on a folder of images.

    python examples/train_codec.py photos --weights 0.0003 0.001 0.003 0.01
    python examples/train_codec.py photos --exclude "budgie_033|kde_0697"

The crops are reduced by two first, which removes the compression artifacts of their
files. Each weight is what a bit a pixel may cost in mean squared error: there is a pair
of networks for each, and the first is the start of the others. After an interruption,
the same command resumes. Without a folder, photographs of scikit-image serve as a
demonstration.
"""

import argparse
import pathlib
import re

import _training
import jax
import numpy as np

import inr
from inr.codec import Codec, join, train_networks
from inr.models import save_model


def main() -> None:
    args = parse()
    crops = reduced_crops(args)
    pairs, start = {}, None
    for weight in args.weights:
        steps = args.steps if start is None else args.steps // 2
        pairs[weight] = train_networks(
            jax.random.key(0),
            crops,
            weight=weight,
            init=start,
            num_steps=steps,
            batch_size=min(args.batch, len(crops)),
            checkpoint=args.out / f"weight_{weight:g}",
        )
        start = start or pairs[weight]
    weights = tuple(sorted(pairs))
    model = Codec(weights=weights)
    path = args.out / "codec.safetensors"
    save_model(path, model, join([pairs[w] for w in weights]))
    print(f"wrote {path}")


def reduced_crops(args: argparse.Namespace) -> np.ndarray:
    """Central crops of the images, reduced by two, uint8 `[n, h, w, 3]`."""
    if args.folder is None:
        images = [x / 255 for x in _training.sample_images(args.crop)[0]]
    else:
        paths = inr.list_images(args.folder)
        if args.exclude:
            paths = [p for p in paths if not re.search(args.exclude, p.stem)]
        paths = np.random.default_rng(0).permutation(np.array(paths))[: args.num_crops]
        images = [inr.read_image(path)[..., :3] for path in paths]
    crops = np.stack([np.asarray(center(x, args.crop)) for x in images])
    n, h, w, c = crops.shape
    means = crops.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))
    return np.rint(255 * means).astype(np.uint8)


def center(image: np.ndarray, side: int) -> np.ndarray:
    top, left = ((n - side) // 2 for n in image.shape[:2])
    return image[top : top + side, left : left + side]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default="out/train_codec")
    parser.add_argument(
        "--weights", type=float, nargs="+", default=[1e-3, 3e-4, 3e-3, 1e-2]
    )
    parser.add_argument("--num-crops", type=int, default=768)
    parser.add_argument("--crop", type=int, default=256, help="side, pixels, even")
    parser.add_argument("--exclude", help="regular expression of names to leave out")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=24, help="crops in a step")
    parser.add_argument("--quick", action="store_true", help="seconds, for a test")
    args = parser.parse_args()
    if args.quick:
        args.weights, args.steps, args.crop, args.batch = [1e-3], 4, 64, 2
    return args


if __name__ == "__main__":
    main()
