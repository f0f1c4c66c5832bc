"""Images held as fields by their derivatives, and smoothness priors.

Notation. Guidance `[h, w, 2, c]` and the grid Laplacian `[h, w, c]` are those of
`inr.poisson`, per pixel. A forward difference is the mean of the derivative over its
edge and, to the second order, the derivative at the edge's middle: there the field's
exact slope is supervised. (At pixel centers it would be off by half a pixel; the
difference of two values would be a fit of values in disguise.)

Errors of derivatives count as the image they add up to, by an exact Poisson solve. Each
counted as it is, waves of 256 pixels would weigh 1e-4 of those of 3, and a fit would
have sharp detail on levels that are wrong.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Float

from inr import _checks, coords as _coords, poisson
from inr._typing import Array, ArrayLike, Field, Key, Params
from inr.calculus import gradient, hessian, value_gradient_laplacian
from inr.fitting import FitResult, Term, fit
from inr.fitting.samples import (
    check_features,
    image_affines,
    init_params,
    moved_to_mean,
)
from inr.fitting.terms import value_residual
from inr.fitting.verbs import Callback, Rates, rate_of, with_first

# Parts of a family's rate for values, and of a SIREN's for its first layer: at the
# whole rate derivatives diverge. Measured for the gradient; for the Laplacian between
# a rate that diverges and one that is slow.
_GRADIENT_RATE, _LAPLACIAN_RATE = (0.7, 0.2), (0.1, 0.1)
# Of the border's values beside what the Laplacian adds up to: about the share that an
# error along the border has in the image.
_BORDER_WEIGHT = 0.3
_LEAST_SQUARE = 1e-12  # the root has no derivative at zero


def fit_gradient(
    key: Key,
    model: nn.Module,
    guidance: Float[ArrayLike, "h w 2 c"],
    *,
    mean: ArrayLike = 0.5,
    between: float = 0.2,
    num_steps: int = 500,
    learning_rate: Rates | None = None,
    params: Params | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fits a field of an image to the image's gradient alone [Sitzmann et al. 2020].

    Section 4.1, but without a factor on the gradient and with every channel its own.

    Args:
      key: PRNG key of the initialization.
      model: a Linen module with c features.
      guidance: forward differences per pixel, as `inr.poisson.grid_gradient` makes; the
        edges that leave the image are not read.
      mean: of the image, which no gradient knows: a number or `[c]`. It is set exactly
        when the fit is done.
      between: as for `gradient_term`.
      num_steps: steps of the fit, each over all edges.
      learning_rate: peak rate; by default 0.7 of the family's for values,
        and 0.2 for the first layer of a SIREN.
      params: as for `fit`.
      checkpoint: as for `fit`.
      progress: as for `fit`.
      callback: as for `fit`.

    Returns:
      A `FitResult`; its history is the mean square of the image that the errors of the
      slopes add up to.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: as `gradient_term`, and for a model with other than c features.
    """
    terms = (gradient_term(guidance, between=between),)
    *size, _, features = np.shape(guidance)
    check_features(model, features)
    mean = jnp.broadcast_to(jnp.asarray(mean, jnp.float32), (features,))
    if learning_rate is None:
        learning_rate = _part_of_rate(model, *_GRADIENT_RATE)
    key_init, key_fit = jax.random.split(key)
    affines = image_affines(tuple(size), mean)
    result = fit(
        key_fit,
        model,
        terms,
        params=params or init_params(key_init, model, terms, affines),
        num_steps=num_steps,
        learning_rate=learning_rate,
        checkpoint=checkpoint,
        progress=progress,
        callback=callback,
    )
    pixels = _coords.grid(tuple(size)).reshape(-1, 2)
    return result._replace(params=moved_to_mean(model, result.params, pixels, mean))


def fit_laplacian(
    key: Key,
    model: nn.Module,
    laplacian: Float[ArrayLike, "h w c"],
    border: Float[ArrayLike, "h w c"],
    *,
    between: float = 0.2,
    num_steps: int = 500,
    learning_rate: Rates | None = None,
    params: Params | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    callback: Callback | None = None,
) -> FitResult:
    """Fits a field of an image to its Laplacian and the values along its border.

    The Laplacian alone leaves every harmonic function free, which is why the border is
    asked for: together they are the Dirichlet problem.

    Args:
      key: PRNG key of the initialization.
      model: a Linen module with c features.
      laplacian: per pixel, as `inr.poisson.grid_laplacian` makes.
      border: an image, of which only the outermost pixels are read.
      between: as for `laplacian_terms`.
      num_steps: steps of the fit, each over all pixels.
      learning_rate: peak rate; by default a tenth of the family's for values.
      params: as for `fit`.
      checkpoint: as for `fit`.
      progress: as for `fit`.
      callback: as for `fit`.

    Returns:
      A `FitResult`.

    Raises:
      FitDiverged: if the loss becomes NaN or infinite.
      ValueError: as `laplacian_terms`, and for a model with other than c features.
    """
    terms = laplacian_terms(laplacian, border, between=between)
    *size, features = np.shape(laplacian)
    check_features(model, features)
    values = terms[1].data[1]
    affines = image_affines(tuple(size), values.mean(0))
    if learning_rate is None:
        learning_rate = _part_of_rate(model, *_LAPLACIAN_RATE)
    key_init, key_fit = jax.random.split(key)
    return fit(
        key_fit,
        model,
        terms,
        params=params or init_params(key_init, model, terms, affines),
        num_steps=num_steps,
        learning_rate=learning_rate,
        checkpoint=checkpoint,
        progress=progress,
        callback=callback,
    )


def gradient_term(
    guidance: Float[ArrayLike, "h w 2 c"], *, between: float = 0.0
) -> Term:
    """Term for the slopes at the middles of all edges.

    A wave of almost one period a pixel has, at the middles alone, the slopes of a long
    wave, and far smaller values: a field that uses such waves has the slopes and not
    the image. At other places the two differ. So in a share of the steps all edges are
    moved by one random part of a pixel, up to half along each axis, and the slopes
    wanted there are interpolated (cubic). That costs what it takes from the highest
    frequencies, which the interpolation lowers.

    Args:
      guidance: forward differences per pixel, as `inr.poisson.grid_gradient` makes.
      between: share of the steps with moved edges.

    Returns:
      A `Term`, for `fit`: the mean square of the image that the errors of the slopes
      add up to.

    Raises:
      ValueError: for another shape, an image of one pixel along an axis, NaN, or a
        share outside [0, 1].
    """
    guidance = _checks.as_floating("guidance", guidance)
    _checks.check_rank("guidance", guidance, "[h, w, 2, c]")
    h, w, axes, _ = guidance.shape
    if axes != 2 or min(h, w) < 2:
        raise _checks.fail(
            "guidance", "[h, w, 2, c] with h and w at least 2", f"{guidance.shape}"
        )
    _checks.check_finite("guidance", guidance)
    between = _checks.as_fraction("between", between)
    data = _Moved(_edges, guidance, between) if between else _edges(guidance)
    return Term(slope_residual, data, reduce=_AddedUp((h, w)))


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True)
class _Moved:
    """`(key, step) -> batch`: in a share of the steps moved by a part of a pixel."""

    batch_of: Callable[[Array, Array], tuple[Array, Array, Array]]
    given: Array
    share: float | Array

    def __call__(self, key: Key, step: int | Array) -> tuple[Array, Array, Array]:
        del step
        key_whether, key_where = jax.random.split(key)
        moved = jax.random.bernoulli(key_whether, self.share)
        shift = jax.random.uniform(key_where, (2,), jnp.float32, -0.5, 0.5)
        return self.batch_of(self.given, jnp.where(moved, shift, 0))

    def tree_flatten(self):
        return (self.given, self.share), self.batch_of

    @classmethod
    def tree_unflatten(cls, batch_of, leaves):
        return cls(batch_of, *leaves)


def _edges(guidance: Array, shift: Array | None = None) -> tuple[Array, Array, Array]:
    """Coords, directions and slopes at the middles of all edges, moved."""
    h, w = guidance.shape[:2]
    pixels, pitch = _coords.grid((h, w)), _coords.pitch((h, w))
    rows = []
    for axis, inside in enumerate((np.s_[:-1], np.s_[:, :-1])):
        step = jnp.zeros((2,), jnp.float32).at[axis].set(pitch[axis])
        middle = pixels[inside] + step[None, None] / 2
        wanted = guidance[inside][..., axis, :]
        middle, wanted = _moved(middle, wanted, pitch, shift)
        rows.append((middle, jnp.broadcast_to(step, middle.shape), wanted))
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), *rows)


def _inner(laplacian: Array, shift: Array | None = None) -> tuple[Array, Array, Array]:
    """Coords, pitch and Laplacian `[h - 2, w - 2, c]` of inner pixels, moved."""
    h, w = (n + 2 for n in laplacian.shape[:2])
    pixels, pitch = _coords.grid((h, w)), _coords.pitch((h, w))
    places, wanted = _moved(pixels[1:-1, 1:-1], laplacian, pitch, shift)
    return places, jnp.broadcast_to(pitch, places.shape), wanted


def _moved(
    places: Array, wanted: Array, pitch: Array, shift: Array | None
) -> tuple[Array, Array]:
    """Coords and values of a grid as rows; moved by pixels, with values between."""
    if shift is not None:
        size = wanted.shape[:2]
        between = _coords.grid(size) + (shift * _coords.pitch(size))[None, None]
        wanted = _coords.sample_grid(wanted, between, interpolation="cubic")
        places = places + (shift * pitch)[None, None]
    return places.reshape(-1, 2), wanted.reshape(-1, wanted.shape[-1])


def laplacian_terms(
    laplacian: Float[ArrayLike, "h w c"],
    border: Float[ArrayLike, "h w c"],
    *,
    between: float = 0.0,
) -> tuple[Term, Term]:
    """Terms for the Laplacian at inner pixels and the values at the outermost ones.

    Args:
      laplacian: per pixel, as `inr.poisson.grid_laplacian` makes.
      border: an image, of which only the outermost pixels are read.
      between: share of the steps with pixels moved as the edges of `gradient_term`,
        for the same reason.

    Returns:
      The Laplacian's term and the border's, for `fit`.

    Raises:
      ValueError: for shapes that differ, fewer than 3 pixels along an axis, NaN, or a
        share outside [0, 1].
    """
    laplacian = _checks.as_floating("laplacian", laplacian)
    border = _checks.as_floating("border", border)
    _checks.check_rank("laplacian", laplacian, "[h, w, c]")
    if laplacian.shape != border.shape or min(laplacian.shape[:2]) < 3:
        raise _checks.fail(
            "border",
            "of the laplacian's shape, with h and w at least 3",
            f"{border.shape} and {laplacian.shape}",
        )
    size = laplacian.shape[:2]
    inner = np.zeros(size, bool)
    inner[1:-1, 1:-1] = True
    pixels = _coords.grid(size)
    wanted, values = laplacian[inner], border[~inner]
    _checks.check_finite("laplacian", wanted)
    _checks.check_finite("border", values)
    between = _checks.as_fraction("between", between)
    given = laplacian[1:-1, 1:-1]
    data = _Moved(_inner, given, between) if between else _inner(given)
    return (
        Term(laplacian_residual, data, reduce=_Solved((size[0] - 2, size[1] - 2))),
        Term(value_residual, (pixels[~inner], values), weight=_BORDER_WEIGHT),
    )


def smoothness_term(
    *, weight: float, order: int = 1, ndim: int = 2, batch_size: int = 4096
) -> Term:
    """A prior for what samples leave open: total variation, or its second order.

    The mean over the signal of the length of the gradient (order 1, total variation) or
    of the Hessian (order 2, Frobenius) of each feature, at points drawn in every step.

    Args:
      weight: of the term; lengths are per unit of coords.
      order: 1 or 2.
      ndim: d, the number of coordinates.
      batch_size: points drawn in every step.

    Returns:
      A `Term`, for `fit` beside others.

    Raises:
      ValueError: for another order, or counts below 1.
    """
    _checks.check_choice("order", order, (1, 2))
    ndim = _checks.as_count("ndim", ndim)
    batch_size = _checks.as_count("batch_size", batch_size)
    residual = gradient_length if order == 1 else hessian_length
    return Term(residual, _Anywhere((batch_size, ndim)), weight, reduce=jnp.mean)


def slope_residual(field: Field, batch: tuple[Array, Array, Array]) -> Array:
    """Derivative along a direction minus a wanted one; a residual for `Term`.

    Args:
      field: of coords `[n, d]`.
      batch: coords `[n, d]`, directions `[n, d]` (their length counts), and the wanted
        derivatives `[n, k]`.

    Returns:
      `[n, k]`.
    """
    coords, direction, wanted = batch
    return jax.jvp(field, (coords,), (direction,))[1] - wanted


def laplacian_residual(field: Field, batch: tuple[Array, Array, Array]) -> Array:
    """Laplacian per pixel minus a wanted one; a residual for `Term`.

    Args:
      field: of coords `[n, d]`.
      batch: coords `[n, d]`, the pixel's size `[n, d]`, and the wanted Laplacian in
        units of pixels `[n, k]`.

    Returns:
      `[n, k]`.
    """
    coords, pitch, wanted = batch
    # All rows have the same pitch: a batch is rows throughout.
    found = value_gradient_laplacian(field, coords, unit=pitch[0])
    return found.laplacian - wanted


def gradient_length(field: Field, batch: tuple[Array]) -> Array:
    """Length of each feature's gradient; a residual for `Term` with `reduce`.

    Args:
      field: of coords `[n, d]`.
      batch: a tuple of the coords `[n, d]` alone.

    Returns:
      `[n, k]`.
    """
    square = jnp.square(gradient(field, batch[0])).sum(-2)
    return jnp.sqrt(jnp.maximum(square, _LEAST_SQUARE))


def hessian_length(field: Field, batch: tuple[Array]) -> Array:
    """Frobenius norm of each feature's Hessian; a residual for `Term` with `reduce`.

    Args:
      field: of coords `[n, d]`.
      batch: a tuple of the coords `[n, d]` alone.

    Returns:
      `[n, k]`.
    """
    square = jnp.square(hessian(field, batch[0])).sum((-3, -2))
    return jnp.sqrt(jnp.maximum(square, _LEAST_SQUARE))


def _part_of_rate(model: nn.Module, part: float, first: float) -> Any:
    rate = rate_of(model, None, None)
    return with_first(model, part * rate, first * rate)


@dataclass(frozen=True)
class _AddedUp:
    """Mean square of the image whose differences are nearest to errors of slopes."""

    size: tuple[int, int]

    def __call__(self, errors: Array) -> Array:
        h, w = self.size
        down, right = errors[: (h - 1) * w], errors[(h - 1) * w :]
        k = errors.shape[-1]
        down = jnp.pad(down.reshape(h - 1, w, k), ((0, 1), (0, 0), (0, 0)))
        right = jnp.pad(right.reshape(h, w - 1, k), ((0, 0), (0, 1), (0, 0)))
        return jnp.mean(jnp.square(poisson.integrate(jnp.stack([down, right], 2))))


@dataclass(frozen=True)
class _Solved:
    """Mean square of the image that has errors for Laplacian, and zeros around it."""

    size: tuple[int, int]

    def __call__(self, errors: Array) -> Array:
        errors = errors.reshape(*self.size, -1)
        return jnp.mean(jnp.square(poisson.solve(errors, boundary="dirichlet")))


@dataclass(frozen=True)
class _Anywhere:
    """`(key, step) -> (coords,)`: points of the signal, equal for equal shapes."""

    shape: tuple[int, int]

    def __call__(self, key: Key, step: int | Array) -> tuple[Array]:
        del step
        return (jax.random.uniform(key, self.shape, jnp.float32, -1, 1),)
