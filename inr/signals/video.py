"""Video as a field: (t, y, x) to color [Sitzmann et al. 2020, sec. 4].

All three axes span [-1, 1]; `render(field, (t, h, w))` returns the frames, and writes
them to a memory map if they are many. Another t is slow motion.
"""

import itertools
import os
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks
from inr._sharding import Devices
from inr._typing import Array, ArrayLike, Key, Size
from inr.fields import HashGrid
from inr.fitting import (
    Callback,
    FitResult,
    Optimizer,
    Start,
    check_options,
    fit_grid,
    psnr_text,
    psnr_to_loss,
    resolve_start,
)

_MIN_PARAMETERS = 2**11  # about twice those of the smallest grid


def fit_video(
    key: Key,
    frames: ArrayLike,
    *,
    model: nn.Module | None = None,
    num_steps: int = 2000,
    batch_size: int = 4096,
    optimizer: Optimizer | None = None,
    init: Start | None = None,
    target_psnr: float = np.inf,
    sharding: Devices | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fit a field to a video `[t, h, w, c]`.

    The device holds the frames in their own dtype, and a batch of pixels in every step.
    uint8 frames therefore need a quarter of the memory of float32, and give the same
    fit. `normalization` scales the shorter axes down, so that frequencies per pixel and
    per frame are the same.

    Args:
      key: PRNG key of the initialization and of the batches.
      frames: `[t, h, w, c]`, floating in [0, 1], or uint8, such as
        `read_video(path, dtype=numpy.uint8)` returns.
      model: a Linen module with `features` equal to c. By default a `HashGrid` with
        about a tenth as many parameters as the frames have values.
      num_steps: number of optimization steps.
      batch_size: rows in every step. A row is a pixel of any frame.
      optimizer: optax optimizer, or peak learning rate of the default one: a number, or
        a mapping from layer names to numbers. As for `fit`.
      init: parameters to start from, with their normalization. As for `fit`.
      target_psnr: PSNR in dB at which the fit stops. It is the PSNR of a batch.
      sharding: devices among which the work is split: a mesh, such as
        `jax.make_mesh((8,), ("devices",))`, or a `NamedSharding`. As for `fit`.
      checkpoint: folder of checkpoints, from which an interrupted fit resumes. As for
        `fit`.
      progress: show a progress bar with the remaining time.
      callback: function of the step, the loss and the field, called a few times per
        second.

    Returns:
      A `FitResult`. Its history is the mean squared error of each batch.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: for frames that are empty, not finite, integers other than uint8 or
        not `[t, h, w, c]`, or a model with another number of features.
    """
    model, init = resolve_start(model, init)
    options: dict[str, Any] = {
        "num_steps": num_steps,
        "optimizer": optimizer,
        "init": init,
        "target_loss": psnr_to_loss(target_psnr),
        "sharding": sharding,
        "checkpoint": checkpoint,
        "progress": progress,
        "callback": callback,
    }
    check_options(model, **options)
    frames = _as_frames(frames)
    if model is None:
        t, h, w, c = frames.shape
        budget = max(frames.size // 10, _MIN_PARAMETERS)
        model = compact_grid((t, h, w), budget, features=c)
    return fit_grid(
        key,
        model,
        frames,
        batch_size=batch_size,
        describe=psnr_text,
        **options,
    )


def compact_grid(size: Size, max_parameters: int, *, features: int = 3) -> HashGrid:
    """Return the largest hash grid for a video within a number of parameters.

    Args:
      size: `(t, h, w)`; the finest level has one cell per pixel of the longest axis.
      max_parameters: greatest number of parameters.
      features: channels of the video.

    Returns:
      A `HashGrid`.

    Raises:
      ValueError: if the smallest grid has more parameters.
    """
    size = _checks.as_size("size", size, 3)
    max_parameters = _checks.as_count("max_parameters", max_parameters)
    best, best_count = None, 0
    width = 64 if max_parameters > 20_000 else 16
    for levels in range(5, 11):
        growth = max((max(size) / 8) ** (1 / (levels - 1)), 1.0)
        for log2_table_size in range(6, 23):
            model = HashGrid(
                features=features,
                width=width,
                levels=levels,
                base_resolution=8,
                growth=growth,
                log2_table_size=log2_table_size,
            )
            count = _num_parameters(model)
            if count > max_parameters:
                break
            if count > best_count:
                best, best_count = model, count
    if best is None:
        expected = "enough for a small hash grid"
        raise _checks.fail("max_parameters", expected, max_parameters)
    return best


def _num_parameters(model: HashGrid) -> int:
    """Parameters of a hash grid over three axes: tables, then a perceptron."""
    rows = [min((n + 1) ** 3, 2**model.log2_table_size) for n in model.resolutions]
    widths = [model.levels * model.features_per_level]
    widths += [model.width] * model.depth + [model.features]
    layers = itertools.pairwise(widths)
    return sum(rows) * model.features_per_level + sum((a + 1) * b for a, b in layers)


def _as_frames(frames: ArrayLike) -> Array:
    """Return frames on the device, as uint8 or floating."""
    _checks.check_concrete("frames", frames)
    if getattr(frames, "dtype", None) != np.uint8:
        fix = "Divide by the greatest value to reach [0, 1], or pass uint8."
        frames = _checks.as_floating("frames", frames, fix)
        _checks.check_finite("frames", frames)
    _checks.check_rank("frames", frames, "[t, h, w, c]")
    _checks.check_not_empty("frames", frames)
    return jnp.asarray(frames)
