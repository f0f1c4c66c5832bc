"""Shared by the benchmarks: images, peers in PyTorch, paired timing, results."""

import json
import os
import pathlib
import platform
import statistics
import time

import numpy as np

HERE = pathlib.Path(__file__).parent
DATA = pathlib.Path(os.environ.get("INR_DATA", HERE.parents[1] / "shared" / "data"))


def camera() -> np.ndarray:
    """`[256, 256, 1]`: scikit-image's camera, 512 to 256 by means of 2x2 pixels."""
    from skimage import data

    image = data.camera().astype(np.float64) / 255
    return image.reshape(256, 2, 256, 2, 1).mean((1, 3)).astype(np.float32)


def photo(name: str) -> str:
    """Of a crop `source_photo_crop`, what tells the photograph."""
    return name.rpartition("_")[0]


def psnr(image: np.ndarray, reference: np.ndarray) -> float:
    """Of the clipped float32 render, in dB."""
    error = np.clip(np.asarray(image), 0, 1) - reference
    return float(-10 * np.log10(np.mean(np.square(error, dtype=np.float64))))


def paired(functions: dict, repeats: int = 7) -> dict[str, float]:
    """Median seconds of each function, warmed up and called in turns."""
    seconds = {name: [] for name in functions}
    for function in functions.values():
        function()
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def machine() -> str:
    """What the figures were measured on."""
    import jax

    names = [
        line.split(":")[1].strip()
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    device = jax.devices()[0].device_kind
    return (
        f"{len(names)} cores {names[0]}, {device}, Python {platform.python_version()}, "
        f"JAX {jax.__version__}"
    )


def save(name: str, rows: dict) -> None:
    """Adds rows to the benchmark's JSON file: parts may be run by themselves."""
    path = HERE / f"{name}.json"
    old = json.loads(path.read_text()) if path.exists() else {}
    stamp = {"machine": machine(), "date": time.strftime("%Y-%m-%d")}
    new = {key: {**row, **stamp} for key, row in rows.items()}
    path.write_text(json.dumps({**old, **new}, indent=1) + "\n")
    for key, row in rows.items():
        print(f"{key}: " + ", ".join(f"{k} {_short(v)}" for k, v in row.items()))


def _short(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
