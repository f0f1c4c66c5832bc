"""Poisson solvers and seamless cloning, compared with scipy.fft, OpenCV and others.

    python benchmarks/poisson.py [transforms] [rectangle] [solvers] [accuracy] [clone]
                                 [fpie] [curve]

Times of `transforms`, `rectangle`, `clone` and `fpie` are warm medians, in turns, with
two threads for each library. `accuracy` compares with sparse
LU solves of the same equations in float64.
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
from _poisson_cloning import accuracy, clone, fpie
from _poisson_scenes import draw, masks, ready, scene

import inr
from inr import poisson


def transforms() -> dict:
    """A forward and an inverse transform of a float32 square, in two calls."""
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
            # A sine transform is fast if its length plus one is a power of two.
            x = draw(n, n) if name == "dct" else draw(n - 1, n - 1)
            on_device = jax.device_put(x)
            f, g = forward[name], backward[name]
            functions = {
                "inr": ready(lambda x, f=f, g=g: g(f(x)), on_device),
                "scipy": functools.partial(peer, x),
            }
            seconds = _common.paired(functions, repeats=21)
            row[f"{name}_{n}_ms"] = 1e3 * seconds["inr"]
            row[f"{name}_{n}_over_scipy"] = seconds["scipy"] / seconds["inr"]
    return row


def _scipy_integrate(guidance: np.ndarray) -> np.ndarray:
    """The Neumann integral in float32 by scipy.fft with two workers."""
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


def solvers() -> dict:
    """Steps and milliseconds of each solver: RGB, float32, residual 1e-6.

    One warm call each. This part takes five minutes.
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
                guidance = np.asarray(poisson.grid_gradient(source))
                steps = f(guidance, mask, values, max_steps=5000).num_steps.max()
                row[f"{name}_{n}_{solver}_steps"] = int(steps)
                functions[solver] = ready(f, guidance, mask, values, max_steps=5000)
            seconds = _common.paired(functions, repeats=1)
            for solver, s in seconds.items():
                row[f"{name}_{n}_{solver}_ms"] = 1e3 * s
    return row


def curve() -> dict:
    """Seconds and peak memory of an RGB clone with a ring-shaped mask, 256 to 4096."""
    row = {}
    for n in (256, 512, 1024, 2048, 4096):
        command = [sys.executable, __file__, "report_clone", str(n)]
        process = subprocess.run(command, capture_output=True, check=True, text=True)
        seconds, peak = map(float, process.stdout.split()[-2:])
        row[f"clone_{n}_s"] = seconds
        row[f"clone_{n}_us_per_pixel"] = 1e6 * seconds / n**2
        row[f"clone_{n}_peak_images"] = peak * 1024 / (n * n * 3 * 4)
    return row


def report_clone(n: int) -> None:
    """Print the seconds of a clone and its peak memory above the inputs, in KiB.

    The seconds are the least of three calls.
    """
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
    "solvers": solvers,
    "accuracy": accuracy,
    "clone": clone,
    "fpie": fpie,
    "curve": curve,
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["report_clone"]:
        report_clone(int(sys.argv[2]))
    else:
        for part in sys.argv[1:] or PARTS:
            _common.save("poisson", {part: PARTS[part]()})
