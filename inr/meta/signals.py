"""Signals of one size, of which each step draws some at random points."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks, _conversions, coords as _coords
from inr._typing import Array, ArrayLike, ImageLike, Key
from inr.fitting import Spline, spline_coefficients

Signals: TypeAlias = tuple[ArrayLike, ArrayLike] | ArrayLike | Sequence[ImageLike]
"""Images `[b, h, w, k]`, a list of images, or `(coords [n, d], features [b, n, k])`."""


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("coords", "features", "spline", "latents"),
    meta_fields=("size",),
)
@dataclasses.dataclass(frozen=True)
class SignalSet:
    """b signals at n common points.

    Attributes:
      coords: `[n, d]`.
      features: `[b, n, k]`.
      spline: coefficients `[b, n, k]` of images, for targets between pixels, or None.
      size: (h, w) of images, or None.
      latents: `[b, m]`, from which a warm-up fits the signals, or None.
    """

    coords: Any
    features: Any
    spline: Any
    size: tuple[int, int] | None
    latents: Any = None

    def draw(self, key: Key, index: Array, count: int | None) -> tuple[Array, Array]:
        """Coords and features of a signal: all, or those of `count` random points."""
        if count is None:
            return self.coords, self.features[index]
        if self.spline is not None:
            points = _coords.random_points(key, count, ndim=2)
            size = jnp.asarray(self.size, jnp.int32)
            return points, Spline(self.spline[index], size)(points)
        rows = jax.random.randint(key, (count,), 0, len(self.coords), jnp.int32)
        return self.coords[rows], self.features[index][rows]


def as_signals(signals: Any, *, between: bool) -> SignalSet:
    """Check signals and return them as one set.

    Args:
      signals: images, or `(coords, features)`.
      between: prepare targets between the pixels of images.

    Raises:
      ValueError: for no signals, different sizes, or NaN or infinity, with the number
        of the signal.
    """
    _checks.check_concrete("signals", signals)
    if isinstance(signals, tuple):
        coords, features = _as_samples(signals)
        spline, size = None, None
    else:
        images = _as_images(signals)
        b, h, w, k = images.shape
        coords, size = _coords.grid((h, w)).reshape(-1, 2), (h, w)
        features = images.reshape(b, h * w, k)
        spline = None
        if between:
            parts = [spline_coefficients(image) for image in images]
            spline = jnp.asarray(np.stack(parts)).reshape(features.shape)
    finite = np.isfinite(np.asarray(features)).reshape(len(features), -1).all(1)
    if not finite.all():
        got = f"NaN or infinity in signal {int(np.argmin(finite))}"
        raise _checks.fail("signals", "finite", got)
    return SignalSet(coords, jnp.asarray(features), spline, size)


def noise_like(key: Key, signals: SignalSet) -> SignalSet:
    """One signal of uniform noise in the range of the features of others."""
    low, high = signals.features.min(), signals.features.max()
    shape = (1, *signals.features.shape[1:])
    noise = jax.random.uniform(key, shape, jnp.float32, low, high)
    return SignalSet(signals.coords, noise, None, signals.size)


def _as_images(signals: Any) -> np.ndarray:
    _checks.check_sequence("signals", signals, "images, or (coords, features)")
    if len(signals) == 0:
        raise _checks.fail("signals", "at least one signal", "none")
    images = [_conversions.as_host_image("signals", x) for x in signals]
    for i, image in enumerate(images):
        if image.shape != images[0].shape:
            expected = f"of one size, that of the first, {images[0].shape}"
            fix = "Resize or crop it, or learn one start for each size."
            raise _checks.fail("signals", expected, f"{image.shape} at {i}", fix)
    return np.stack(images)


def _as_samples(signals: tuple) -> tuple[Array, Array]:
    if len(signals) != 2:
        raise _checks.fail(
            "signals", "(coords, features)", f"a tuple of {len(signals)}"
        )
    coords, features = (_checks.as_floating("signals", x) for x in signals)
    _checks.check_rank("signals", coords, "[n, d]")
    _checks.check_rank("signals", features, "[b, n, k]")
    _checks.check_not_empty("signals", features)
    if len(coords) != features.shape[1]:
        expected = f"coords [{features.shape[1]}, d] for features {features.shape}"
        raise _checks.fail("signals", expected, f"coords {coords.shape}")
    _checks.check_finite("signals", coords)
    return coords, features
