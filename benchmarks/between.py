"""Fits with default options, judged between their samples.

    python benchmarks/between.py [judged] [tuning] [sound] [video]

Images: 128x128 means over 2x2 pixels of a 256x256 original are fitted, and the field
is rendered at 256x256. Scores are the PSNR there, the gain over bicubic interpolation
(Keys, a = -1/2, replicated edges) of the same pixels, the PSNR of the field's means
over the 128x128 pixels, and seconds with compilation. `judged` are six images that no
default was chosen on, with every family; `tuning` are the eight crops on which defaults
were chosen. Sound: every second sample of a low-pass filtered clip is fitted, and the
field rendered at the original rate. Video: every second frame is fitted, and the frames
between are rendered.
"""

import sys
import time

import _common
import _crops
import jax
import numpy as np
from families import FAMILIES
from scipy import signal

import inr
from inr import coords


def images(truths: dict[str, np.ndarray], families: dict) -> None:
    for family, model in families.items():
        rows = {}
        for name, truth in truths.items():
            rows[f"{family}_{name}"] = _image(truth, model)
        _common.save("between", rows)
        gains = [row["gain_over_bicubic"] for row in rows.values()]
        summary = {
            "images": len(rows),
            "gain_over_bicubic": float(np.mean(gains)),
            "lowest_gain": float(np.min(gains)),
            "psnr_of_means": float(
                np.mean([r["psnr_of_means"] for r in rows.values()])
            ),
            "seconds": float(np.mean([r["seconds"] for r in rows.values()])),
        }
        group = "tuning" if set(truths) == set(_crops.TUNING) else "judged"
        _common.save("between", {f"{family}_mean_{group}": summary})


def _image(truth: np.ndarray, model) -> dict[str, float]:
    pixels = _crops.halve(truth)
    h, w, c = pixels.shape
    if model is not None:
        model = model.clone(features=c)
    start = time.perf_counter()
    key = jax.random.key(0)
    field = inr.fit_image(key, pixels, model=model, progress=False).field
    jax.block_until_ready(field)
    seconds = time.perf_counter() - start
    options = {"progress": False}
    enlarged = inr.render(field, (2 * h, 2 * w), **options)
    means = inr.render(field, (h, w), antialias=4, **options)
    cubic = coords.sample_grid(
        pixels, coords.grid((2 * h, 2 * w)), interpolation="cubic"
    )
    scores = {
        "field": _common.psnr(enlarged, truth),
        "bicubic": _common.psnr(cubic, truth),
    }
    scores["Lanczos"] = _common.psnr(_lanczos(pixels), truth)
    return {
        **scores,
        "gain_over_bicubic": scores["field"] - scores["bicubic"],
        "psnr_of_means": _common.psnr(means, pixels),
        "psnr_at_centers": _common.psnr(inr.render(field, (h, w), **options), pixels),
        "seconds": seconds,
    }


def _lanczos(pixels: np.ndarray) -> np.ndarray:
    h, w, c = pixels.shape
    return np.asarray(jax.image.resize(pixels, (2 * h, 2 * w, c), "lanczos3"))


def sound() -> None:
    rows = {}
    for name in ("bach", "counting"):
        samples, _ = inr.read_audio(_common.DATA / "bench/audio" / f"gt_{name}.wav")
        samples = samples[: 2**17, :1] / np.abs(samples).max()
        band = signal.butter(8, 0.45, output="sos")
        truth = signal.sosfiltfilt(band, samples, axis=0).astype(np.float32)
        start = time.perf_counter()
        field = inr.fit_audio(jax.random.key(0), truth[::2], progress=False).field
        seconds = time.perf_counter() - start
        # Sample i of the half rate is at the center of sample 2 i of the full rate.
        place = (2 * np.arange(len(truth)) + 2) / len(truth) - 1
        points = place[:, None].astype(np.float32)
        prediction = jax.jit(lambda field, x: field(x))(field, points)
        cubic = coords.sample_grid(truth[::2], points, interpolation="cubic")
        rows[f"sound_{name}"] = {
            "snr_at_samples": _snr(prediction[::2], truth[::2]),
            "snr_between": _snr(prediction[1::2], truth[1::2]),
            "snr_between_cubic": _snr(cubic[1::2], truth[1::2]),
            "seconds": seconds,
        }
    _common.save("between", rows)


def _snr(prediction, truth: np.ndarray) -> float:
    error = np.square(np.asarray(prediction) - truth, dtype=np.float64).mean()
    return float(10 * np.log10(truth.astype(np.float64).var() / error))


def video() -> None:
    path = _common.DATA / "bench" / "video" / "carphone_pristine.mp4"
    frames, _ = inr.read_video(path, dtype=np.uint8)
    frames = frames[:31]
    truth = frames[1::2].astype(np.float32) / 255
    start = time.perf_counter()
    field = inr.fit_video(jax.random.key(0), frames[::2], progress=False).field
    seconds = time.perf_counter() - start
    # The 15 frames that lie in the middle of two of the 16.
    region = ((1 / 32, 0, 0), (31 / 32, 1, 1))
    between = inr.render(field, truth.shape[:3], region=region, progress=False)
    known = frames[::2].astype(np.float32) / 255
    mean = (known[1:] + known[:-1]) / 2
    row = {
        "psnr_between": _common.psnr(between, truth),
        "psnr_between_mean_of_neighbors": _common.psnr(mean, truth),
        "psnr_at_frames": _common.psnr(
            inr.render(field, known.shape[:3], progress=False), known
        ),
        "seconds": seconds,
    }
    _common.save("between", {"video_carphone": row})


PARTS = {
    "judged": lambda: images(_crops.judged(), {"Siren": None, **_others()}),
    "tuning": lambda: images(_crops.tuning(), {"Siren": None}),
    "sound": sound,
    "video": video,
}


def _others() -> dict:
    return {name: model for name, model in FAMILIES.items() if name != "Siren"}


if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
