"""Draws the plots of the benchmarks page from benchmarks/*.json: docs/plots/*.svg.

`conf.py` calls it in each build, so that plots and tables show the same figures.
"""

import io
import json
import pathlib
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

FOLDER = pathlib.Path(__file__).with_name("plots")
RESULTS = pathlib.Path(__file__).parents[1] / "benchmarks"
IMAGES = ("camera", "astronaut", "kodim23")
SETS = {
    "set5": "Set5",
    "set14": "Set14",
    "bsd100_10": "BSD100, 10",
    "urban100_10": "Urban100, 10",
}
FITS = {
    "default": "default",
    "torch_compiled": "PyTorch, compiled",
    "full_batches": "full batches",
}
SAMPLERS = {
    "ddim": "DDIM",
    "dpm_solver": "DPM-Solver",
    "dpmpp_2m": "DPM-Solver++ 2M",
    "unipc_3": "UniPC 3",
    "heun": "Heun",
}
CODECS = {"JPEG": "JPEG", "JPEG2000": "JPEG 2000", "WebP": "WebP", "AVIF": "AVIF"}
CODEC_STEPS = "300"
CALLS = ("upscale", "colorize", "seamless_clone", "merge", "fit_image", "render")


def upscaling(axis: Any) -> None:
    """PSNR above Lanczos by set of images and scale."""
    rows = _rows("upscale")
    for i, scale in enumerate((2, 3, 4)):
        measured = [rows[f"{name}_x{scale}"] for name in SETS]
        gains = [row["model_psnr"] - row["lanczos_psnr"] for row in measured]
        axis.bar(np.arange(len(SETS)) + 0.27 * (i - 1), gains, 0.25, label=f"x{scale}")
    axis.set_xticks(range(len(SETS)), list(SETS.values()))
    axis.set_ylabel("PSNR above Lanczos (dB)")
    axis.legend(frameon=False)


def fits(axis: Any) -> None:
    """Seconds to a PSNR, by kind of fit."""
    row = _rows("fit")["default"]
    for i, psnr in enumerate((35, 40)):
        seconds = [row[f"{name}_{psnr}_s"] for name in FITS]
        axis.barh(
            np.arange(len(FITS)) + 0.4 * (i - 0.5), seconds, 0.37, label=f"{psnr} dB"
        )
    axis.set_yticks(range(len(FITS)), list(FITS.values()))
    axis.invert_yaxis()
    axis.set_xlabel("seconds, with compilation")
    axis.legend(frameon=False)


def families(axis: Any) -> None:
    """PSNR of families after equal times, mean and range of three images."""
    rows = _rows("families")
    values = {name: [row[image] for image in IMAGES] for name, row in rows.items()}
    names = sorted(values, key=lambda name: np.mean(values[name]))
    for i, name in enumerate(names):
        axis.plot([min(values[name]), max(values[name])], [i, i], color="C0", lw=2)
        axis.plot(np.mean(values[name]), i, "o", color="C0")
    axis.set_yticks(range(len(names)), names)
    axis.set_xlabel(f"PSNR after {next(iter(rows.values()))['seconds']:.0f} s (dB)")


def samplers(axis: Any) -> None:
    """Error of samplers by their number of steps."""
    rows = _rows("samplers")
    for name, label in SAMPLERS.items():
        steps, errors = zip(*rows[f"error_{name}"].items(), strict=True)
        pairs = [(int(n), e) for n, e in zip(steps, errors, strict=True) if n.isdigit()]
        axis.loglog(*zip(*pairs, strict=True), marker="o", ms=3, lw=1.2, label=label)
    ticks = [10, 20, 50, 100]
    axis.set_xticks(ticks, map(str, ticks))
    axis.minorticks_off()
    axis.set_xlabel("steps")
    axis.set_ylabel("error")
    axis.legend(frameon=False, fontsize=8)


def first_calls(axis: Any) -> None:
    """Seconds of first calls, cold and with the cache, and of a second call."""
    rows = _rows("first_call")
    kinds = {"cold": "first", "cached": "first, with the cache", "warm": "second"}
    for i, (kind, label) in enumerate(kinds.items()):
        seconds = [rows[name][f"{kind}_seconds"] for name in CALLS]
        axis.barh(np.arange(len(CALLS)) + 0.27 * (i - 1), seconds, 0.25, label=label)
    axis.set_yticks(range(len(CALLS)), CALLS)
    axis.invert_yaxis()
    axis.set_xlabel("seconds")
    axis.legend(frameon=False)


def compression(axis: Any) -> None:
    """Mean rates of the codec, and of peers at its PSNR of each picture."""
    rows = _rows("codec")
    own = [(key.split(), row) for key, row in rows.items() if " inr " in key]
    own = [(key, row) for key, row in own if key[2] == CODEC_STEPS]
    pictures = {key[0] for key, _ in own}
    points = {label: [] for label in ["inr", *CODECS.values()]}
    for quality in sorted({key[3] for key, _ in own}, key=float):
        files = {key[0]: row for key, row in own if key[3] == quality}
        psnr = np.mean([file["psnr"] for file in files.values()])
        points["inr"].append((np.mean([file["bpp"] for file in files.values()]), psnr))
        for name, label in CODECS.items():
            rates = [
                _rate_at(rows[f"{picture} {name}"]["points"], file["psnr"])
                for picture, file in files.items()
            ]
            points[label].append((np.mean(rates), psnr))
    for label, pairs in points.items():
        axis.plot(*zip(*pairs, strict=True), marker="o", ms=3, lw=1.2, label=label)
    axis.set_xlim(0)
    axis.set_xlabel(f"bits a pixel, mean of {len(pictures)} pictures")
    axis.set_ylabel("PSNR (dB)")
    axis.legend(frameon=False)


def _rate_at(points: list[dict], psnr: float) -> float:
    """Rate of a codec at a PSNR; nan beyond its files."""
    x, y = zip(*sorted((p["psnr"], np.log(p["bpp"])) for p in points), strict=True)
    return float(np.exp(np.interp(psnr, x, y, left=np.nan, right=np.nan)))


PLOTS = (upscaling, fits, families, samplers, first_calls, compression)


def write(folder: pathlib.Path = FOLDER) -> list[pathlib.Path]:
    """Write all plots.

    Returns:
      The files.
    """
    folder.mkdir(exist_ok=True)
    paths = []
    for plot in PLOTS:
        text = _svg(plot)
        paths.append(folder / f"{plot.__name__}.svg")
        # An equal plot keeps its date, so that a second build reads only what changed.
        if not paths[-1].is_file() or paths[-1].read_text(encoding="utf-8") != text:
            paths[-1].write_text(text, encoding="utf-8")
    return paths


def _rows(name: str) -> dict[str, dict]:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def _svg(plot: Any) -> str:
    with rc_context({"svg.hashsalt": plot.__name__}):
        figure = Figure(figsize=(5.5, 3.2), layout="constrained")
        axis = figure.subplots()
        plot(axis)
        axis.grid(alpha=0.3)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


if __name__ == "__main__":
    print(*write(), sep="\n")
