"""Many signals: learned starts, modulated fields, hypernetworks, and stores.

    python benchmarks/many.py [ROW ...] [--checkpoints FOLDER]

Rows are `modulated_64` to `modulated_512`, `grid`, `maml`, `reptile`, `random`,
`inpainting` and `store`; without a name all are measured. Crops of 32x32 pixels are cut
from halved photographs, portraits are reduced to 64x64; the crops and portraits that
are scored are of other photographs and people than those of the learning. A row that
was interrupted goes on from its folder of checkpoints. Each learning takes at most a
quarter of an hour on two cores.
"""

import argparse
import pathlib
import tempfile
import time
from collections.abc import Callable

import _common
import jax
import jax.numpy as jnp
import numpy as np
from skimage import transform

import inr
from inr import meta

SIZE = (32, 32)
STEPS = {"maml": 2400, "reptile": 4000, "encoder": 6000}


def halves(paths: list[pathlib.Path], per_image: int) -> np.ndarray:
    """Random crops of photographs at half their resolution."""
    rng = np.random.default_rng(0)
    crops = []
    for path in paths:
        image = np.asarray(inr.read_image(path))[..., :3]
        h, w = (n // 2 for n in image.shape[:2])
        image = image[: 2 * h, : 2 * w].reshape(h, 2, w, 2, 3).mean((1, 3))
        for _ in range(per_image):
            top, left = (
                rng.integers(n - s + 1) for n, s in zip((h, w), SIZE, strict=True)
            )
            crops.append(image[top : top + SIZE[0], left : left + SIZE[1]])
    return np.asarray(crops, np.float32)


def photographs() -> tuple[np.ndarray, np.ndarray]:
    """Crops to learn from, and crops of 120 other photographs."""
    by_photo: dict[str, pathlib.Path] = {}
    for path in sorted((_common.DATA / "photos").glob("*.webp")):
        by_photo.setdefault(_common.photo(path.stem), path)
    names = np.random.default_rng(0).permutation(sorted(by_photo))
    paths = [by_photo[name] for name in names]
    return halves(paths[120:], 40), halves(paths[:120], 1)


def portraits() -> tuple[np.ndarray, np.ndarray]:
    """Portraits of 64x64 pixels to learn from, and 32 of other people."""
    paths = sorted((_common.DATA / "portraits").glob("*.webp"))
    paths = [paths[i] for i in np.random.default_rng(0).permutation(len(paths))[:1056]]
    images = [
        transform.resize(
            np.asarray(inr.read_image(p))[..., :3], (64, 64), anti_aliasing=True
        )
        for p in paths
    ]
    images = np.asarray(images, np.float32)
    return images[32:], images[:32]


def scores(fields, images: np.ndarray) -> np.ndarray:
    """PSNR of each field at the pixels of its image."""
    points = inr.coords.grid(images.shape[1:3])
    values = np.asarray(jax.lax.map(lambda field: field(points), fields, batch_size=8))
    return np.array([_common.psnr(x, y) for x, y in zip(values, images, strict=True)])


def rate(function: Callable[[], object], count: int) -> float:
    """Signals a second of a warm call."""
    jax.block_until_ready(function())
    start = time.perf_counter()
    jax.block_until_ready(function())
    return count / (time.perf_counter() - start)


def num_parameters(tree) -> int:
    return sum(x.size for x in jax.tree.leaves(tree))


def learn(model, images: np.ndarray, method: meta.Method, checkpoint: str, **options):
    start = time.perf_counter()
    init = meta.learn_init(
        jax.random.key(0), model, images, method=method, num_steps=STEPS[method],
        checkpoint=checkpoint, **options,
    )  # fmt: skip
    return init, time.perf_counter() - start


def modulated(latent_shape: tuple[int, ...], checkpoint: str) -> dict:
    train, held_out = photographs()
    siren = inr.Siren(features=3, width=128, depth=4, omega=15.0)
    model = inr.Modulated(features=3, model=siren, latent_shape=latent_shape)
    init, seconds = learn(model, train, "maml", checkpoint)
    row = {"learning_s": seconds, "parameters": num_parameters(init.params["params"])}
    for num_steps in (1, 3, 10):
        latents = meta.encode(init, held_out, num_steps=num_steps)
        psnrs = scores(meta.decode(init, latents), held_out)
        row[f"psnr_{num_steps}"] = float(psnrs.mean())
    row["psnr_3_least"] = float(
        scores(meta.decode(init, meta.encode(init, held_out)), held_out).min()
    )
    row["encoded_per_s"] = rate(lambda: meta.encode(init, held_out), len(held_out))
    return row


def starts(method: str, checkpoint: str) -> dict:
    """PSNR of portraits after few steps; reptile and random take those of Adam."""
    train, held_out = portraits()
    siren = inr.Siren(features=3, width=128, depth=3)
    init, row = None, {}
    if method != "random":
        options = {"num_points": 1024} if method == "reptile" else {}
        init, row["learning_s"] = learn(siren, train, method, checkpoint, **options)
    for num_steps in (1, 2, 3, 10, 100):
        if method == "maml" and num_steps <= 10:
            fields = meta.adapt(init, held_out, num_steps=num_steps)
            psnrs = scores(fields, held_out)
        else:
            psnrs = [fit_psnr(siren, init, image, num_steps) for image in held_out[:8]]
        row[f"psnr_{num_steps}"] = float(np.mean(psnrs))
    return row


def fit_psnr(model, init, image: np.ndarray, num_steps: int) -> float:
    options = {"model": None if init else model, "init": init, "progress": False}
    result = inr.fit_image(jax.random.key(1), image, num_steps=num_steps, **options)
    return _common.psnr(inr.render(result.field, (64, 64), progress=False), image)


def inpainting(checkpoint: str) -> dict:
    """Unknown pixels of held-out crops, by the hypernetwork and without learning."""
    from scipy import ndimage

    train, held_out = photographs()
    siren = inr.Siren(features=3, width=128, depth=3, omega=15.0)
    model = meta.Hypernetwork(
        encoder=meta.ConvEncoder(size=SIZE),
        model=inr.Modulated(features=3, model=siren, latent_shape=(256,)),
    )
    init, seconds = learn(
        model, train, "encoder", checkpoint, batch_size=32, num_points=1024
    )
    row = {"learning_s": seconds, "parameters": num_parameters(init.params["params"])}
    row["encoded_per_s"] = rate(lambda: meta.encode(init, held_out), len(held_out))
    for known in (10, 100, 1000):
        order = np.random.default_rng(known).permutation(SIZE[0] * SIZE[1])
        mask = (order < known).reshape(SIZE)
        fields = meta.decode(init, meta.encode(init, held_out, mask=mask))
        grid = inr.coords.grid(SIZE)
        values = jax.lax.map(lambda field: field(grid), fields, batch_size=8)  # noqa: B023
        rows, columns = ndimage.distance_transform_edt(
            ~mask, return_distances=False, return_indices=True
        )
        membrane = [
            inr.inpaint(x, ~mask, method="membrane", progress=False) for x in held_out
        ]
        methods = {"hypernetwork": values, "nearest": held_out[:, rows, columns],
                   "membrane": np.asarray(membrane)}  # fmt: skip
        for name, images in methods.items():
            psnrs = [_common.psnr(np.asarray(x)[~mask], y[~mask])
                     for x, y in zip(images, held_out, strict=True)]  # fmt: skip
            row[f"{name}_{known}"] = float(np.mean(psnrs))
    return row


def store(checkpoint: str) -> dict:
    """Ten thousand fields of a small SIREN with random parameters."""
    del checkpoint
    model = inr.Siren(features=3, width=32, depth=2)
    keys = jax.random.split(jax.random.key(0), 10_000)
    params = jax.vmap(lambda key: model.init(key, jnp.zeros((1, 2))))(keys)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "fields.safetensors"
        info = inr.save_fields(path, inr.fields.BoundField(model, params))
        start = time.perf_counter()
        inr.load_fields(path)
        first = 1e3 * (time.perf_counter() - start)
        seconds = _common.paired({
            "open_ms": lambda: inr.load_fields(path),
            "open_and_read_ms": lambda: inr.load_fields(path)[7_000],
        })  # fmt: skip
    times = {"first_open_ms": first, **{k: 1e3 * v for k, v in seconds.items()}}
    return {"file_bytes": info.file_bytes, **times}


ROWS: dict[str, Callable[[str], dict]] = {
    **{
        f"modulated_{k}": lambda c, k=k: modulated((k,), c) for k in (64, 128, 256, 512)
    },
    "grid": lambda c: modulated((8, 8, 8), c),
    **{name: lambda c, n=name: starts(n, c) for name in ("maml", "reptile", "random")},
    "inpainting": inpainting,
    "store": store,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help=", ".join(ROWS))
    parser.add_argument("--checkpoints", default="many_checkpoints")
    args = parser.parse_args()
    for name in args.rows or ROWS:
        row = ROWS[name](f"{args.checkpoints}/{name}")
        _common.save("many", {name: row})


if __name__ == "__main__":
    main()
