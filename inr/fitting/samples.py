"""From samples to terms: rows that count, normalization, the first parameters."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, coords as _coords
from inr._typing import Array, Key, Params
from inr.fields import BoundField
from inr.fitting.terms import CellResidual, Term, first_coords


def kept_rows(data: Any) -> Any:
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


def over_cells(term: Term, size: tuple[int, int], samples: int) -> Term:
    """The same term with each feature taken as a mean over its pixel."""
    coords, *rest = term.data
    cell = jnp.broadcast_to(_coords.pitch(size), coords.shape)
    return dataclasses.replace(
        term, residual=CellResidual(samples), data=(coords, cell, *rest)
    )


def init_params(
    key: Key, model: nn.Module, terms: tuple[Term, ...], affines: dict[str, Array]
) -> Params:
    """`model.init` with the data's affines, where the model has a normalization."""
    coords = jnp.zeros((1, first_coords(key, terms).shape[-1]), jnp.float32)
    params = _init(key, model, coords)
    if "normalization" not in params:
        return params
    return {**params, "normalization": {**params["normalization"], **affines}}


def affines_of(data: Any) -> dict[str, Array]:
    """Normalization of samples; none for terms, whose features may be anything."""
    if isinstance(data, Term) or any(isinstance(x, Term) for x in data):
        return {}
    coords, features = map(jnp.asarray, data[:2])
    return {**_coords_affine(coords), **_features_affine(features)}


def grid_affines(size: Sequence[int], features: Array) -> dict[str, Array]:
    """Normalization of samples of a regular grid, features `[n, k]` of n that count.

    Every axis spans [-1, 1] for the user; the shorter ones are scaled down, so that
    frequencies are the same per sample along all of them.
    """
    return {"coords_scale": _extent(size), **_features_affine(features)}


def unit_range(values: Array) -> Array:
    """The 256 levels of uint8 as values in [0, 1]; other dtypes unchanged."""
    return values.astype(jnp.float32) / 255 if values.dtype == jnp.uint8 else values


def check_features(model: nn.Module, k: int) -> None:
    """A model that says how many features it has must have those of the signal."""
    features = getattr(model, "features", k)
    if features != k:
        raise _checks.fail("model", f"one with features={k}", f"features={features}")


def image_affines(size: tuple[int, ...], middle: Array) -> dict[str, Array]:
    """Normalization for an image that is not known itself, but about 0.5 wide.

    Frequencies are alike along all axes, and features of [-1, 1] go to half of that
    about `middle` `[k]`.
    """
    return {
        "coords_scale": _extent(size),
        "features_scale": jnp.full(middle.shape, 0.5, jnp.float32),
        "features_shift": middle,
    }


def moved_to_mean(
    model: nn.Module, params: Params, coords: Array, mean: Array
) -> Params:
    """With a constant added, so that the field's mean at `coords` is `mean` `[k]`."""
    made = _mean_of(BoundField(model, params), coords)
    affines = params["normalization"]
    shifted = {**affines, "features_shift": affines["features_shift"] + mean - made}
    return {**params, "normalization": shifted}


@jax.jit
def _mean_of(field: BoundField, coords: Array) -> Array:
    return field(coords).mean(0)


def _extent(size: Sequence[int]) -> Array:
    """Lengths of the axes, the longest 1."""
    return jnp.asarray(size, jnp.float32) / max(size)


def _coords_affine(coords: Array) -> dict[str, Array]:
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


def _features_affine(features: Array) -> dict[str, Array]:
    """Takes [-1, 1] to the range of features `[n, k]`, with one scale for all k."""
    low, high = unit_range(features.min(0)), unit_range(features.max(0))
    scale = (high - low).max() / 2
    return {
        "features_scale": jnp.full(
            low.shape, jnp.where(scale > 0, scale, 1.0), jnp.float32
        ),
        "features_shift": ((low + high) / 2).astype(jnp.float32),
    }


@functools.partial(jax.jit, static_argnums=1)
def _init(key: Key, model: nn.Module, coords: Array) -> Params:
    return model.init(key, coords)
