"""Accuracy and time of seamless cloning, compared with OpenCV, PyAMG and fpie."""

import time

import _common
import jax
import numpy as np
from _poisson_scenes import TRIPLES, direct, levels, ready, scene, textures, triple

import inr
from inr import poisson


def accuracy() -> dict:
    """Differences from direct sparse solves, in gray levels."""
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
                # In gray levels, gradients that are equal are also equal as floats.
                images = [data[k].astype(dtype) for k in ("source", "target")]
                rtol = 1e-10 if x64 else 1e-6
                options = {"mode": mode, "rtol": rtol}
                result = inr.seamless_clone(*images, data["mask"], **options)
            error = np.abs(np.asarray(result, np.float64) - data[f"direct_{name}"])
            row[f"golden_{name}_{dtype.__name__}_levels"] = float(error.max())
    for name, image in textures().items():
        mean = image.mean((0, 1), dtype=np.float64)
        integral = poisson.integrate(poisson.grid_gradient(image), mean=mean)
        row[f"integral_{name}"] = float(np.abs(integral - image).max())
    return row


def clone() -> dict:
    """`seamless_clone`, OpenCV, and conjugate gradients with PyAMG's hierarchy.

    PyAMG is timed once, in float64, with the set-up of its matrix and hierarchy. The
    others are warm medians with two threads; OpenCV has 8-bit images.
    """
    import cv2

    cv2.setNumThreads(2)
    row = {}
    for n in (512, 2048):
        source, target, mask = scene(n)
        source8, target8 = (levels(x).astype(np.uint8) for x in (source, target))
        rows, columns = np.nonzero(mask)
        center = [int(x.min() + (np.ptp(x) + 1) // 2) for x in (columns, rows)]
        on_device = [jax.device_put(x) for x in (source, target)]
        functions = {
            "inr": ready(inr.seamless_clone, *on_device, mask),
            "opencv": lambda a=source8, b=target8, m=mask, p=center: cv2.seamlessClone(
                a, b, 255 * m.astype(np.uint8), p, cv2.NORMAL_CLONE
            ),
        }
        seconds = _common.paired(functions, repeats=7)
        row[f"inr_{n}_s"] = seconds["inr"]
        row[f"opencv_{n}_over_inr"] = seconds["opencv"] / seconds["inr"]
        row[f"pyamg_{n}_over_inr"] = _pyamg_seconds(source, mask) / seconds["inr"]
    return row


def _pyamg_seconds(source: np.ndarray, mask: np.ndarray) -> float:
    """Seconds of one solve of three channels by PyAMG, with its set-up.

    The matrix and the stopping rule (relative residual of 1e-6) are those of a clone.
    The right side lacks the values at the mask's edge, which change no cost.
    """
    import pyamg

    matrix = pyamg.gallery.poisson(mask.shape, format="csr")
    unknown = np.flatnonzero(mask)
    start = time.perf_counter()
    matrix = matrix[unknown][:, unknown]
    solver = pyamg.ruge_stuben_solver(matrix)
    b = poisson.grid_divergence(poisson.grid_gradient(source) * 0.5)
    for channel in np.asarray(b, np.float64).reshape(-1, 3)[unknown].T:
        solver.solve(channel, tol=1e-6, accel="cg")
    return time.perf_counter() - start


def fpie(max_seconds: float = 120) -> dict:
    """fpie's NumPy and Numba solvers, until their error is at most 1.5 gray levels.

    fpie rounds down to 8 bits, which alone is an error of up to a level. It is timed
    once, after compilation, and its error is checked every 1,000 steps. `inr` stops at
    its default tolerance.
    """
    from fpie.process import EquProcessor

    row = {}
    for name in TRIPLES:
        source, target, mask, offset = triple(name)
        expected = direct(source, target, mask, offset)
        call = ready(inr.seamless_clone, source, target, mask, offset=offset)
        seconds = _common.paired({"inr": call})["inr"]
        row[f"{name}_inr_s"] = seconds
        row[f"{name}_inr_levels"] = float(255 * np.abs(call() - expected).max())
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
            while error > 1.5 and time.perf_counter() - start < max_seconds:
                result, _ = solver.step(1000)
                steps += 1000
                error = np.abs(result - np.clip(255 * expected, 0, 255)).max()
            elapsed = time.perf_counter() - start
            row[f"{name}_{backend}_over_inr"] = elapsed / seconds
            row[f"{name}_{backend}_steps"] = steps
            row[f"{name}_{backend}_levels"] = float(error)
    return row
