"""Code that the benchmarks share: images, scores, timing, and files of results."""

import json
import os
import pathlib
import platform
import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np

HERE = pathlib.Path(__file__).parent
DATA = pathlib.Path(os.environ.get("INR_DATA", HERE.parents[1] / "shared" / "data"))


def camera() -> np.ndarray:
    """`[256, 256, 1]`: scikit-image's camera, reduced by means of 2x2 pixels."""
    from skimage import data

    image = data.camera().astype(np.float64) / 255
    return image.reshape(256, 2, 256, 2, 1).mean((1, 3)).astype(np.float32)


def photo(name: str) -> str:
    """Name of the photograph of a crop that is named `source_photo_crop`."""
    return name.rpartition("_")[0]


def psnr(image: np.ndarray, reference: np.ndarray) -> float:
    """PSNR in dB of an image clipped to [0, 1]."""
    error = np.clip(np.asarray(image), 0, 1) - reference
    return float(-10 * np.log10(np.mean(np.square(error, dtype=np.float64))))


def paired(
    functions: Mapping[str, Callable[[], object]], repeats: int = 7
) -> dict[str, float]:
    """Median seconds of each function, after one call of each, called in turns."""
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
    """The processor, the device, and the versions of Python and JAX."""
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
    """Add rows to the JSON file of a benchmark, and print them.

    Rows of the same name are replaced; other rows stay.
    """
    path = HERE / f"{name}.json"
    old_rows = json.loads(path.read_text()) if path.exists() else {}
    stamp = {"machine": machine(), "date": time.strftime("%Y-%m-%d")}
    new_rows = {key: {**row, **stamp} for key, row in rows.items()}
    path.write_text(json.dumps({**old_rows, **new_rows}, indent=1) + "\n")
    for key, row in rows.items():
        print(f"{key}: " + ", ".join(f"{k} {_short(v)}" for k, v in row.items()))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
