"""The fit of an image."""

import functools
import math
import os
from typing import Literal, get_args

import jax
import numpy as np
from flax import linen as nn

from inr import _checks, _conversions, coords as _coords
from inr._field_checks import check_features, check_module
from inr._typing import Array, ArrayLike, ImageLike, Key, Size
from inr.fields import Siren, suggest_omega
from inr.fitting.continuous import SplineSamples, make_spline, weighted_samples
from inr.fitting.rates import Optimizer, default_rates
from inr.fitting.results import Callback, FitResult
from inr.fitting.run import psnr_text, psnr_to_loss, run
from inr.fitting.samples import grid_normalization, init_params, select_weighted
from inr.fitting.starts import Start, resolve_start
from inr.fitting.terms import (
    Term,
    as_terms,
    check_weights,
    value_residual,
    weighted_residual,
)

# Gradients of a batch of points are noisier than those of all pixels.
_RATE_FACTOR = 0.3

Points = Literal["continuous", "pixels"]
"""Where an image is fitted: between the centers of its pixels, or at them."""


def fit_image(
    key: Key,
    image: ImageLike,
    *,
    model: nn.Module | None = None,
    num_steps: int = 2000,
    points: Points = "continuous",
    weights: ArrayLike | None = None,
    prior: Term | None = None,
    batch_size: int | None = 2048,
    optimizer: Optimizer | None = None,
    init: Start | None = None,
    target_psnr: float = np.inf,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fit a field to an image `[h, w, c]` in [0, 1].

    By default a pixel is the mean of the field over its cell, as a camera measures it,
    and every step fits new points between the pixel centers. Rendered at twice
    the image's size, the field is closer to the original scene than by bicubic
    interpolation; rendered at the image's own size with `antialias=2`, it returns the
    pixels.

    Both axes span [-1, 1]; `normalization` scales the shorter one down, so that
    frequencies per pixel are the same along both.

    Args:
      key: PRNG key of the initialization and of the batches.
      image: `[h, w, c]` or `[h, w]` in [0, 1]; uint8 and uint16 arrays and PIL images
        are converted.
      model: a Linen module with `features` equal to c. By default a `Siren` with the
        frequencies of `omega=suggest_omega(image)`: its own omega is that of all
        images, which share compiled programs, and `normalization` scales the coords.
      num_steps: number of optimization steps.
      points: `"continuous"` fits points between the pixel centers, at which the targets
        are those of a quadratic spline whose means over the cells are the pixels.
        `"pixels"` fits the values at the pixel centers alone: it reproduces them to any
        accuracy, and the field may oscillate between them.
      weights: `[h, w]`, at least 0: weights of the pixels in the loss. Pixels of weight
        0 are left out.
      prior: further term of the loss, such as `inr.signals.smoothness_term`, for what
        the pixels leave open. The history, the bar and `target_psnr` include it.
      batch_size: rows in every step. A row is a point or a pixel. None means as many
        as the image has pixels; for `points="pixels"` all of them.
      optimizer: optax optimizer, or peak learning rate of the default one: a number, or
        a mapping from layer names to numbers. By default 0.3 times the model's rate,
        and all of it for steps on all pixels.
      init: parameters to start from, with their normalization. As for `fit`.
      target_psnr: PSNR in dB at which the fit stops. It is that of a batch, weighted as
        the loss is.
      checkpoint: folder of checkpoints, from which an interrupted fit resumes. As for
        `fit`.
      progress: show a progress bar with the remaining time.
      callback: function of the step, the loss and the field, called a few times per
        second.

    Returns:
      A `FitResult`. Its history is the mean squared error of each batch.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: for an image or weights that are empty, not finite or of a wrong
        shape, or a model with another number of features.
    """
    model, init = resolve_start(model, init)
    key = _checks.as_key("key", key)
    image = _conversions.as_image("image", image)
    _checks.check_concrete("image", image)
    _conversions.warn_if_channels_first("image", image.shape)
    frequency = 1.0
    if model is None:
        model = Siren(features=image.shape[-1])
        frequency = suggest_omega(image) / model.omega
    check_module(model)
    check_features(model, image.shape[-1])
    _checks.check_choice("points", points, get_args(Points))
    if batch_size is not None:
        batch_size = _checks.as_count("batch_size", batch_size)
    weights = _as_weights(weights, image.shape[:2])
    key_init, key_steps, key_points = _split(key, 3)
    if points == "pixels":
        term = _pixel_term(image, weights, batch_size)
    else:
        term = _continuous_term(key_points, image, weights, batch_size)
    if prior is not None:
        _checks.check_type("prior", prior, Term)
    terms = (term,) if prior is None else as_terms((term, prior))
    if init is None:
        normalization = grid_normalization(
            image.shape[:2], _pixels(image, weights), frequency=frequency
        )
        init = init_params(key_init, model, terms, normalization)
    if optimizer is None and not (points == "pixels" and term.batch_size is None):
        optimizer = default_rates(model, 2, factor=_RATE_FACTOR)
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


@functools.partial(jax.jit, static_argnums=1)
def _split(key: Key, number: int) -> tuple[Array, ...]:
    return tuple(jax.random.split(key, number))


def _pixel_term(image: Array, weights: Array | None, batch_size: int | None) -> Term:
    """Squared error at the centers of the pixels."""
    rows = (_coords.grid(image.shape[:2]).reshape(-1, 2), _pixels(image, None))
    if weights is not None:
        rows = select_weighted(*rows, weights.reshape(-1))
    if batch_size is not None and batch_size >= len(rows[0]):
        batch_size = None
    return as_terms(rows, batch_size)[0]


def _continuous_term(
    key: Key, image: Array, weights: Array | None, batch_size: int | None
) -> Term:
    """Squared error between the pixel centers, against a spline."""
    batch_size = batch_size or math.prod(image.shape[:2])
    if weights is not None:
        samples = weighted_samples(key, image, weights, batch_size)
        return Term(weighted_residual, samples)
    return Term(value_residual, SplineSamples(key, make_spline(image), batch_size))


def _as_weights(weights: ArrayLike | None, size: Size) -> Array | None:
    """Check weights `[h, w]`: at least 0, and not all 0."""
    if weights is None:
        return None
    _checks.check_concrete("weights", weights)
    weights = _checks.as_floating("weights", weights)
    if weights.shape != size:
        expected = f"{size}, one weight for each pixel"
        raise _checks.fail("weights", expected, f"shape {weights.shape}")
    _checks.check_finite("weights", weights)
    check_weights(weights)
    return weights


def _pixels(image: Array, weights: Array | None) -> np.ndarray:
    """Features `[n, c]` of the pixels, or of those of positive weight."""
    pixels = np.asarray(image).reshape(-1, image.shape[-1])
    return pixels if weights is None else pixels[np.asarray(weights).ravel() > 0]
