"""Video as a field: (t, y, x) to color [Sitzmann et al. 2020, sec. 4].

All three axes span [-1, 1]; `render(field, (t, h, w))` gives the frames back, into a
memory map if there are many, and another t is slow motion.
"""

import os

import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from inr import _checks
from inr._typing import Array, ArrayLike, Key, Params
from inr.fitting import FitResult
from inr.fitting.grids import fit_grid
from inr.fitting.verbs import Callback, decibels


def fit_video(
    key: Key,
    model: nn.Module,
    frames: ArrayLike,
    *,
    num_steps: int = 2000,
    batch_size: int = 4096,
    optimizer: optax.GradientTransformation | None = None,
    learning_rate: float | None = None,
    params: Params | None = None,
    target_psnr: float = np.inf,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fits a field to a video `[t, h, w, c]`.

    The device holds the frames as they are given, and in every step a batch of pixels;
    so uint8 frames take a quarter of the memory and give the same fit. `normalization`
    scales the shorter axes down, so that frequencies are the same per pixel and per
    frame.

    Args:
      key: PRNG key of the initialization and of the batches.
      model: a Linen module with `features` equal to c.
      frames: `[t, h, w, c]`, floating in [0, 1], or uint8, such as
        `read_video(path, dtype=numpy.uint8)` returns.
      num_steps: steps in all.
      batch_size: pixels drawn in every step, from all frames.
      optimizer: as for `fit`.
      learning_rate: as for `fit`.
      params: as for `fit`.
      target_psnr: stops as soon as the PSNR of a batch is at least this, in dB.
      checkpoint: as for `fit`.
      progress: shows a bar with the PSNR and the time left.
      callback: as for `fit`.

    Returns:
      A `FitResult`; its history is the mean squared error of each batch.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: for frames that are empty, not finite, integers other than uint8 or
        not `[t, h, w, c]`, or a model with another number of features.
    """
    return fit_grid(
        key,
        model,
        _as_frames(frames),
        num_steps=num_steps,
        batch_size=batch_size,
        optimizer=optimizer,
        learning_rate=learning_rate,
        params=params,
        target_loss=10 ** (-target_psnr / 10),
        checkpoint=checkpoint,
        progress=progress,
        callback=callback,
        describe=lambda loss: f"{decibels(loss):.2f} dB",
    )


def _as_frames(frames: ArrayLike) -> Array:
    """On the device, as bytes or floating."""
    if getattr(frames, "dtype", None) != np.uint8:
        fix = "Divide by the greatest value to reach [0, 1], or give uint8."
        frames = _checks.as_floating("frames", frames, fix)
        _checks.check_finite("frames", frames)
    _checks.check_rank("frames", frames, "[t, h, w, c]")
    _checks.check_not_empty("frames", frames)
    return jnp.asarray(frames)
