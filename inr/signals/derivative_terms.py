"""Terms for images known by their derivatives: gradient, or Laplacian and border.

Notation. Guidance `[h, w, 2, c]` and the grid Laplacian `[h, w, c]` are those of
`inr.poisson`, per pixel. A forward difference is the mean of the derivative over its
edge and, to second order, the derivative at the edge's middle, where the exact slope of
the field is supervised. (At pixel centers it would be off by half a pixel; a difference
of two values would be a fit of values.)

Errors of derivatives are measured by the image that they add up to, by an exact Poisson
solve. Measured directly, waves of 256 pixels would have 1e-4 of the weight of waves of
3 pixels, and a fit would have sharp details on wrong levels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from inr import _checks, coords as _coords, poisson
from inr._field_checks import check_field
from inr._typing import Array, ArrayLike, Field, Key
from inr.calculus import value_gradient_laplacian
from inr.fitting import Term, value_residual

# Weight of the border's values relative to the image that the Laplacian adds up to:
# about the share of an error along the border in the image.
_BORDER_WEIGHT = 0.3


def gradient_term(
    guidance: Float[ArrayLike, "h w 2 c"], *, between: float = 0.0
) -> Term:
    """Term for the slopes at the middles of all edges.

    At the middles alone, a wave of almost one period per pixel has the slopes of a long
    wave, and much smaller values: a field that uses such waves has the slopes and not
    the image. Elsewhere the two differ. In a share of the steps all edges are therefore
    shifted by one random part of a pixel, up to half along each axis, and the target
    slopes are interpolated there (cubic). The cost is a loss of the highest
    frequencies, which the interpolation lowers.

    Args:
      guidance: forward differences per pixel, from `inr.poisson.grid_gradient`.
      between: share of the steps with shifted edges.

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
    data = _Shifted(_edges, guidance, between) if between else _edges(guidance)
    return Term(slope_residual, data, reduce=_IntegratedError((h, w)))


def laplacian_terms(
    laplacian: Float[ArrayLike, "h w c"],
    border: Float[ArrayLike, "h w c"],
    *,
    between: float = 0.0,
) -> tuple[Term, Term]:
    """Terms for the Laplacian at inner pixels and the values at the outermost ones.

    Args:
      laplacian: Laplacian per pixel, from `inr.poisson.grid_laplacian`.
      border: an image, of which only the outermost pixels are read.
      between: share of the steps with shifted pixels, as the edges of `gradient_term`
        are, for the same reason.

    Returns:
      The Laplacian's term and the border's, for `fit`.

    Raises:
      ValueError: for shapes that differ, fewer than 3 pixels along an axis, NaN, or a
        share outside [0, 1].
    """
    laplacian = _checks.as_floating("laplacian", laplacian)
    border = _checks.as_floating("border", border)
    _checks.check_rank("laplacian", laplacian, "[h, w, c]")
    if min(laplacian.shape[:2]) < 3:
        expected = "[h, w, c] with h and w at least 3"
        raise _checks.fail("laplacian", expected, f"shape {laplacian.shape}")
    _checks.check_shape("border", border, laplacian.shape)
    size = laplacian.shape[:2]
    is_inner = np.zeros(size, bool)
    is_inner[1:-1, 1:-1] = True
    _checks.check_finite("laplacian", laplacian[is_inner])
    values = border[~is_inner]
    _checks.check_finite("border", values)
    between = _checks.as_fraction("between", between)
    inner = laplacian[1:-1, 1:-1]
    data = _Shifted(_inner, inner, between) if between else _inner(inner)
    reduce = _SolvedError((size[0] - 2, size[1] - 2))
    return (
        Term(laplacian_residual, data, reduce=reduce),
        Term(
            value_residual,
            (_coords.grid(size)[~is_inner], values),
            weight=_BORDER_WEIGHT,
        ),
    )


def slope_residual(field: Field, batch: tuple[Array, Array, Array]) -> Array:
    """Derivative along a direction minus a target; a residual for `Term`.

    Args:
      field: function of coords `[n, d]`.
      batch: coords `[n, d]`, directions `[n, d]` (not normalized), and target
        derivatives `[n, k]`.

    Returns:
      `[n, k]`.
    """
    check_field(field)
    coords, direction, target = _checks.as_batch(batch, "coords", "direction", "target")
    slope = jax.jvp(field, (coords,), (direction,))[1]
    if getattr(slope, "shape", None) != target.shape:
        expected = f"a map from {coords.shape} to {target.shape}"
        raise _checks.fail("field", expected, getattr(slope, "shape", None))
    return slope - target


def laplacian_residual(field: Field, batch: tuple[Array, Array, Array]) -> Array:
    """Laplacian per pixel minus a target; a residual for `Term`.

    Args:
      field: function of coords `[n, d]`.
      batch: coords `[n, d]`, the pixel's size `[n, d]`, and the target Laplacian in
        units of pixels `[n, k]`.

    Returns:
      `[n, k]`.
    """
    coords, pitch, target = _checks.as_batch(batch, "coords", "pitch", "target")
    # All rows have the same pitch; it is repeated because a batch consists of rows.
    return value_gradient_laplacian(field, coords, unit=pitch[0]).laplacian - target


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True)
class _Shifted:
    """`(key, step) -> batch`, shifted by a part of a pixel in a share of the steps."""

    batch_of: Callable[[Array, Array], tuple[Array, Array, Array]]
    target: Array
    share: float | Array

    def __call__(self, key: Key, step: int | Array) -> tuple[Array, Array, Array]:
        del step
        key_whether, key_where = jax.random.split(key)
        is_shifted = jax.random.bernoulli(key_whether, self.share)
        shift = jax.random.uniform(key_where, (2,), jnp.float32, -0.5, 0.5)
        return self.batch_of(self.target, jnp.where(is_shifted, shift, 0))

    def tree_flatten(self):
        return (self.target, self.share), self.batch_of

    @classmethod
    def tree_unflatten(cls, batch_of, leaves):
        return cls(batch_of, *leaves)


def _edges(guidance: Array, shift: Array | None = None) -> tuple[Array, Array, Array]:
    """Return coords, directions and slopes at the middles of all edges, shifted."""
    h, w = guidance.shape[:2]
    pixels, pitch = _coords.grid((h, w)), _coords.pitch((h, w))
    rows = []
    for axis, index in enumerate((np.s_[:-1], np.s_[:, :-1])):
        step = jnp.zeros((2,), jnp.float32).at[axis].set(pitch[axis])
        middle = pixels[index] + step[None, None] / 2
        target = guidance[index][..., axis, :]
        middle, target = _shift(middle, target, pitch, shift)
        rows.append((middle, jnp.broadcast_to(step, middle.shape), target))
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), *rows)


def _inner(laplacian: Array, shift: Array | None = None) -> tuple[Array, Array, Array]:
    """Return coords, pitch and Laplacian `[h - 2, w - 2, c]` of inner pixels."""
    h, w = (n + 2 for n in laplacian.shape[:2])
    pixels, pitch = _coords.grid((h, w)), _coords.pitch((h, w))
    coords, target = _shift(pixels[1:-1, 1:-1], laplacian, pitch, shift)
    return coords, jnp.broadcast_to(pitch, coords.shape), target


def _shift(
    coords: Array, target: Array, pitch: Array, shift: Array | None
) -> tuple[Array, Array]:
    """Return coords and values of a grid as rows, shifted by a part of a pixel."""
    if shift is not None:
        size = target.shape[:2]
        between = _coords.grid(size) + (shift * _coords.pitch(size))[None, None]
        target = _coords.sample_grid(target, between, interpolation="cubic")
        coords = coords + (shift * pitch)[None, None]
    return coords.reshape(-1, 2), target.reshape(-1, target.shape[-1])


@dataclass(frozen=True)
class _IntegratedError:
    """Mean square of the image whose differences are closest to errors of slopes."""

    size: tuple[int, int]

    def __call__(self, errors: Array) -> Array:
        h, w = self.size
        down, right = errors[: (h - 1) * w], errors[(h - 1) * w :]
        k = errors.shape[-1]
        down = jnp.pad(down.reshape(h - 1, w, k), ((0, 1), (0, 0), (0, 0)))
        right = jnp.pad(right.reshape(h, w - 1, k), ((0, 0), (0, 1), (0, 0)))
        return jnp.mean(jnp.square(poisson.integrate(jnp.stack([down, right], 2))))


@dataclass(frozen=True)
class _SolvedError:
    """Mean square of the image whose Laplacian is the error, with zeros around it."""

    size: tuple[int, int]

    def __call__(self, errors: Array) -> Array:
        errors = errors.reshape(*self.size, -1)
        return jnp.mean(jnp.square(poisson.solve(errors, boundary="dirichlet")))
