"""Train the networks of the codec on a folder of images.

    python examples/train_codec.py photos --steps 8000
    python examples/train_codec.py photos --exclude "budgie_033|kde_0697"

Three quarters of the crops are reduced first, by 2, 1.5 or 1.25, which removes the
compression artifacts of their files; the others keep the smooth areas of photographs of
full size. Each crop has its own weight, which is what a bit a pixel may cost in mean
squared error, all over the range of `--weights`. After an interruption, the same
command resumes. Without a folder, photographs of scikit-image serve as a demonstration.
"""

import argparse
import functools
import itertools
import pathlib
import re

import _training
import jax
import numpy as np

import inr
from inr import training
from inr.codec import Codec, train_networks
from inr.models import load_model, save_model

REDUCTIONS = (2.0, 1.5, 1.25, 1.0)


def main() -> None:
    args = parse()
    crops = reduced_crops(args)
    model = Codec(weights=tuple(args.weights))
    params = train_networks(
        jax.random.key(0),
        model,
        crops,
        init=None if args.init is None else load_model(args.init).params,
        num_steps=args.steps,
        batch_size=min(args.batch, len(crops)),
        checkpoint=args.out / "checkpoint",
    )
    path = args.out / "codec.safetensors"
    save_model(path, model, params)
    print(f"wrote {path}")


def reduced_crops(args: argparse.Namespace) -> np.ndarray:
    """Crops of the images, reduced to `--side`, uint8 `[n, side, side, 3]`."""
    rng = np.random.default_rng(0)
    if args.folder is None:
        images = [x / 255 for x in _training.sample_images(2 * args.side)[0]]
    else:
        paths = inr.list_images(args.folder)
        if args.exclude:
            paths = [p for p in paths if not re.search(args.exclude, p.stem)]
        images = (inr.read_image(p)[..., :3] for p in rng.permutation(np.array(paths)))
    crops = []
    for image in itertools.islice(images, args.num_crops):
        side = round(REDUCTIONS[len(crops) % 4] * args.side)
        top, left = (rng.integers(n - side + 1) for n in image.shape[:2])
        crop = image[top : top + side, left : left + side]
        crops.append(reduce(crop, args.side))
    return np.rint(255 * np.clip(np.stack(crops), 0, 1)).astype(np.uint8)


@functools.partial(jax.jit, static_argnums=1)
def reduce(crop: jax.Array, side: int) -> jax.Array:
    return training.reduce_images(crop, (side, side))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default="out/train_codec")
    parser.add_argument("--weights", type=float, nargs=2, default=[2e-4, 3e-2])
    parser.add_argument("--num-crops", type=int, default=2000)
    parser.add_argument("--side", type=int, default=128, help="of a crop, pixels")
    parser.add_argument("--init", help="a file of `save_model` to start from")
    parser.add_argument("--exclude", help="regular expression of names to leave out")
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=16, help="crops in a step")
    parser.add_argument("--quick", action="store_true", help="seconds, for a test")
    args = parser.parse_args()
    if args.quick:
        args.steps, args.side, args.batch = 4, 32, 2
    return args


if __name__ == "__main__":
    main()
