"""Learn a start for fits of photographs, and compare it with the default start.

    python examples/learn_start.py FOLDER [--out photo_start.safetensors]

FOLDER holds photographs of 256x256 pixels whose names are `source_photo_crop`. One crop
of each photograph is used; the photographs of `--leave-out` and 20 others are not. An
interrupted run resumes from `--checkpoint`. `--quick` uses small noise images.
"""

import argparse
import pathlib

import jax
import numpy as np

import inr

NUM_HELD_OUT = 20


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--out", default="photo_start.safetensors")
    parser.add_argument("--photos", type=int, default=64, help="training photographs")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--checkpoint", help="folder of checkpoints")
    parser.add_argument("--leave-out", nargs="*", default=[], help="ids of photographs")
    parser.add_argument("--compare", type=int, default=8, help="held-out photographs")
    parser.add_argument("--quick", action="store_true", help="seconds, without photos")
    return parser.parse_args()


def split(args: argparse.Namespace) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Training and held-out photographs, one crop of each."""
    if args.quick or args.folder is None:
        noise = np.random.default_rng(0).random((6, 16, 16, 3), np.float32)
        return list(noise[:4]), list(noise[4:])
    crops = {}
    for path in sorted(args.folder.glob("*.webp")):
        photo = path.stem.split("_")[1]
        if photo not in args.leave_out:
            crops.setdefault(photo, path)
    photos = np.random.default_rng(0).permutation(list(crops))
    held_out, train = photos[:NUM_HELD_OUT], photos[NUM_HELD_OUT:][: args.photos]
    train, held_out = (
        [inr.read_image(crops[photo])[..., :3] for photo in part]
        for part in (train, held_out)
    )
    return train, held_out[: args.compare]


def compare(start: inr.Init, images: list[np.ndarray], num_steps: int) -> None:
    """Print PSNR at the pixels, and steps to 30 and 35 dB, from both starts."""
    key = jax.random.key(1)
    for name, init in (("default start", None), ("learned start", start)):
        gains = []
        for image in images:
            model = None if init else start.model
            options = {"init": init, "model": model, "progress": False}
            few = inr.fit_image(key, image, num_steps=10, **options).field
            result = inr.fit_image(key, image, num_steps=num_steps, **options)
            size = image.shape[:2]
            psnrs = [
                float(inr.psnr(inr.render(f, size, progress=False), image))
                for f in (few, result.field)
            ]
            # The loss of a batch is noisy: the mean over ten steps counts.
            smooth = np.convolve(result.history, np.full(10, 0.1), "valid")
            curve = -10 * np.log10(np.maximum(smooth, 1e-12))
            steps = [int(np.argmax(curve >= t)) if (curve >= t).any() else num_steps
                     for t in (30, 35)]  # fmt: skip
            gains.append([*psnrs, *steps])
            print(name, *np.round(gains[-1], 2), flush=True)
        ten, last, to_30, to_35 = np.mean(gains, axis=0)
        print(
            f"{name}: {ten:.2f} dB after 10 steps, {last:.2f} dB after {num_steps}; "
            f"{to_30:.0f} steps to 30 dB, {to_35:.0f} to 35 dB ({len(images)} images)",
            flush=True,
        )


def main() -> None:
    args = parse()
    train, held_out = split(args)
    small = args.quick or args.folder is None
    omega = float(np.median([inr.suggest_omega(image) for image in train]))
    width, num_steps = (16, 10) if small else (256, args.steps)
    model = inr.Siren(features=3, width=width, depth=1 if small else 3, omega=omega)
    start = inr.meta.learn_init(
        jax.random.key(0),
        model,
        train,
        method="shared",
        num_steps=num_steps,
        batch_size=min(16, len(train)),
        num_points=64 if small else 256,
        checkpoint=args.checkpoint,
    )
    inr.save_field(args.out, inr.bind(start.model, start.params))
    compare(start, held_out, 10 if small else 500)


if __name__ == "__main__":
    main()
