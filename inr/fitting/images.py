"""The fit of an image."""

import os

import jax
import numpy as np
from flax import linen as nn

from inr import _checks, coords as _coords
from inr._typing import Array, ArrayLike, ImageLike, Key, Params
from inr.fields import Siren, check_module, suggest_omega
from inr.fitting.rates import Optimizer
from inr.fitting.results import Callback, FitResult
from inr.fitting.run import psnr_text, psnr_to_loss, run
from inr.fitting.samples import (
    average_over_cells,
    check_features,
    grid_normalization,
    init_params,
    select_weighted,
)
from inr.fitting.terms import Term, as_terms


def fit_image(
    key: Key,
    image: ImageLike,
    *,
    model: nn.Module | None = None,
    num_steps: int = 500,
    weights: ArrayLike | None = None,
    antialias: int = 1,
    prior: Term | None = None,
    batch_size: int | None = None,
    optimizer: Optimizer | None = None,
    init: Params | None = None,
    target_psnr: float = np.inf,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fit a field to an image `[h, w, c]` in [0, 1].

    The default rate is chosen for the error at the pixel centers, and the field may
    oscillate between them. To enlarge an image, use `antialias=2` and a quarter of the
    rate, such as `optimizer=5e-4`.

    Both axes span [-1, 1]; `normalization` scales the shorter one down, so that
    frequencies per pixel are the same along both.

    Args:
      key: PRNG key of the initialization and of the batches.
      image: `[h, w, c]` or `[h, w]` in [0, 1]; uint8 and uint16 arrays and PIL images
        are converted.
      model: a Linen module with `features` equal to c. By default a `Siren` with
        `omega=suggest_omega(image)`.
      num_steps: number of optimization steps.
      weights: `[h, w]`, at least 0: weights of the pixels in the loss. Pixels of weight
        0 are left out, and cost nothing.
      antialias: 1 fits the value at each pixel's center; s fits the mean over s x s
        points of each pixel, as a camera measures it, at s * s times the cost.
      prior: further term of the loss, such as `inr.signals.smoothness_term`, for what
        the pixels leave open. The history, the bar and `target_psnr` include it.
      batch_size: rows drawn at random in every step. None uses all of them. A row is a
        pixel.
      optimizer: optax optimizer, or peak learning rate of the default one: a number, or
        a mapping from layer names to numbers. As for `fit`.
      init: parameters to start from, with their normalization. As for `fit`.
      target_psnr: PSNR in dB at which the fit stops. It is weighted as the loss is.
      checkpoint: folder of checkpoints, from which an interrupted fit resumes. As for
        `fit`.
      progress: show a progress bar with the remaining time.
      callback: function of the step, the loss and the field, called a few times per
        second.

    Returns:
      A `FitResult`. Its history is the mean squared error.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: for an image or weights that are empty, not finite or of a wrong
        shape, or a model with another number of features.
    """
    key = _checks.as_key("key", key)
    image = _checks.as_image("image", image)
    model = _default_model(image) if model is None else model
    check_module(model)
    h, w, c = image.shape
    check_features(model, c)
    rows = (_coords.grid((h, w)).reshape(-1, 2), image.reshape(-1, c))
    if weights is not None:
        weights = _checks.as_floating("weights", weights)
        if weights.shape != (h, w):
            expected = f"{(h, w)}, one weight for each pixel"
            raise _checks.fail("weights", expected, f"shape {weights.shape}")
        rows = select_weighted(*rows, weights.reshape(-1))
    terms = as_terms(rows, batch_size)
    if _checks.as_count("antialias", antialias) > 1:
        terms = (average_over_cells(terms[0], (h, w), antialias),)
    if prior is not None:
        terms = as_terms((*terms, prior))
    key_init, key_steps = jax.random.split(key)
    if init is None:
        normalization = grid_normalization((h, w), rows[1])
        init = init_params(key_init, model, terms, normalization)
    return run(
        key_steps,
        model,
        terms,
        init,
        num_steps=num_steps,
        optimizer=optimizer,
        target_loss=psnr_to_loss(target_psnr),
        checkpoint=checkpoint,
        progress=progress,
        callback=callback,
        describe=psnr_text,
    )


def _default_model(image: Array) -> Siren:
    return Siren(features=image.shape[-1], omega=suggest_omega(image))
