"""Fitting fields to data: `fit`, `fit_image` and `fit_many`."""

import dataclasses
import functools
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jax import lax

from inr import _checks, coords as _coords
from inr._loop import Chunk, drive
from inr._typing import Array, ArrayLike, Key, Params
from inr.fields import BoundField, check_module
from inr.fitting.step import FitState, advance, default_optimizer, init_fit
from inr.fitting.terms import CellResidual, Term, as_terms, first_coords

Callback = Callable[[int, float, BoundField], None]


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
    learning_rate: float | None = None,
    params: Params | None = None,
    target_loss: float = 0.0,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fits a field to samples, or to any sum of terms.

    With samples, `normalisation` is set first: coords outside [-1, 1] are brought into
    it by one scale and shift for all axes, and features are centred and scaled to about
    [-1, 1]. Steps run in compiled chunks; a second call with equal objects compiles
    nothing. Ctrl-C returns what there is, with status "interrupted".

    Args:
      key: PRNG key of the initialisation and of the batches.
      model: a Linen module that maps coords `[..., d]` to features `[..., k]`.
      data: `(coords [n, d], features [n, k])`, optionally with `weights [n]` behind
        them; or a `Term`, or a tuple of Terms.
      num_steps: steps in all.
      batch_size: rows drawn in every step; by default all of them. Terms have their
        own.
      optimizer: any optax optimiser, with its own learning rate; by default Adam warmed
        up over 10 steps with cosine decay. Build it once: equal ones are not equal.
      learning_rate: peak rate of the default optimiser; by default the family's.
      params: where to start, with its own normalisation.
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
    terms = as_terms(_kept_rows(data), batch_size)
    key_init, key_steps = jax.random.split(key)
    if params is None:
        params = _init_params(key_init, model, terms, _affines_of(data))
    return _run(
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
    batch_size: int | None = None,
    optimizer: optax.GradientTransformation | None = None,
    learning_rate: float | None = None,
    params: Params | None = None,
    target_psnr: float = np.inf,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fits a field to an image `[h, w, c]` in [0, 1].

    Both axes span [-1, 1] for the user; `normalisation` scales the shorter one down, so
    that frequencies are the same per pixel along both.

    Args:
      key: PRNG key of the initialisation and of the batches.
      model: a Linen module with `features` equal to c.
      image: `[h, w, c]` or `[h, w]`, floating, in [0, 1].
      num_steps: steps in all.
      weights: `[h, w]`, not negative: how much each pixel counts. Pixels of weight 0
        are not looked at, and cost nothing.
      antialias: 1 fits the value at each pixel's centre; s fits the mean over s x s
        points of the pixel, as a camera takes it, at s * s times the cost.
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
    features = getattr(model, "features", c)
    if features != c:
        raise _checks.fail("model", f"one with features={c}", f"features={features}")
    rows = (_coords.grid((h, w)).reshape(-1, 2), image.reshape(-1, c))
    if weights is not None:
        weights = _checks.as_floating("weights", weights)
        if weights.shape != (h, w):
            raise _checks.fail("weights", f"{(h, w)}", f"shape {weights.shape}")
        rows = (*rows, weights.reshape(-1))
    terms = as_terms(_kept_rows(rows), batch_size)
    if _checks.as_count("antialias", antialias) > 1:
        terms = (_over_cells(terms[0], (h, w), antialias),)
    key_init, key_steps = jax.random.split(key)
    if params is None:
        extent = jnp.asarray([h, w], jnp.float32) / max(h, w)
        affines = {**_affines_of(rows), "coords_scale": extent}
        params = _init_params(key_init, model, terms, affines)
    return _run(
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
        describe=lambda loss: f"{_psnr(loss):.2f} dB",
    )


def fit_many(
    key: Key,
    model: nn.Module,
    data: tuple[ArrayLike, ArrayLike],
    *,
    num_steps: int = 500,
    batch_size: int | None = None,
    optimizer: optax.GradientTransformation | None = None,
    learning_rate: float | None = None,
    params: Params | None = None,
    target_loss: float = 0.0,
    sharding: jax.sharding.Sharding | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
) -> FitResult:
    """Fits b fields at once, one to each signal, in one compiled program.

    Every field has its own initialisation, normalisation and end: one that reaches the
    target, or whose loss is not finite, keeps its parameters while the others go on.

    Args:
      key: PRNG key, split into one for each field.
      model: a Linen module, the same for all.
      data: `(coords [n, d] or [b, n, d], features [b, n, k])`.
      num_steps: as for `fit`.
      batch_size: as for `fit`.
      optimizer: as for `fit`.
      learning_rate: as for `fit`.
      params: where to start, every leaf with a leading axis b.
      target_loss: as for `fit`, for each field.
      sharding: of the leading axis b over devices; by default one device has all.
      checkpoint: as for `fit`.
      progress: shows a bar with the mean loss and the time left.

    Returns:
      A `FitResult` whose params have a leading axis b: bind them, and map over the
      fields with `jax.vmap`. It has a step and a status for each field; none raises.

    Raises:
      ValueError, TypeError: as for `fit`.
    """
    check_module(model)
    coords, features = data
    coords = _checks.as_floating("coords", coords)
    features = _checks.as_floating("features", features)
    _checks.check_rank("features", features, "[b, n, k]")
    _checks.check_rank("coords", coords, "[n, d]", "[b, n, d]")
    _checks.check_not_empty("features", features)
    b = len(features)
    rows = (jnp.broadcast_to(coords, (b, *coords.shape[-2:])), features)
    as_terms(jax.tree.map(lambda x: x.reshape(-1, x.shape[-1]), rows))
    key_init, key_steps = jax.random.split(key)
    if params is None:
        params = _init_many(jax.random.split(key_init, b), model, rows)
    settings = {
        "optimizer": optimizer,
        "batch_size": batch_size,
        # A few at a time stay in a CPU's cache, and end early together more often.
        "at_once": 8 if sharding is None and jax.default_backend() == "cpu" else None,
        "num_steps": _checks.as_count("num_steps", num_steps),
        "learning_rate": _learning_rate(model, optimizer, learning_rate),
        "target_loss": target_loss,
    }
    state = _states(params, optimizer)
    keys = jax.random.split(key_steps, b)
    if sharding is not None:
        keys, state, rows = jax.device_put((keys, state, rows), sharding)
    outcome = drive(
        lambda state, limit: _advance_many(keys, state, model, rows, limit, **settings),
        state,
        num_steps=num_steps,
        progress=progress,
        describe=lambda loss: f"mean loss {float(np.nanmean(loss)):.3g}",
        checkpoint=checkpoint,
    )
    state, history, status = outcome
    last = history[-1] if len(history) else np.full(b, np.inf)
    each = np.where(last <= target_loss, "target reached", status)
    each = np.where(np.isfinite(last), each, "diverged")
    return FitResult(
        state.params, history, np.asarray(state.step), tuple(each.tolist())
    )


def _run(
    key: Key,
    model: nn.Module,
    terms: tuple[Term, ...],
    params: Params,
    *,
    num_steps: int,
    optimizer: optax.GradientTransformation | None,
    learning_rate: float | None,
    target_loss: float,
    callback: Callback | None,
    **options: Any,
) -> FitResult:
    """Steps from `params` to a result, in the driver's chunks."""
    settings = {
        "optimizer": optimizer,
        "num_steps": _checks.as_count("num_steps", num_steps),
        "learning_rate": _learning_rate(model, optimizer, learning_rate),
        "target_loss": target_loss,
    }

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


def _over_cells(term: Term, size: tuple[int, int], samples: int) -> Term:
    """The same term with each feature taken as a mean over its pixel."""
    coords, *rest = term.data
    cell = jnp.broadcast_to(_coords.pitch(size), coords.shape)
    return dataclasses.replace(
        term, residual=CellResidual(samples), data=(coords, cell, *rest)
    )


_advance = jax.jit(advance, static_argnames=("model", "optimizer"))


@functools.partial(
    jax.jit, static_argnames=("model", "optimizer", "batch_size", "at_once")
)
def _advance_many(
    keys: Key,
    states: FitState,
    model: nn.Module,
    rows: tuple[Array, Array],
    limit: Array,
    *,
    batch_size: int | None,
    at_once: int | None,
    **settings: Any,
) -> Chunk:
    def one(each: tuple[Key, FitState, tuple[Array, Array]]) -> Chunk:
        key, state, rows = each
        return advance(key, state, model, as_terms(rows, batch_size), limit, **settings)

    if at_once is None:
        chunk = jax.vmap(one)((keys, states, rows))
    else:
        chunk = lax.map(one, (keys, states, rows), batch_size=at_once)
    # Steps lead, fields follow: the driver's history is [n, b].
    return chunk._replace(losses=chunk.losses.T)


@functools.partial(jax.jit, static_argnums=1)
def _states(params: Params, optimizer: Any) -> FitState:
    optimizer = default_optimizer() if optimizer is None else optimizer
    opt_state = jax.vmap(optimizer.init)(params["params"])
    b = len(jax.tree.leaves(params)[0])
    return FitState(jnp.zeros(b, jnp.int32), params, opt_state)


@functools.partial(jax.jit, static_argnums=1)
def _init_many(keys: Key, model: nn.Module, rows: tuple[Array, Array]) -> Params:
    def one(key: Key, rows: tuple[Array, Array]) -> Params:
        return _init_params(key, model, as_terms(rows), _affines_of(rows))

    return jax.vmap(one)(keys, rows)


@functools.partial(jax.jit, static_argnums=1)
def _init(key: Key, model: nn.Module, coords: Array) -> Params:
    return model.init(key, coords)


def _init_params(
    key: Key, model: nn.Module, terms: tuple[Term, ...], affines: dict[str, Array]
) -> Params:
    """`model.init` with the data's affines, where the model has a normalisation."""
    coords = jnp.zeros((1, first_coords(key, terms).shape[-1]), jnp.float32)
    params = _init(key, model, coords)
    if "normalisation" not in params:
        return params
    return {**params, "normalisation": {**params["normalisation"], **affines}}


def _affines_of(data: Any) -> dict[str, Array]:
    """Normalisation of samples; none for terms, whose features may be anything."""
    if isinstance(data, Term) or any(isinstance(x, Term) for x in data):
        return {}
    coords, features = map(jnp.asarray, data[:2])
    return {**coords_affine(coords), **features_affine(features)}


def coords_affine(coords: Array) -> dict[str, Array]:
    """Brings coords `[n, d]` into [-1, 1], alike along all axes; identity if inside."""
    low, high = coords.min(0), coords.max(0)
    inside = jnp.abs(coords).max() <= 1
    half = jnp.where(inside, 1.0, (high - low).max() / 2)
    middle = jnp.where(inside, 0.0, (low + high) / 2)
    scale = 1 / jnp.where(half > 0, half, 1.0)
    return {
        "coords_scale": jnp.broadcast_to(scale, low.shape).astype(jnp.float32),
        "coords_shift": (-middle * scale).astype(jnp.float32),
    }


def features_affine(features: Array) -> dict[str, Array]:
    """Takes [-1, 1] to the range of features `[n, k]`, with one scale for all k."""
    low, high = features.min(0), features.max(0)
    scale = (high - low).max() / 2
    return {
        "features_scale": jnp.full(
            low.shape, jnp.where(scale > 0, scale, 1.0), jnp.float32
        ),
        "features_shift": ((low + high) / 2).astype(jnp.float32),
    }


def _kept_rows(data: Any) -> Any:
    """Samples of positive weight, the weights brought to mean 1; others unchanged."""
    if not isinstance(data, tuple | list) or len(data) != 3:
        return data
    if any(isinstance(x, Term) for x in data):
        return data
    coords, features, weights = data
    weights = _checks.as_floating("weights", weights)
    _checks.check_rank("weights", weights, "[n]")
    _checks.check_finite("weights", weights)
    if _checks.is_concrete(weights):
        if not (bool((weights >= 0).all()) and bool((weights > 0).any())):
            raise _checks.fail(
                "weights", "not negative and not all zero", f"minimum {weights.min()}"
            )
        keep = np.asarray(weights > 0)
        coords, features = jnp.asarray(coords)[keep], jnp.asarray(features)[keep]
        weights = weights[keep]
    return coords, features, weights / weights.mean()


def _learning_rate(
    model: nn.Module, optimizer: Any, learning_rate: float | None
) -> float:
    if learning_rate is None:
        return getattr(model, "learning_rate", 1e-3)
    if optimizer is not None:
        raise ValueError(
            "`learning_rate` belongs to the default optimiser, got an `optimizer` as "
            "well. Build the rate into the optimiser."
        )
    return _checks.as_positive("learning_rate", learning_rate)


def _psnr(loss: np.ndarray) -> float:
    return float(-10 * np.log10(np.maximum(loss, 1e-30)))
