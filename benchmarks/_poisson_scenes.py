"""Images, masks and direct solves, for the benchmarks of Poisson solvers."""

from collections.abc import Callable

import _common
import jax
import numpy as np
import scipy.ndimage
import scipy.sparse
import scipy.sparse.linalg

import inr


def ready(function: Callable, *arguments, **options) -> Callable[[], object]:
    """A call without arguments that waits for its result."""
    return lambda: jax.block_until_ready(function(*arguments, **options))


def draw(*shape) -> np.ndarray:
    """Uniform float32 values in [0, 1), always the same."""
    return np.random.default_rng(0).random(shape, np.float32)


def masks(n: int) -> dict[str, np.ndarray]:
    """Masks `[n, n]` of different shapes."""
    y, x = (np.mgrid[:n, :n] + 0.5) / n - 0.5
    radius = np.hypot(y, x)
    rng = np.random.default_rng(0)
    noise = scipy.ndimage.gaussian_filter(rng.normal(size=(n, n)), n / 20)
    blobs = (noise > np.median(noise)) & (np.maximum(abs(y), abs(x)) < 0.47)
    return {
        "disc": radius < 0.45,
        "ring": (radius < 0.45) & (radius > 0.2),
        "blobs": blobs,
        "holes": (rng.random((n, n)) > 0.35) & (radius < 0.45),
        "half": x < 0,
    }


def scene(n: int):
    """Two photographs `[n, n, 3]`, source and target, and a ring-shaped mask."""
    from skimage import data

    size = (n, n, 3)
    source, target = (
        np.asarray(jax.image.resize(x.astype(np.float32) / 255, size, "linear"))
        for x in (data.coffee(), data.astronaut())
    )
    return source, target, masks(n)["ring"]


def textures() -> dict[str, np.ndarray]:
    """Images of 1024x1024: photographs repeated 2 x 2, and random bytes."""
    from skimage import data

    photos = {name: getattr(data, name)() for name in ("astronaut", "grass", "gravel")}
    tiled = {
        name: np.tile(x.reshape(512, 512, -1), (2, 2, 1)) for name, x in photos.items()
    }
    noise = np.random.default_rng(0).integers(0, 256, (1024, 1024, 1))
    return {
        name: x.astype(np.float32) / 255
        for name, x in {**tiled, "bytes": noise}.items()
    }


def _mean(image: np.ndarray) -> np.ndarray:
    return image.mean((0, 1), dtype=np.float64)


def direct(source, target, mask, offset) -> np.ndarray:
    """A seamless clone in float64 by sparse LU, from an independent implementation."""
    h, w, c = target.shape
    placed = np.zeros((h, w), bool)
    image = np.zeros((h, w, c))
    rows, columns = np.nonzero(mask)
    inside = (rows + offset[0] < h) & (columns + offset[1] < w)
    inside &= (rows + offset[0] >= 0) & (columns + offset[1] >= 0)
    placed[rows[inside] + offset[0], columns[inside] + offset[1]] = True
    y, x = (np.arange(n) - o for n, o in zip((h, w), offset, strict=True))
    y, x = y.clip(0, source.shape[0] - 1), x.clip(0, source.shape[1] - 1)
    image = source[y][:, x].astype(np.float64)
    number = np.full((h, w), -1)
    number[placed] = np.arange(placed.sum())
    count = placed.sum()
    matrix, b = scipy.sparse.csr_array((count, count)), np.zeros((count, c))
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        here = [slice(None), slice(None)]
        there = [slice(None), slice(None)]
        here[axis] = slice(None, -1) if step > 0 else slice(1, None)
        there[axis] = slice(1, None) if step > 0 else slice(None, -1)
        here, there = tuple(here), tuple(there)
        p, q = placed[here], placed[there]
        i, j = number[here][p], number[there][p]
        b += _sums(i, (image[here] - image[there])[p], count)
        is_known = ~q[p]
        b += _sums(i[is_known], target[there][p][is_known], count)
        entries = np.ones(len(i))
        matrix += scipy.sparse.csr_array((entries, (i, i)), (count, count))
        i, j = i[~is_known], j[~is_known]
        matrix -= scipy.sparse.csr_array((np.ones(len(i)), (i, j)), (count, count))
    result = target.astype(np.float64)
    result[placed] = scipy.sparse.linalg.splu(matrix.tocsc()).solve(b)
    return result


def _sums(index: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Sums of rows of values `[n, c]` with the same index, `[count, c]`."""
    return np.stack([np.bincount(index, v, count) for v in values.T], -1)


# Files, and the corner of the source in the target (row, column), as published.
TRIPLES = {
    "test1": ("test1_src.jpg", "test1_mask.jpg", "test1_target.jpg", (-135, -30)),
    "test2": ("test2_src.png", "test2_mask.png", "test2_target.png", (142, 132)),
}


def triple(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple]:
    """Source, target, mask and offset of an example of Poisson image editing."""
    folder = _common.DATA / "bench" / "poisson_merge"
    source, mask, target, offset = TRIPLES[name]
    source, mask, target = (
        inr.read_image(folder / x)[..., :3] for x in (source, mask, target)
    )
    return source, target, mask.mean(-1) > 0.5, offset


def levels(image) -> np.ndarray:
    """Gray levels from 0 to 255, rounded."""
    return np.rint(255 * np.clip(np.asarray(image, np.float64), 0, 1)).astype(int)
