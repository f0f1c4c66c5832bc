"""A folder of images as a file of latents: one network for all of them.

    python examples/many_images.py [FOLDER] [--steps 2400] [--out many_images]

Learns a modulated SIREN from crops of 32x32 pixels, encodes other crops in three steps
each, stores their fields in one file, blends two crops, completes half of a crop by a
hypernetwork, and predicts from a latent alone which picture its crop is from. FOLDER
holds color images, at least 64 pixels wide and 256 high; by default crops of
scikit-image's pictures are used. `--quick` takes seconds and shows nothing but that it
runs. Writes to the folder `--out`.
"""

import argparse
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

import inr

SIZE = (32, 32)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("many_images"))
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--crops", type=int, default=600, help="crops of each picture")
    parser.add_argument("--latent", type=int, default=256)
    parser.add_argument("--checkpoint", help="folder of checkpoints")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    if args.quick:
        args.steps, args.crops, args.latent = 8, 12, 8
    return args


def pictures(folder: pathlib.Path | None) -> dict[str, np.ndarray]:
    if folder is None:
        from skimage import data

        names = ("astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry")
        images = {name: getattr(data, name)() for name in names}
        return {name: image / np.float32(255) for name, image in images.items()}
    paths = inr.list_images(folder)
    images = {path.stem: np.asarray(inr.read_image(path)) for path in paths}
    return {name: image for name, image in images.items() if image.shape[-1] == 3}


def crops(
    images: dict[str, np.ndarray], count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Crops of the upper three quarters, and of the rest; the numbers of pictures."""
    rng = np.random.default_rng(0)
    parts = []
    for is_train in (True, False):
        batch, labels = [], []
        for label, image in enumerate(images.values()):
            # Half the resolution: a crop then shows more than one texture.
            image = image[: len(image) // 2 * 2, : image.shape[1] // 2 * 2]
            h, w, _ = image.shape
            image = image.reshape(h // 2, 2, w // 2, 2, 3).mean((1, 3))
            border = len(image) * 3 // 4
            image = image[:border] if is_train else image[border:]
            if min(image.shape[:2]) < max(SIZE):
                continue
            for _ in range(count if is_train else max(count // 6, 4)):
                top, left = (
                    rng.integers(n - s + 1)
                    for n, s in zip(image.shape, SIZE, strict=False)
                )
                batch.append(image[top : top + SIZE[0], left : left + SIZE[1]])
                labels.append(label)
        parts += [np.asarray(batch, np.float32), np.asarray(labels)]
    return tuple(parts)


def render(fields) -> np.ndarray:
    """Images `[b, h, w, 3]` of fields."""
    points = inr.coords.grid(SIZE)
    values = jax.lax.map(lambda field: field(points), fields, batch_size=8)
    return np.clip(values, 0, 1)


def mean_psnr(images: np.ndarray, targets: np.ndarray) -> float:
    errors = np.square(images - targets).mean((1, 2, 3))
    return float(-10 * np.log10(errors).mean())


def probe(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Labels of a linear classifier: ridge regression on one-hot labels."""
    mean, scale = train.mean(0), train.std(0) + 1e-6
    a, b = ((x - mean) / scale for x in (train, test))
    a, b = (np.concatenate([x, np.ones((len(x), 1))], 1) for x in (a, b))
    weights = np.linalg.solve(
        a.T @ a + 10 * np.eye(a.shape[1]), a.T @ np.eye(labels.max() + 1)[labels]
    )
    return (b @ weights).argmax(1)


def encode(args: argparse.Namespace, start, test: np.ndarray) -> jax.Array:
    """Latents of the other crops; their fields in a file, and a field between two."""
    latents = inr.meta.encode(start, test)
    fields = inr.meta.decode(start, latents)
    decoded = render(fields)
    print(f"other crops, 3 steps: {mean_psnr(decoded, test):.2f} dB")
    store = args.out / "fields.safetensors"
    info = inr.save_fields(store, fields, size=SIZE, precision="float16")
    print(f"{store}: {info.num_fields} fields, {info.file_bytes} bytes")
    large = inr.render(inr.load_fields(store)[0], (128, 128), progress=False)
    panels = {"crop": test[0], "decoded": decoded[0], "4x": large}
    inr.plot.images(panels).savefig(args.out / "decoded.png")

    weights = jnp.linspace(0, 1, 5)[:, None]
    between = (1 - weights) * latents[:1] + weights * latents[-1:]
    row = render(inr.meta.decode(start, between))
    panels = {f"{float(w):.2f}": x for w, x in zip(weights[:, 0], row, strict=True)}
    inr.plot.images(panels).savefig(args.out / "between.png")
    return latents


def complete(args: argparse.Namespace, predictor, test: np.ndarray) -> None:
    """Predict crops from all of their pixels, from a tenth, and from one half."""
    decoded = render(inr.meta.decode(predictor, inr.meta.encode(predictor, test)))
    print(f"other crops, one pass: {mean_psnr(decoded, test):.2f} dB")
    left = np.arange(SIZE[1]) < SIZE[1] // 2
    masks = {
        "a tenth of the pixels": np.random.default_rng(1).random(SIZE) < 0.1,
        "the left half": np.broadcast_to(left, SIZE),
    }
    for name, mask in masks.items():
        latents = inr.meta.encode(predictor, test, mask=mask)
        completed = render(inr.meta.decode(predictor, latents))
        error = np.square(completed - test)[:, ~mask].mean()
        mean = test[:, mask].mean(1, keepdims=True)
        error_of_mean = np.square(mean - test[:, ~mask]).mean()
        print(
            f"known: {name}; unknown pixels {-10 * np.log10(error):.2f} dB, "
            f"by the mean of the known ones {-10 * np.log10(error_of_mean):.2f} dB"
        )
        panels = {"crop": test[0], "known": test[0] * mask[..., None]}
        figure = inr.plot.images({**panels, "completed": completed[0]})
        figure.savefig(args.out / f"{name.replace(' ', '_')}.png")


def main() -> None:
    args = parse()
    args.out.mkdir(parents=True, exist_ok=True)
    train, labels, test, test_labels = crops(pictures(args.folder), args.crops)
    if not (len(train) and len(test)):
        raise SystemExit(f"{args.folder} has no color image of 64x256 pixels.")
    print(f"{len(train)} crops to learn from, {len(test)} others")
    key = jax.random.key(0)
    siren = inr.Siren(features=3, width=16 if args.quick else 128, depth=4, omega=15.0)
    model = inr.Modulated(features=3, model=siren, latent_shape=(args.latent,))
    start = inr.meta.learn_init(
        key, model, train, method="maml", num_steps=args.steps,
        checkpoint=args.checkpoint,
    )  # fmt: skip
    latents = encode(args, start, test)
    predicted = probe(
        np.asarray(inr.meta.encode(start, train)), labels, np.asarray(latents)
    )
    chance = np.bincount(test_labels).max() / len(test_labels)
    accuracy = (predicted == test_labels).mean()
    print(
        f"picture of a crop from its latent: {accuracy:.0%} right, chance {chance:.0%}"
    )

    widths = (8,) if args.quick else (32, 64, 128)
    encoder = inr.meta.ConvEncoder(size=SIZE, widths=widths)
    predictor = inr.meta.learn_init(
        key, inr.meta.Hypernetwork(encoder=encoder, model=model), train,
        method="encoder", num_steps=args.steps, batch_size=16,
        num_points=SIZE[0] * SIZE[1],
    )  # fmt: skip
    complete(args, predictor, test)


if __name__ == "__main__":
    main()
