"""Rendering: points per second compared with PyTorch, and the memory of a large file.

Usage:

    python benchmarks/render.py [speed] [memory]
"""

import pathlib
import resource
import sys
import tempfile
import time

import _common
import jax
import jax.numpy as jnp
import numpy as np

import inr

MODEL = inr.Siren(features=3, width=256, depth=3)


def field() -> inr.BoundField:
    return inr.bind(MODEL, MODEL.init(jax.random.key(0), jnp.zeros((1, 2))))


def speed() -> dict:
    """Points per second for 1024x1024, warm; PyTorch with its best block size."""
    import _torch_siren
    import torch

    siren, side = field(), 1024
    net = _torch_siren.Siren(features=3)
    points = _torch_siren.grid(side, side)

    def in_blocks(call, rows):
        def run():
            with torch.inference_mode():
                return torch.cat([call(block) for block in points.split(rows)])

        return run

    functions = {"inr": lambda: inr.render(siren, (side, side), progress=False)}
    for rows in (4096, 16384, 65536):
        functions[f"eager_{rows}"] = in_blocks(net, rows)
        functions[f"compiled_{rows}"] = in_blocks(torch.compile(net), rows)
    seconds = _common.paired(functions, repeats=5)
    best = {
        kind: min(s for name, s in seconds.items() if name.startswith(kind))
        for kind in ("eager", "compiled")
    }
    return {
        "inr_points_per_second": side**2 / seconds["inr"],
        **{f"over_torch_{kind}": s / seconds["inr"] for kind, s in best.items()},
    }


def memory() -> dict:
    """Peak memory above that before the call, and seconds, of 8192x8192 into a file."""
    siren, side = field(), 8192
    with tempfile.TemporaryDirectory(dir=_common.HERE) as folder:
        path = pathlib.Path(folder) / "big.npy"
        shape = (side, side, 3)
        out = np.lib.format.open_memmap(path, "w+", np.float32, shape)
        before = _peak_kib()
        start = time.perf_counter()
        inr.render(siren, (side, side), out=out)
        seconds = time.perf_counter() - start
        after = _peak_kib()
        middle = inr.coords.grid((side, 1))[side // 2 : side // 2 + 1, 0]
        column = inr.coords.grid((1, side))[0, 5:6]
        point = jnp.stack([middle[:, 0], column[:, 1]], -1)
        np.testing.assert_allclose(out[side // 2, 5], siren(point)[0], atol=1e-4)
    return {
        "peak_mib_above": (after - before) / 1024,
        "seconds": seconds,
        "points_per_second": side**2 / seconds,
    }


def _peak_kib() -> int:
    """Peak resident memory of this process in KiB, with the pages of mapped files."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


PARTS = {"speed": speed, "memory": memory}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        _common.save("render", {part: PARTS[part]()})
