"""Fits of the two sounds of the SIREN paper.

    python benchmarks/audio.py [seconds per fit, default 300] [siren] [hash_grid]

The score is the mean squared error over all samples, for a peak amplitude of 1. The
SIREN is that of the paper, 256x3 with 198,145 parameters, fewer than either sound has
samples; the hash grid has about as many parameters. Learning rates and batch size were
chosen on other, synthetic sounds. The figures of the paper are after 9,000 steps on all
samples.
"""

import sys

import _common
import jax
import numpy as np
from _media import fit_for

import inr

SOUNDS = ("bach", "counting")


def models(samples: np.ndarray) -> dict:
    omega = inr.suggest_omega(samples)
    return {
        "siren": inr.Siren(features=1, width=256, depth=3, omega=omega),
        "hash_grid": inr.HashGrid(
            features=1,
            levels=12,
            base_resolution=64,
            growth=(len(samples) / 64) ** (1 / 11),
            log2_table_size=14,
        ),
    }


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 300.0
    names = sys.argv[2:] or ("siren", "hash_grid")
    for sound in SOUNDS:
        path = _common.DATA / "bench" / "audio" / f"gt_{sound}.wav"
        samples, _ = inr.read_audio(path)
        samples /= np.abs(samples).max()
        for name in names:
            row = fit(models(samples)[name], samples, seconds)
            _common.save("audio", {f"{sound}_{name}": row})


def fit(model, samples: np.ndarray, seconds: float) -> dict:
    """Fit a model for some seconds, and score it."""
    key = jax.random.key(0)
    result, actual_seconds = fit_for(
        seconds,
        lambda num_steps: inr.fit_audio(
            key, samples, model=model, num_steps=num_steps, progress=False
        ),
    )
    error = np.asarray(inr.render(result.field, samples.shape[:1])) - samples
    return {
        "mse": float(np.square(error, dtype=np.float64).mean()),
        "variance": float(samples.var()),
        "samples": len(samples),
        "parameters": sum(x.size for x in jax.tree.leaves(result.params["params"])),
        "omega": getattr(model, "omega", None),
        "steps": result.num_steps,
        "seconds": actual_seconds,
    }


if __name__ == "__main__":
    main()
