"""Fitting a field to data: `fit` and `fit_image`."""

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from flax import linen as nn

from inr import _checks, coords as _coords
from inr._loop import Chunk, drive
from inr._typing import ArrayLike, Key, Params
from inr.fields import BoundField, Siren, check_module
from inr.fitting.samples import (
    affines_of,
    check_features,
    grid_affines,
    init_params,
    kept_rows,
    over_cells,
)
from inr.fitting.step import FitState, advance, init_fit
from inr.fitting.terms import Term, as_terms

Callback = Callable[[int, float, BoundField], None]
Rates = float | Mapping[str, float]


class FitResult(NamedTuple):
    """What a fit came to.

    Attributes:
      params: the fitted collections, for `bind`. After an interruption or a divergence
        the best so far.
      history: `[n]` float32, the loss before each step, in the data's units; `[n, b]`
        from `fit_many`.
      step: steps that led to `params`; `[b]` from `fit_many`.
      status: `"finished"`, `"target reached"`, `"interrupted"` or `"diverged"`; a tuple
        of b of them from `fit_many`.
    """

    params: Params
    history: np.ndarray
    step: Any
    status: Any


class FitDiverged(ArithmeticError):
    """The loss became NaN or infinite. `result` carries the best parameters so far."""

    def __init__(self, result: FitResult):
        steps = len(result.history)
        super().__init__(
            f"The loss is not finite after {steps} steps. Lower `learning_rate`, lower "
            "the model's `omega`, or bring coords into [-1, 1]. The best parameters so "
            "far are in this error's `result`."
        )
        self.result = result


def fit(
    key: Key,
    model: nn.Module,
    data: Any,
    *,
    num_steps: int = 500,
    batch_size: int | None = None,
    optimizer: optax.GradientTransformation | None = None,
    learning_rate: Rates | None = None,
    params: Params | None = None,
    target_loss: float = 0.0,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fits a field to samples, or to any sum of terms.

    With samples, `normalization` is set first: coords outside [-1, 1] are brought into
    it by one scale and shift for all axes, and features are centered and scaled to about
    [-1, 1]. Steps run in compiled chunks; a second call with equal objects compiles
    nothing. Ctrl-C returns what there is, with status "interrupted".

    Args:
      key: PRNG key of the initialization and of the batches.
      model: a Linen module that maps coords `[..., d]` to features `[..., k]`.
      data: `(coords [n, d], features [n, k])`, optionally with `weights [n]` behind
        them; or a `Term`, or a tuple of Terms.
      num_steps: steps in all.
      batch_size: rows drawn in every step; by default all of them. Terms have their
        own.
      optimizer: any optax optimizer, with its own learning rate; by default Adam warmed
        up over 10 steps with cosine decay. Build it once: equal ones are not equal.
      learning_rate: peak rate of the default optimizer, one number or one for each
        layer by name; by default the family's.
      params: where to start, with its own normalization.
      target_loss: stops as soon as the loss is no greater.
      checkpoint: folder to write to, every half minute and at the end, and to resume
        from. A resumed fit equals an uninterrupted one bit by bit.
      progress: shows a bar with the loss and the time left.
      callback: called a few times a second with the step, the loss and the field.

    Returns:
      A `FitResult`.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError, TypeError: for data that is empty, not finite or of the wrong shape,
        and for a checkpoint of another fit.
    """
    check_module(model)
    terms = as_terms(kept_rows(data), batch_size)
    key_init, key_steps = jax.random.split(key)
    if params is None:
        params = init_params(key_init, model, terms, affines_of(data))
    return run(
        key_steps,
        model,
        terms,
        params,
        num_steps=num_steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        target_loss=target_loss,
        checkpoint=checkpoint,
        progress=progress,
        callback=callback,
        describe=lambda loss: f"loss {float(loss):.3g}",
    )


def fit_image(
    key: Key,
    model: nn.Module,
    image: ArrayLike,
    *,
    num_steps: int = 500,
    weights: ArrayLike | None = None,
    antialias: int = 1,
    prior: Term | None = None,
    batch_size: int | None = None,
    optimizer: optax.GradientTransformation | None = None,
    learning_rate: Rates | None = None,
    params: Params | None = None,
    target_psnr: float = np.inf,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fits a field to an image `[h, w, c]` in [0, 1].

    The default rate is chosen for the pixels themselves, and the field may ripple
    between them. To enlarge an image take a quarter of it, `antialias=2`, and for a
    SIREN `omega=suggest_omega(image)`.

    Both axes span [-1, 1] for the user; `normalization` scales the shorter one down, so
    that frequencies are the same per pixel along both.

    Args:
      key: PRNG key of the initialization and of the batches.
      model: a Linen module with `features` equal to c.
      image: `[h, w, c]` or `[h, w]`, floating, in [0, 1].
      num_steps: steps in all.
      weights: `[h, w]`, not negative: how much each pixel counts. Pixels of weight 0
        are not looked at, and cost nothing.
      antialias: 1 fits the value at each pixel's center; s fits the mean over s x s
        points of the pixel, as a camera takes it, at s * s times the cost.
      prior: a further term, such as `inr.signals.smoothness_term`, for what the pixels
        leave open. The history, the bar and `target_psnr` then count it too.
      batch_size: pixels drawn in every step; by default all of them.
      optimizer: as for `fit`.
      learning_rate: as for `fit`.
      params: as for `fit`.
      target_psnr: stops as soon as the (weighted) PSNR is at least this, in dB.
      checkpoint: as for `fit`.
      progress: shows a bar with the PSNR and the time left.
      callback: as for `fit`.

    Returns:
      A `FitResult`; its history is the mean squared error.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: for an image or weights that are empty, integer, not finite or of the
        wrong shape, or a model with another number of features.
    """
    check_module(model)
    image = _checks.as_image("image", image)
    h, w, c = image.shape
    check_features(model, c)
    rows = (_coords.grid((h, w)).reshape(-1, 2), image.reshape(-1, c))
    if weights is not None:
        weights = _checks.as_floating("weights", weights)
        if weights.shape != (h, w):
            raise _checks.fail("weights", f"{(h, w)}", f"shape {weights.shape}")
        rows = (*rows, weights.reshape(-1))
    rows = kept_rows(rows)
    terms = as_terms(rows, batch_size)
    if _checks.as_count("antialias", antialias) > 1:
        terms = (over_cells(terms[0], (h, w), antialias),)
    if prior is not None:
        terms = as_terms((*terms, prior))
    key_init, key_steps = jax.random.split(key)
    if params is None:
        params = init_params(key_init, model, terms, grid_affines((h, w), rows[1]))
    return run(
        key_steps,
        model,
        terms,
        params,
        num_steps=num_steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        target_loss=10 ** (-target_psnr / 10),
        checkpoint=checkpoint,
        progress=progress,
        callback=callback,
        describe=lambda loss: f"{decibels(loss):.2f} dB",
    )


def run(
    key: Key,
    model: nn.Module,
    terms: tuple[Term, ...],
    params: Params,
    *,
    num_steps: int,
    optimizer: optax.GradientTransformation | None,
    learning_rate: Any,
    target_loss: float,
    callback: Callback | None,
    **options: Any,
) -> FitResult:
    """Steps from `params` to a result, in the driver's chunks."""
    settings = {
        "optimizer": optimizer,
        "num_steps": _checks.as_count("num_steps", num_steps),
        "learning_rate": rate_of(model, optimizer, learning_rate),
        "target_loss": target_loss,
    }
    _check_layers(settings["learning_rate"], params)

    def take(state: FitState, limit: int) -> Chunk:
        return _advance(key, state, model, terms, limit, **settings)

    def report(step: int, loss: np.ndarray, state: FitState) -> None:
        callback(step, float(loss), BoundField(model, state.params))

    outcome = drive(
        take,
        init_fit(key, model, terms, optimizer=optimizer, params=params),
        num_steps=num_steps,
        callback=None if callback is None else report,
        **options,
    )
    state, history, status = outcome
    result = FitResult(state.params, history, int(state.step), status)
    if status == "diverged":
        raise FitDiverged(result)
    return result


_advance = jax.jit(advance, static_argnames=("model", "optimizer"))


def rate_of(model: nn.Module, optimizer: Any, learning_rate: Any) -> Any:
    """The default optimizer's peak rate or rates: those given, or the family's."""
    if learning_rate is None:
        return getattr(model, "learning_rate", 1e-3)
    if optimizer is not None:
        raise ValueError(
            "`learning_rate` belongs to the default optimizer, got an `optimizer` as "
            "well. Build the rate into the optimizer."
        )
    check = functools.partial(_checks.as_positive, "learning_rate")
    return jax.tree.map(check, learning_rate)


def _check_layers(rates: Any, params: Params) -> None:
    layers = params["params"].keys()
    if isinstance(rates, Mapping) and rates.keys() != layers:
        raise _checks.fail(
            "learning_rate",
            f"one number, or one for each of the layers {', '.join(sorted(layers))}",
            f"numbers for {', '.join(sorted(rates))}",
        )


def with_first(model: nn.Module, rate: float, first: float) -> Any:
    """`rate`, but for a SIREN `first` for its first layer, whose phases it moves."""
    if not isinstance(model, Siren):
        return rate
    layers = [f"sine_{i}" for i in range(1, model.depth + 1)]
    return {"sine_0": first, **dict.fromkeys([*layers, "linear"], rate)}


def decibels(loss: np.ndarray) -> float:
    """PSNR for a peak of 1, as a bar shows it."""
    return float(-10 * np.log10(np.maximum(loss, 1e-30)))
