"""Accuracy and time of seamless cloning, compared with OpenCV, PyAMG and fpie."""

import functools
from collections.abc import Callable

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

    All are warm medians with two threads, called in turns. `inr` has float32, OpenCV 8
    bits; PyAMG has float64, and its set-up is timed by itself.
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
        set_up, solve = _pyamg(source, mask)
        functions = {
            "inr": ready(inr.seamless_clone, *on_device, mask),
            "opencv": lambda a=source8, b=target8, m=mask, p=center: cv2.seamlessClone(
                a, b, 255 * m.astype(np.uint8), p, cv2.NORMAL_CLONE
            ),
            "pyamg": solve,
        }
        seconds = _common.paired(functions, repeats=5)
        row[f"inr_{n}_s"] = seconds["inr"]
        row[f"opencv_{n}_over_inr"] = seconds["opencv"] / seconds["inr"]
        row[f"pyamg_{n}_iterations"] = max(solve())
        row[f"pyamg_{n}_solve_s"] = seconds["pyamg"]
        row[f"pyamg_{n}_solve_over_inr"] = seconds["pyamg"] / seconds["inr"]
        row[f"pyamg_{n}_setup_s"] = _common.paired({"": set_up}, repeats=3)[""]
    return row


def _pyamg(source: np.ndarray, mask: np.ndarray) -> tuple[Callable, Callable]:
    """Functions that set PyAMG up, and that solve three channels.

    The second returns the numbers of iterations. The matrix and the stopping rule
    (relative residual of 1e-6) are those of a clone. The right side lacks the values at
    the mask's edge, which change no cost.
    """
    import pyamg

    unknown = np.flatnonzero(mask)
    b = poisson.grid_divergence(poisson.grid_gradient(source) * 0.5)
    channels = np.asarray(b, np.float64).reshape(-1, 3)[unknown].T

    def set_up():
        matrix = pyamg.gallery.poisson(mask.shape, format="csr")
        return pyamg.ruge_stuben_solver(matrix[unknown][:, unknown])

    solver = set_up()

    def solve() -> list[int]:
        counts = []
        for channel in channels:
            residuals = []
            solver.solve(channel, tol=1e-6, accel="cg", residuals=residuals)
            counts.append(len(residuals) - 1)
        return counts

    return set_up, solve


def fpie(max_steps: int = 50_000) -> dict:
    """fpie's NumPy and Numba solvers, to an error of half a gray level.

    Both libraries have float32 and are timed warm, in turns, with their set-up. The
    number of steps that fpie needs is determined before, to a hundred: its error is
    that of the values before fpie rounds them down to 8 bits. `inr` stops at its
    default tolerance, which is stricter.
    """
    from fpie.process import EquProcessor

    row = {"dtype": "float32"}
    for name in TRIPLES:
        source, target, mask, offset = triple(name)
        exact = 255 * direct(source, target, mask, offset)
        source8, target8 = (levels(x).astype(np.uint8) for x in (source, target))
        mask8 = np.repeat(255 * mask[..., None].astype(np.uint8), 3, -1)

        def run(solver, steps, inputs=(source8, mask8, target8, (0, 0), offset)):
            solver.reset(*inputs)
            solver.sync()
            return solver.core.step(steps)[0]

        functions = {
            "inr": ready(inr.seamless_clone, source, target, mask, offset=offset)
        }
        row[f"{name}_inr_levels"] = float(
            np.abs(255 * functions["inr"]() - exact).max()
        )
        for backend in ("numpy", "numba"):
            solver = EquProcessor("src", backend, 2, 100, 0)
            run(solver, 1)  # compiles
            values = np.clip(exact[solver.tgt_index], 0, 255)
            steps, error = 1, np.inf
            while error > 0.5 and steps < max_steps:
                steps += 100
                error = np.abs(solver.core.step(100)[0][1:] - values).max()
            row[f"{name}_{backend}_steps"] = steps
            row[f"{name}_{backend}_levels"] = float(error)
            functions[backend] = functools.partial(run, solver, steps)
        seconds = _common.paired(functions, repeats=3)
        row[f"{name}_inr_ms"] = 1e3 * seconds["inr"]
        for backend in ("numpy", "numba"):
            row[f"{name}_{backend}_s"] = seconds[backend]
            row[f"{name}_{backend}_over_inr"] = seconds[backend] / seconds["inr"]
    return row
