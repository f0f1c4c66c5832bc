"""Train a colorizer of hypercolumns, such as the pretrained `photos`, on images.

    python examples/train_colors.py photos --group "(.*)_"

A tenth of the images is held out and evaluated; images with equal `--group` stay on one
side of the split. VGG16 reads each crop once, which takes most of the time; the
perceptrons then learn in minutes. After an interruption, the same command goes on.
Without a folder, photos of scikit-image serve as a demonstration. To use the result:

    inr colorize photo.jpg --model out/train_colors/hypercolumncolorizer.safetensors
"""

import argparse
import itertools
import pathlib
from collections.abc import Iterator, Sequence

import _training
import jax
import numpy as np
import optax
import tqdm

import inr
from inr import training
from inr.colorization import (
    HypercolumnColorizer,
    HypercolumnSamples,
    hypercolumn_loss,
    hypercolumn_samples,
    init_hypercolumns,
    perceptron_inputs,
)
from inr.models import LoadedModel, save_model

BATCH = 8  # crops that VGG16 reads at a time
BATCHES_FOR_COMPONENTS = 32


def main() -> None:
    args = parse()
    args.out.mkdir(parents=True, exist_ok=True)
    train, held_out = _training.load_images(args)
    model = HypercolumnColorizer()
    if args.quick:
        model = model.clone(width=16, heads=2, bins=16, components=(8,) * 5)
    reader = Reader(args, train)
    keys = jax.random.split(jax.random.key(0), 2)
    print("VGG16 reads some crops, for the principal components and the bins of colors")
    first = [*tqdm.tqdm(reader.batches(0, min(len(reader), BATCHES_FOR_COMPONENTS)))]
    first = jax.tree.map(lambda *x: np.concatenate(x), *first)
    params = init_hypercolumns(keys[0], model, first)
    print("VGG16 reads all crops")
    rows = stored_inputs(args.out, reader, model, params)
    params = fit(args, keys[1], model, params, rows)
    file = args.out / "hypercolumncolorizer.safetensors"
    save_model(file, model, params)
    print("wrote", file)
    report(LoadedModel(model, params), held_out)


class Reader:
    """Samples of batches of crops, the same in every process."""

    def __init__(self, args: argparse.Namespace, images: Sequence[np.ndarray]):
        self.args, self.images = args, images
        self.batch_size = min(BATCH, len(images))

    def __len__(self) -> int:
        return -(-len(self.images) * self.args.views // self.batch_size)

    def batches(self, start: int, stop: int) -> Iterator[HypercolumnSamples]:
        args, keys = self.args, jax.random.split(jax.random.key(1), 2)
        crops = training.crop_batches(
            keys[0], self.images, batch_size=self.batch_size, side=args.crop
        )
        for i, batch in enumerate(itertools.islice(crops, start, stop), start):
            yield hypercolumn_samples(
                jax.random.fold_in(keys[1], i),
                batch,
                num_points=args.points,
                side=args.side,
            )


def stored_inputs(
    folder: pathlib.Path, reader: Reader, model: HypercolumnColorizer, params
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs of the perceptrons and chroma of all crops, in files that are resumed."""
    rows = reader.batch_size * reader.args.points
    shapes = {
        "inputs": (len(reader), rows, 2 * sum(model.components)),
        "chroma": (len(reader), rows, 2),
    }
    files = {name: folder / f"{name}.npy" for name in shapes}
    if not all(file.exists() for file in files.values()):
        for name, shape in shapes.items():
            new = np.lib.format.open_memmap(files[name], "w+", np.float16, shape)
            new[:, 0, 0] = np.nan  # not read yet
    arrays = {name: np.load(file, mmap_mode="r+") for name, file in files.items()}
    if any(arrays[name].shape != shape for name, shape in shapes.items()):
        raise SystemExit(f"{folder} has inputs of other options; use another --out")
    done = int(np.isfinite(arrays["chroma"][:, 0, 0]).sum())
    batches = reader.batches(done, len(reader))
    bar = tqdm.tqdm(batches, initial=done, total=len(reader))
    for i, batch in enumerate(bar, done):
        inputs = perceptron_inputs(model, params, batch)
        arrays["inputs"][i] = inputs.reshape(rows, -1)
        arrays["chroma"][i] = batch.chroma.reshape(rows, 2)
    return tuple(arrays[name].reshape(-1, arrays[name].shape[-1]) for name in shapes)


def fit(args, key, model, params, rows: tuple[np.ndarray, np.ndarray]):
    """Parameters with trained perceptrons."""
    names = [name for name in params["params"] if name.startswith("perceptron")]

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        generator = np.random.default_rng(0)
        while True:
            index = generator.integers(len(rows[0]), size=args.batch)
            yield rows[0][index], rows[1][index]

    schedule = optax.warmup_cosine_decay_schedule(
        0.0, args.rate, args.steps // 10, args.steps
    )
    result = training.train(
        key,
        hypercolumn_loss(model, params),
        {name: params["params"][name] for name in names},
        batches(),
        num_steps=args.steps,
        optimizer=optax.adamw(schedule, weight_decay=args.decay),
    )
    return {**params, "params": {**params["params"], **result.params}}


def report(model: LoadedModel, held_out: np.ndarray) -> None:
    """Print the error of the mean color on held-out crops, relative to that of gray."""
    errors = []
    for crop in held_out:
        image = crop / np.float32(255)
        gray = np.asarray(inr.color.rgb_to_luma(image))
        color = inr.colorize(gray, model=model, vividness=0, progress=False)
        errors.append([np.square(x - image).mean() for x in (color, gray)])
    error, of_gray = np.mean(errors, 0)
    print(f"held-out error over that of the gray images: {error / of_gray:.3f}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    _training.add_data_options(parser, out="out/train_colors", crop=256)
    parser.add_argument("--views", type=int, default=2, help="crops of each image")
    parser.add_argument("--points", type=int, default=200, help="points of each crop")
    parser.add_argument(
        "--side", type=int, default=192, help="pixels along a side of VGG16's input"
    )
    parser.add_argument("--steps", type=int, default=280)
    parser.add_argument("--batch", type=int, default=2048, help="points in a batch")
    parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--decay", type=float, default=0.5, help="weight decay")
    args = parser.parse_args()
    if args.quick:
        args.steps, args.batch, args.rate, args.views = 100, 256, 1e-2, 4
        args.crop, args.side = 64, 64
    return args


if __name__ == "__main__":
    main()
