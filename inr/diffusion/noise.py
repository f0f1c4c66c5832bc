"""Noise as a function of a key: independent, shared, or a field over coordinates.

`independent_noise`, `shared_noise` and `field_noise` return `key -> array`, exactly
N(0, 1) at every point. They differ in the correlation between points. A point-wise
denoiser processes each point alone, so it works with any of them without retraining.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Float

from inr import _checks, _display
from inr._typing import Array, ArrayLike, Key, Size

_POINTS_PER_BLOCK = 8192


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("waves", "cosines", "sines"),
    meta_fields=(),
)
@dataclass(frozen=True)
class NoiseField:
    """A random field with standard normal values: coords `[..., d]` to `[..., k]`.

    M^-1/2 sum_j (a_j cos w_j.x + b_j sin w_j.x) with a, b ~ N(0, 1); its variance is 1
    at every point, because cos^2 + sin^2 = 1. The value at a coordinate is the same on
    every grid. `inr.render` accepts the field.

    Attributes:
      waves: `[M, d]`, w.
      cosines: `[M, k]`, a.
      sines: `[M, k]`, b.
    """

    waves: Array
    cosines: Array
    sines: Array

    def __call__(self, coords: ArrayLike) -> Array:
        phase = jnp.asarray(coords) @ self.waves.T
        total = jnp.cos(phase) @ self.cosines + jnp.sin(phase) @ self.sines
        return total / math.sqrt(len(self.waves))

    def __repr__(self) -> str:
        return _display.attributes_text(self)


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("coords",),
    meta_fields=("features", "length_scale", "num_waves"),
)
@dataclass(frozen=True)
class _FieldNoise:
    coords: Array
    features: int
    length_scale: float
    num_waves: int

    def __call__(self, key: Key) -> Array:
        d = self.coords.shape[-1]
        field = draw_noise_field(
            key,
            ndim=d,
            features=self.features,
            length_scale=self.length_scale,
            num_waves=self.num_waves,
        )
        flat = self.coords.reshape(-1, d)
        # In blocks, because the waves at a million points need gigabytes.
        values = lax.map(field, flat, batch_size=min(_POINTS_PER_BLOCK, len(flat)))
        return values.reshape(*self.coords.shape[:-1], self.features)


@dataclass(frozen=True)
class _Normal:
    shape: Size
    sample_shape: Size

    def __call__(self, key: Key) -> Array:
        return jnp.broadcast_to(jax.random.normal(key, self.sample_shape), self.shape)


def independent_noise(shape: Size) -> Callable[[Key], Array]:
    """Noise that is independent at every point.

    Args:
      shape: of the noise.

    Returns:
      `key -> array` of that shape.

    Raises:
      ValueError: if `shape` is not a tuple of positive integers.
    """
    shape = _checks.as_size("shape", shape)
    return _Normal(shape, shape)


def shared_noise(shape: Size) -> Callable[[Key], Array]:
    """One draw of all features, the same at every point.

    Args:
      shape: of the noise, the features last.

    Returns:
      `key -> array` of that shape.

    Raises:
      ValueError: if `shape` is not a tuple of positive integers.
    """
    shape = _checks.as_size("shape", shape)
    return _Normal(shape, (*(1 for _ in shape[:-1]), shape[-1]))


def field_noise(
    coords: Float[ArrayLike, "*n d"],
    *,
    features: int,
    length_scale: float,
    num_waves: int = 256,
) -> Callable[[Key], Array]:
    """Noise from a `NoiseField`: a key gives the same values on every grid.

    Args:
      coords: `[..., d]`, points of the noise.
      features: k, the number of values at a point.
      length_scale: as in `draw_noise_field`.
      num_waves: as in `draw_noise_field`.

    Returns:
      `key -> [..., k]`.

    Raises:
      ValueError: as `draw_noise_field`.
    """
    coords = _checks.as_floating("coords", coords)
    _checks.check_not_empty("coords", coords)
    if coords.ndim == 0:
        raise _checks.fail("coords", "[..., d]", "a number")
    features = _checks.as_count("features", features)
    num_waves = _checks.as_count("num_waves", num_waves)
    return _FieldNoise(coords, features, _as_length_scale(length_scale), num_waves)


def draw_noise_field(
    key: Key, *, features: int, length_scale: float, ndim: int = 2, num_waves: int = 256
) -> NoiseField:
    """A random field, exactly N(0, 1) at each point and smooth at a length scale.

    Random Fourier features of a Gaussian process [Rahimi and Recht 2007]: two points at
    distance r have the correlation exp(-r^2 / (2 length_scale^2)) over all keys.
    Features share the waves and are independent given the waves.

    Args:
      key: draws the waves and their amplitudes.
      features: k, the number of values at a point.
      length_scale: in units of coords, above 0. Far below the pitch of the pixels, the
        noise is independent at every pixel; far above 2, the extent of the signal, it
        is constant. Infinity is allowed.
      ndim: d, the number of coordinates.
      num_waves: M; with more waves, each single field is closer to Gaussian.

    Returns:
      A `NoiseField`.

    Raises:
      ValueError: if a count is below 1 or `length_scale` is not above 0.
    """
    features = _checks.as_count("features", features)
    num_waves = _checks.as_count("num_waves", num_waves)
    length_scale = _as_length_scale(length_scale)
    key = _checks.as_key("key", key)
    key_waves, key_cosines, key_sines = jax.random.split(key, 3)
    shape = (num_waves, _checks.as_count("ndim", ndim))
    return NoiseField(
        jax.random.normal(key_waves, shape, jnp.float32) / length_scale,
        jax.random.normal(key_cosines, (num_waves, features), jnp.float32),
        jax.random.normal(key_sines, (num_waves, features), jnp.float32),
    )


def _as_length_scale(length_scale: float) -> float:
    number = _checks.as_number("length_scale", length_scale, finite=False)
    if not number > 0:
        raise _checks.fail("length_scale", "a number above 0", length_scale)
    return number
