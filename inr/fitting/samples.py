"""From samples to terms: rows with a weight, normalization, initial parameters."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, _conversions
from inr._field_checks import check_module
from inr._typing import Array, ArrayLike, Key, Params
from inr.fields import BoundField
from inr.fitting.terms import Data, Term, as_terms, check_weights, first_coords


def init_params(
    key: Key,
    model: nn.Module,
    data: Data,
    normalization: Mapping[str, Array],
) -> Params:
    """Initialize a model, and set its normalization if it has one.

    Args:
      key: PRNG key.
      model: a Linen module.
      data: as for `fit`; only the number of coordinates is used.
      normalization: `coords_scale`, `coords_shift`, `features_scale` and
        `features_shift`, or some of them; the others are the identity.

    Returns:
      Parameters, for the option `init` of `fit`.
    """
    key = _checks.as_key("key", key)
    check_module(model)
    _checks.check_type("normalization", normalization, Mapping)
    # In NumPy, as the rest of what a fit prepares: each operation of JAX on arrays
    # would compile a program before the first step.
    coords = np.zeros((1, first_coords(key, as_terms(data)).shape[-1]), np.float32)
    params = _init(key, model, coords)
    if "normalization" not in params:
        return params
    for name, value in normalization.items():
        _checks.check_choice("normalization", name, (*params["normalization"],))
        value = _checks.as_real("normalization", value)
        shape = params["normalization"][name].shape
        _checks.check_shape("normalization", value, shape)
    return {**params, "normalization": {**params["normalization"], **normalization}}


def image_normalization(size: Sequence[int], mean: Array) -> dict[str, Array]:
    """Return the normalization for an image that is known by its derivatives alone.

    Frequencies per pixel are the same along all axes, and features of [-1, 1] map to
    0.5 on both sides of the mean.

    Args:
      size: pixels along each axis.
      mean: mean `[k]` of the image.

    Returns:
      Entries of the collection `normalization`, for `init_params`.
    """
    return {
        "coords_scale": _extent(size),
        "features_scale": jnp.full(mean.shape, 0.5, jnp.float32),
        "features_shift": mean,
    }


def shift_to_mean(field: BoundField, coords: Array, mean: Array) -> BoundField:
    """Add a constant to a field, so that its mean at some points is a given one.

    Args:
      field: a bound field with a normalization.
      coords: points `[n, d]`.
      mean: mean `[k]` of the features at these points.

    Returns:
      The shifted field.
    """
    normalization = field.params["normalization"]
    shift = normalization["features_shift"] + mean - _mean_of(field, coords)
    normalization = {**normalization, "features_shift": shift}
    params = {**field.params, "normalization": normalization}
    return dataclasses.replace(field, params=params)


def select_rows(data: Data) -> Data:
    """Apply `select_weighted` to data with weights; return others unchanged."""
    if not isinstance(data, tuple | list) or len(data) != 3:
        return data
    arrays = [x for x in data if not isinstance(x, Term)]
    return select_weighted(*arrays) if len(arrays) == 3 else data


def select_weighted(
    coords: ArrayLike, features: ArrayLike, weights: ArrayLike
) -> tuple[Array, Array, Array]:
    """Drop samples of weight 0, and scale the weights to mean 1."""
    coords = _checks.as_floating("coords", coords)
    features = _checks.as_floating("features", features)
    weights = _checks.as_floating("weights", weights)
    _checks.check_rank("weights", weights, "[n]")
    _checks.check_finite("weights", weights)
    _checks.check_shape("weights", weights, coords.shape[:1])
    check_weights(weights)
    if _checks.is_concrete(weights):
        positive = np.asarray(weights > 0)
        coords, features = coords[positive], features[positive]
        weights = weights[positive]
    return coords, features, weights / weights.mean()


def sample_normalization(data: Data) -> dict[str, Array]:
    """Return the normalization of samples; empty for terms."""
    if isinstance(data, Term) or any(isinstance(x, Term) for x in data):
        return {}
    coords, features = map(jnp.asarray, data[:2])
    return {**_normalize_coords(coords), **_normalize_features(features)}


def grid_normalization(
    size: Sequence[int], features: Array | np.ndarray, *, frequency: float = 1.0
) -> dict[str, Array]:
    """Return the normalization of samples on a regular grid, with features `[n, k]`.

    Every axis spans [-1, 1]; the shorter ones are scaled down, so that frequencies per
    sample are the same along all of them. `frequency` multiplies all of them.
    """
    return {"coords_scale": _extent(size, frequency), **_normalize_features(features)}


@jax.jit
def _mean_of(field: BoundField, coords: Array) -> Array:
    return field(coords).mean(0)


def _extent(size: Sequence[int], longest: float = 1.0) -> Array:
    """Lengths of the axes, from that of the longest."""
    lengths = np.asarray(size, np.float32) / np.float32(max(size))
    return jax.device_put(lengths * np.float32(longest))


def _normalize_coords(coords: Array) -> dict[str, Array]:
    """Map coords `[n, d]` into [-1, 1] by one scale; identity if they are inside."""
    low, high = coords.min(0), coords.max(0)
    inside = jnp.abs(coords).max() <= 1
    half = jnp.where(inside, 1.0, (high - low).max() / 2)
    middle = jnp.where(inside, 0.0, (low + high) / 2)
    scale = 1 / jnp.where(half > 0, half, 1.0)
    return {
        "coords_scale": jnp.broadcast_to(scale, low.shape).astype(jnp.float32),
        "coords_shift": (-middle * scale).astype(jnp.float32),
    }


def _normalize_features(features: Array | np.ndarray) -> dict[str, Array]:
    """Map [-1, 1] to the range of features `[n, k]`, with one scale for all k."""
    xp: Any = np if isinstance(features, np.ndarray) else jnp
    low, high = map(_conversions.as_unit_range, (features.min(0), features.max(0)))
    scale = (high - low).max() / 2
    scale = xp.where(scale > 0, scale, xp.ones_like(scale)).astype(jnp.float32)
    return {
        "features_scale": jax.device_put(xp.full(low.shape, scale)),
        "features_shift": jax.device_put(((low + high) / 2).astype(jnp.float32)),
    }


@functools.partial(jax.jit, static_argnums=1)
def _init(key: Key, model: nn.Module, coords: Array) -> Any:
    return model.init(key, coords)
