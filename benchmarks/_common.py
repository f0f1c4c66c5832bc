"""Code that the benchmarks share: images, scores, timing, and files of results."""

import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np

HERE = pathlib.Path(__file__).parent
# What the figures of each benchmark depend on, besides its script: a change there means
# that they are measured again.
_FITS = ("inr/fields", "inr/fitting")
SOURCES = {
    "audio": (*_FITS, "inr/signals/audio.py"),
    "between": (*_FITS, "inr/signals/audio.py", "inr/signals/video.py"),
    "codec": ("inr/codec", "inr/weights"),
    "colorizers": ("inr/colorization", "inr/training", "inr/models"),
    "derivatives": ("inr/fields", "inr/calculus"),
    "diffusion_restorer": ("inr/colorization", "inr/diffusion", "inr/weights"),
    "equations": (*_FITS, "inr/signals"),
    "families": _FITS,
    "first_call": (*_FITS, "inr/upscaling", "inr/colorization", "inr/merging"),
    "fit": _FITS,
    "many": (*_FITS, "inr/meta"),
    "poisson": ("inr/poisson", "inr/merging"),
    "reconstruction": (*_FITS, "inr/signals", "inr/calculus", "inr/merging"),
    "reference": ("inr/references", "inr/weights"),
    "render": (*_FITS, "inr/rendering"),
    "restorer": ("inr/colorization", "inr/models", "inr/weights"),
    "restorer_options": ("inr/colorization", "inr/training"),
    "samplers": ("inr/diffusion",),
    "shapes": (*_FITS, "inr/signals"),
    "throughput": (
        *_FITS,
        "inr/upscaling",
        "inr/colorization",
        "inr/diffusion",
        "inr/meta",
        "inr/poisson",
        "inr/training",
        "inr/codec",
        "inr/references",
        "inr/weights",
    ),
    "upscale": ("inr/upscaling", "inr/models", "inr/weights"),
    "upscale_study": ("inr/upscaling", "inr/training", *_FITS),
    "video": (*_FITS, "inr/signals/video.py"),
}
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


def versions() -> dict[str, str]:
    """Versions of the library, of what it is built on, and of the imported peers."""
    names = ("inr", "jax", "jaxlib", "flax", "numpy", "scipy")
    peers = ("torch", "cv2", "pyamg", "fpie", "diffusers")
    packages = (*names, *(p for p in peers if p in sys.modules))
    packages = ["opencv-python-headless" if p == "cv2" else p for p in packages]
    return {name: importlib.metadata.version(name) for name in packages}


def commit() -> str:
    """The commit of the working tree, marked if more than figures has changed."""

    def git(*arguments: str) -> str:
        command = ("git", "-C", str(HERE), *arguments)
        return subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout

    try:
        name = git("rev-parse", "--short=12", "HEAD").strip()
        changes = git("status", "--porcelain", "--", ":/", ":(exclude)*.json")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{name}-dirty" if changes else name


def save(name: str, rows: dict) -> None:
    """Add rows to the JSON file of a benchmark, and print them.

    Rows of the same name are replaced; other rows stay. Each row has the machine, date,
    versions and commit of its measurement, and the sources it depends on.
    """
    path = HERE / f"{name}.json"
    old_rows = json.loads(path.read_text()) if path.exists() else {}
    stamp = {
        "machine": machine(),
        "date": time.strftime("%Y-%m-%d"),
        "versions": versions(),
        "commit": commit(),
        "sources": [f"benchmarks/{name}.py", *SOURCES[name]],
    }
    new_rows = {key: {**row, **stamp} for key, row in rows.items()}
    path.write_text(json.dumps({**old_rows, **new_rows}, indent=1) + "\n")
    for key, row in rows.items():
        print(f"{key}: " + ", ".join(f"{k} {_short(v)}" for k, v in row.items()))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
