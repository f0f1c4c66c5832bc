"""What restorers make of a folder's images that were not trained on them.

    python examples/cross_fit.py portraits --group "([^_]+)$" --out out/cross_fit
    python examples/train_diffusion.py portraits --group "([^_]+)$" \\
        --guesses out/cross_fit/guesses

On images that it was trained on a restorer errs less than on others, so that nobody can
learn from them how far it is off. Here two restorers are trained, each on half of the
images, by group, and each says the colors of the other half, in files of the same
names. `--half` does one of them, to have both at once. Stopped or killed, the same
command goes on.
"""

import argparse
import copy

import _training
import jax
import jax.numpy as jnp
import numpy as np
from tqdm.auto import tqdm

import inr
from inr import color, pretrained, training
from inr.restoration import LoadedModel, load_model, restorer_loss


def main() -> None:
    args = parse()
    model, _ = load_model(args.like or pretrained.file("portraits"))
    if args.quick:
        model = model.clone(widths=(8, 16), side=32)
    halves, held_out = split(args)
    for i in range(2) if args.half is None else [args.half]:
        one = jnp.zeros((model.side, model.side, 1))
        params = model.init(jax.random.key(i), jnp.zeros((1, 2)), one)
        own = copy.copy(args)
        own.out = args.out / f"half_{i}"
        params = _training.run(
            own,
            model,
            params,
            restorer_loss(model, num_points=args.points),
            restorer_loss(model, num_points=4 * args.points),
            data=(halves[i], held_out),
        )
        write_guesses(args, LoadedModel(model, params), halves[1 - i])


def split(args: argparse.Namespace) -> tuple:
    """The two halves of what is trained on, and crops held out."""
    if args.folder is None:
        train, held_out = _training.bundled(args.crop)
        return (train[::2], train[1::2]), np.stack(held_out)
    paths, held_out = _training.files(args)
    # Their hashes are a tenth and more: by 0.55 they are halved.
    halves = training.split_by_hash(
        paths, group=lambda name: _training.found(args.group, name), fraction=0.55
    )
    crops = _training.scored_crops(training.ImageFiles(held_out), args.crop)
    return tuple(map(training.ImageFiles, halves)), crops


def write_guesses(args: argparse.Namespace, restorer: LoadedModel, images) -> None:
    folder = args.out / "guesses"
    folder.mkdir(parents=True, exist_ok=True)
    files = isinstance(images, training.ImageFiles)
    names = [path.stem for path in images.paths] if files else range(len(images))
    for name, image in zip(names, tqdm(images), strict=True):
        gray = color.rgb_to_luma(np.float32(image / 255))
        made = inr.colorize(gray, model=restorer, progress=False)
        inr.write_image(folder / f"{name}.png", made)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    _training.add_options(parser, out="out/cross_fit", crop=128)
    parser.add_argument(
        "--like",
        help="file of a restorer, of whose kind the two are (default: shipped)",
    )
    parser.add_argument("--half", type=int, choices=(0, 1), help="only one of the two")
    parser.add_argument("--points", type=int, default=1024, help="a square number")
    args = parser.parse_args()
    if args.quick:
        args.steps, args.batch, args.points, args.every = 4, 2, 64, 4
    return args


if __name__ == "__main__":
    main()
