"""Rendering: points per second compared with PyTorch, and the memory of a large file.

    python benchmarks/render.py [speed] [memory] [devices] [growth] [large_fits]

`growth` renders up to 256 megapixels into a memory-mapped file of 3 GiB, and
`large_fits` fits a hash grid to up to 64 megapixels, each in a process of its own.
"""

import json
import pathlib
import resource
import sys
import tempfile
import time

import _common
import _process
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


def devices() -> dict:
    """Median seconds on eight virtual devices of one CPU, and on one device."""
    flags = "--xla_force_host_platform_device_count=8"
    return _process.measure(
        "render.report_devices()", XLA_FLAGS=flags, JAX_PLATFORMS="cpu"
    )


def report_devices(side: int = 2048) -> None:
    """Print the seconds of renderings on one and on all devices, in turns."""
    siren, count = field(), jax.device_count()
    mesh = jax.make_mesh((count,), ("devices",))

    def on(sharding):
        return lambda: inr.render(
            siren, (side, side), sharding=sharding, progress=False
        ).block_until_ready()

    seconds = _common.paired({"one": on(None), "all": on(mesh)}, repeats=5)
    row = {"devices": count, "seconds": seconds["all"], "one_device_s": seconds["one"]}
    print(json.dumps(row))


RENDER_SIDES = (4096, 8192, 16384)
FIT_SIDES = (1024, 2048, 4096, 8192)


def growth() -> dict:
    """Seconds and anonymous memory of growing renderings, and a gigapixel's seconds."""
    row = _of_sides("render_to_file", RENDER_SIDES)
    seconds_per_pixel = row["seconds"][-1] / RENDER_SIDES[-1] ** 2
    return {**row, "gigapixel_s": 1e9 * seconds_per_pixel}


def large_fits() -> dict:
    """Seconds and anonymous memory of 300 steps of 8,192 points at growing images."""
    return _of_sides("fit_to_mosaic", FIT_SIDES)


def _of_sides(function: str, sides: tuple[int, ...]) -> dict:
    """Values at each side as lists, and the exponent of seconds against pixels."""
    rows = [_process.measure(f"render.{function}({side})") for side in sides]
    pixels = [side**2 for side in sides]
    values = {name: [row[name] for row in rows] for name in rows[0]}
    slope = np.polyfit(np.log(pixels), np.log(values["seconds"]), 1)[0]
    megapixels = [n / 2**20 for n in pixels]
    return {"megapixels": megapixels, **values, "exponent": float(slope)}


def render_to_file(side: int) -> None:
    """Render a field to a temporary file of float32; the time includes compilation."""
    siren = field()

    def call() -> dict:
        with tempfile.TemporaryDirectory(dir=_common.HERE) as folder:
            path = pathlib.Path(folder) / "big.npy"
            out = np.lib.format.open_memmap(path, "w+", np.float32, (side, side, 3))
            start = time.perf_counter()
            inr.render(siren, (side, side), out=out, progress=False)
            out.flush()
            return {"seconds": time.perf_counter() - start}

    _process.report_anonymous(call)


def fit_to_mosaic(side: int, num_steps: int = 300) -> None:
    """Fit a hash grid to mirrored copies of a photograph, as uint8.

    The grid's finest level has a cell for each pixel, and its tables grow with the
    image up to 2^21 rows. The seconds are those of a second fit, without compilation.
    """
    from skimage import data

    photo = data.astronaut()
    pair = np.concatenate([photo, photo[:, ::-1]], 1)
    tile = np.concatenate([pair, pair[::-1]])
    mosaic = np.tile(tile, (side // 1024, side // 1024, 1))
    model = inr.HashGrid(
        features=3,
        growth=(side / 16) ** (1 / 15),
        log2_table_size=min(21, 2 * int(np.log2(side)) - 5),
    )

    def call() -> dict:
        for _ in range(2):
            start = time.perf_counter()
            result = inr.fit_grid(
                jax.random.key(0), model, mosaic,
                num_steps=num_steps, batch_size=8192, progress=False,
            )  # fmt: skip
            seconds = time.perf_counter() - start
        points = np.random.default_rng(0).integers(0, side, (2**16, 2))
        values = result.field((2 * jnp.asarray(points) + 1) / side - 1)
        truth = mosaic[points[:, 0], points[:, 1]] / np.float32(255)
        return {"seconds": seconds, "psnr": _common.psnr(np.asarray(values), truth)}

    _process.report_anonymous(call)


PARTS = {
    "speed": speed,
    "memory": memory,
    "devices": devices,
    "growth": growth,
    "large_fits": large_fits,
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        _common.save("render", {part: PARTS[part]()})
