"""Poisson solvers and seamless cloning beside scipy.fft, OpenCV, fpie and PyAMG.

    python benchmarks/poisson.py [transforms] [rectangle] [methods] [accuracy] [clone]
                                 [fpie] [curve]

Times are warm medians in turns, two threads on every side. "direct" is a sparse LU
solve of the same equations in float64.
"""

import functools
import resource
import subprocess
import sys
import time

import _common
import jax
import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.sparse
import scipy.sparse.linalg

import inr
from inr import poisson


def ready(function, *arguments, **options):
    return lambda: jax.block_until_ready(function(*arguments, **options))


def draw(*shape) -> np.ndarray:
    return np.random.default_rng(0).random(shape, np.float32)


def transforms() -> dict:
    """A forward and an inverse transform, two calls, of a square of float32."""
    forward, backward = {}, {}
    for name in ("dct", "dst"):
        forward[name] = jax.jit(getattr(poisson, name))
        backward[name] = jax.jit(getattr(poisson, f"i{name}"))
    peers = {
        "dct": lambda x: scipy.fft.idctn(scipy.fft.dctn(x, workers=2), workers=2),
        "dst": lambda x: scipy.fft.idstn(scipy.fft.dstn(x, 1, workers=2), 1, workers=2),
    }
    row = {}
    for name, peer in peers.items():
        for n in (512, 1024, 2048):
            # A sine transform is fast where one more than its length is.
            x = draw(n, n) if name == "dct" else draw(n - 1, n - 1)
            on_device = jax.device_put(x)
            there, back = forward[name], backward[name]
            functions = {
                "inr": lambda f=there, g=back, x=on_device: jax.block_until_ready(
                    g(f(x))
                ),
                "scipy": functools.partial(peer, x),
            }
            seconds = _common.paired(functions, repeats=21)
            row[f"{name}_{n}_ms"] = 1e3 * seconds["inr"]
            row[f"{name}_{n}_over_scipy"] = seconds["scipy"] / seconds["inr"]
    return row


def _scipy_integrate(guidance: np.ndarray) -> np.ndarray:
    """The Neumann integral in float32 with scipy.fft, two workers."""
    h, w = guidance.shape[:2]
    down, right = guidance[:, :, 0].copy(), guidance[:, :, 1].copy()
    down[-1], right[:, -1] = 0, 0
    down[1:] -= guidance[:-1, :, 0]
    right[:, 1:] -= guidance[:, :-1, 1]
    rhs = np.moveaxis(down + right, -1, 0)
    ky, kx = (np.sin(np.pi * np.arange(n) / (2 * n)) ** 2 for n in (h, w))
    eigenvalues = (-4 * (ky[:, None] + kx)).astype(np.float32)
    eigenvalues[0, 0] = 1
    spectrum = scipy.fft.dctn(rhs, axes=(1, 2), workers=2) / eigenvalues
    spectrum[:, 0, 0] = 0
    return np.moveaxis(scipy.fft.idctn(spectrum, axes=(1, 2), workers=2), 0, -1)


def rectangle() -> dict:
    """An RGB image from its gradient, float32."""
    row = {}
    for n in (512, 1024, 2048):
        guidance = np.asarray(poisson.grid_gradient(draw(n, n, 3)))
        on_device = jax.device_put(guidance)
        functions = {
            "inr": ready(poisson.integrate, on_device),
            "scipy": functools.partial(_scipy_integrate, guidance),
        }
        difference = np.abs(functions["inr"]() - functions["scipy"]()).max()
        seconds = _common.paired(functions, repeats=11)
        row[f"rgb_{n}_ms"] = 1e3 * seconds["inr"]
        row[f"rgb_{n}_over_scipy"] = seconds["scipy"] / seconds["inr"]
        row[f"rgb_{n}_difference"] = float(difference)
    return row


def masks(n: int) -> dict[str, np.ndarray]:
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


def methods() -> dict:
    """Steps and milliseconds of each preconditioner: RGB, float32, residual 1e-6.

    Takes five minutes.
    """
    row = {}
    for n in (256, 1024):
        target = draw(n, n, 3)
        for name, mask in masks(n).items():
            source = scipy.ndimage.gaussian_filter(draw(n, n, 3)[::-1], (3, 3, 0))
            functions = {}
            for solver in ("cg", "dst", "multigrid"):
                f = functools.partial(poisson.integrate_masked, solver=solver)
                values = np.where(mask[..., None], source, target)
                field = np.asarray(poisson.grid_gradient(source))
                steps = f(field, mask, values, max_steps=5000).num_steps.max()
                row[f"{name}_{n}_{solver}_steps"] = int(steps)
                functions[solver] = ready(f, field, mask, values, max_steps=5000)
            seconds = _common.paired(functions, repeats=1)
            for solver, s in seconds.items():
                row[f"{name}_{n}_{solver}_ms"] = 1e3 * s
    return row


def direct(source, target, mask, offset) -> np.ndarray:
    """Seamless clone in float64 by sparse LU, an independent implementation."""
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
        known = ~q[p]
        b += _sums(i[known], target[there][p][known], count)
        entries = np.ones(len(i))
        matrix += scipy.sparse.csr_array((entries, (i, i)), (count, count))
        i, j = i[~known], j[~known]
        matrix -= scipy.sparse.csr_array((np.ones(len(i)), (i, j)), (count, count))
    result = target.astype(np.float64)
    result[placed] = scipy.sparse.linalg.splu(matrix.tocsc()).solve(b)
    return result


def _sums(index: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    return np.stack([np.bincount(index, v, count) for v in values.T], -1)


# Row and column of the source's corner in the target, from the published results.
TRIPLES = {
    "test1": ("test1_src.jpg", "test1_mask.jpg", "test1_target.jpg", (-135, -30)),
    "test2": ("test2_src.png", "test2_mask.png", "test2_target.png", (142, 132)),
}


def triple(name: str):
    folder = _common.DATA / "bench" / "poisson_merge"
    source, mask, target, offset = TRIPLES[name]
    source, mask, target = (
        inr.read_image(folder / x)[..., :3] for x in (source, mask, target)
    )
    return source, target, mask.mean(-1) > 0.5, offset


def levels(image) -> np.ndarray:
    return np.rint(255 * np.clip(np.asarray(image, np.float64), 0, 1)).astype(int)


def accuracy() -> dict:
    """Against direct sparse solves, in gray levels."""
    row = {}
    for name in TRIPLES:
        source, target, mask, offset = triple(name)
        expected = direct(source, target, mask, offset)
        result = np.asarray(inr.seamless_clone(source, target, mask, offset=offset))
        difference = np.abs(result - expected).max(-1)
        changed = (result != target).any(-1)
        row[f"{name}_unknown"] = int(changed.sum())
        row[f"{name}_max_levels"] = float(255 * difference.max())
        equal = (levels(result) == levels(expected))[changed]
        row[f"{name}_equal_8_bit_percent"] = float(100 * equal.mean())
    data = np.load(_common.DATA / "golden" / "masked_clone.npz")
    per_channel = inr.merging.Strongest(joint_channels=False)
    for mode, name in (("normal", "src"), ("average", "avg"), (per_channel, "max")):
        for x64 in (False, True):
            with jax.enable_x64(x64):
                dtype = np.float64 if x64 else np.float32
                # In levels, so that equal gradients are equal in floats too.
                images = [data[k].astype(dtype) for k in ("source", "target")]
                rtol = 1e-10 if x64 else 1e-6
                options = {"mode": mode, "rtol": rtol}
                result = inr.seamless_clone(*images, data["mask"], **options)
            error = np.abs(np.asarray(result, np.float64) - data[f"direct_{name}"])
            row[f"golden_{name}_{dtype.__name__}_levels"] = float(error.max())
    for name, image in textures().items():
        back = poisson.integrate(poisson.grid_gradient(image), mean=_mean(image))
        row[f"integral_{name}"] = float(np.abs(back - image).max())
    return row


def textures() -> dict[str, np.ndarray]:
    """1024x1024: photographs two by two, and random bytes."""
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


def scene(n: int):
    """A photograph into another with a ring for a mask, n x n."""
    from skimage import data

    size = (n, n, 3)
    source, target = (
        np.asarray(jax.image.resize(x.astype(np.float32) / 255, size, "linear"))
        for x in (data.coffee(), data.astronaut())
    )
    return source, target, masks(n)["ring"]


def clone() -> dict:
    """`seamless_clone`, OpenCV, and conjugate gradients with PyAMG's hierarchy."""
    import cv2
    import pyamg

    cv2.setNumThreads(2)
    row = {}
    for n in (512, 2048):
        source, target, mask = scene(n)
        source8, target8 = (levels(x).astype(np.uint8) for x in (source, target))
        rows, columns = np.nonzero(mask)
        middle = [int(x.min() + (np.ptp(x) + 1) // 2) for x in (columns, rows)]
        on_device = [jax.device_put(x) for x in (source, target)]
        functions = {
            "inr": ready(inr.seamless_clone, *on_device, mask),
            "opencv": lambda a=source8, b=target8, m=mask, p=middle: cv2.seamlessClone(
                a, b, 255 * m.astype(np.uint8), p, cv2.NORMAL_CLONE
            ),
        }
        seconds = _common.paired(functions, repeats=7)
        row[f"inr_{n}_s"] = seconds["inr"]
        row[f"opencv_{n}_over_inr"] = seconds["opencv"] / seconds["inr"]
        matrix = pyamg.gallery.poisson((n, n), format="csr")
        keep = np.flatnonzero(mask)
        start = time.perf_counter()
        matrix = matrix[keep][:, keep]
        solver = pyamg.ruge_stuben_solver(matrix)
        b = poisson.grid_divergence(poisson.grid_gradient(source) * 0.5)
        for channel in np.asarray(b, np.float64).reshape(-1, 3)[keep].T:
            solver.solve(channel, tol=1e-6, accel="cg")
        row[f"pyamg_{n}_over_inr"] = (time.perf_counter() - start) / seconds["inr"]
    return row


def fpie(most_seconds: float = 120) -> dict:
    """fpie's NumPy and Numba solvers until within half a level of the direct solve."""
    from fpie.process import EquProcessor

    row = {}
    for name in TRIPLES:
        source, target, mask, offset = triple(name)
        expected = direct(source, target, mask, offset)
        ours = ready(inr.seamless_clone, source, target, mask, offset=offset)
        seconds = _common.paired({"inr": ours})["inr"]
        row[f"{name}_inr_s"] = seconds
        row[f"{name}_inr_levels"] = float(255 * np.abs(ours() - expected).max())
        source8, target8 = (levels(x).astype(np.uint8) for x in (source, target))
        mask8 = np.repeat(255 * mask[..., None].astype(np.uint8), 3, -1)
        for backend in ("numpy", "numba"):
            solver = EquProcessor("src", backend, 2, 100, 0)
            solver.reset(source8, mask8, target8, (0, 0), offset)
            solver.sync()
            solver.step(50)  # compiles
            solver.reset(source8, mask8, target8, (0, 0), offset)
            solver.sync()
            start, steps, error = time.perf_counter(), 0, np.inf
            while error > 1.5 and time.perf_counter() - start < most_seconds:
                result, _ = solver.step(1000)
                steps += 1000
                # fpie truncates: a converged pixel is up to a level below.
                error = np.abs(result - np.clip(255 * expected, 0, 255)).max()
            spent = time.perf_counter() - start
            row[f"{name}_{backend}_over_inr"] = spent / seconds
            row[f"{name}_{backend}_steps"] = steps
            row[f"{name}_{backend}_levels"] = float(error)
    return row


def curve() -> dict:
    """Seconds and peak memory of an RGB clone with a ring for a mask, 256 to 4096."""
    row = {}
    for n in (256, 512, 1024, 2048, 4096):
        command = [sys.executable, __file__, "one", str(n)]
        answer = subprocess.run(command, capture_output=True, check=True, text=True)
        seconds, peak = map(float, answer.stdout.split()[-2:])
        row[f"clone_{n}_s"] = seconds
        row[f"clone_{n}_us_a_pixel"] = 1e6 * seconds / n**2
        row[f"clone_{n}_peak_images"] = peak * 1024 / (n * n * 3 * 4)
    return row


def one(n: int) -> None:
    """Prints seconds of a warm clone and the peak memory above the inputs, in KiB."""
    small = scene(64)
    inr.seamless_clone(*small).block_until_ready()
    source, target, mask = scene(n)
    source, target = jax.device_put(source), jax.device_put(target)
    before = _peak()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        inr.seamless_clone(source, target, mask).block_until_ready()
        seconds.append(time.perf_counter() - start)
    print(min(seconds), _peak() - before)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


PARTS = {
    "transforms": transforms,
    "rectangle": rectangle,
    "methods": methods,
    "accuracy": accuracy,
    "clone": clone,
    "fpie": fpie,
    "curve": curve,
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        one(int(sys.argv[2]))
    else:
        for part in sys.argv[1:] or PARTS:
            _common.save("poisson", {part: PARTS[part]()})
