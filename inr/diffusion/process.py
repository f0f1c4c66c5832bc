"""The forward process, the targets of a denoiser, and the loss that trains it.

Notation as in `predictions`: x_t = a_t x0 + s_t eps, and a denoiser predicts p x0 + q
eps. `t` is an index into the schedule: a scalar, or `[b]` for the leading axis.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, PyTree

from inr import _checks
from inr._typing import Array, ArrayLike, Denoiser, Key
from inr.diffusion.predictions import (
    Predicts,
    call_denoiser,
    cast_table,
    check_predicts,
    conversion_factors,
    prediction_factors,
)
from inr.diffusion.schedules import Schedule, check_schedule


def add_noise(
    x0: Float[ArrayLike, "*b"],
    noise: Float[ArrayLike, "*b"],
    t: Int[ArrayLike, "*n"],
    *,
    schedule: Schedule,
) -> Array:
    """x_t = a_t x0 + s_t noise.

    Args:
      x0: clean signals `[...]`, or `[b, ...]`.
      noise: of the shape of x0, N(0, 1).
      t: index into the schedule, a scalar or `[b]`.
      schedule: the noise levels.

    Returns:
      x_t, of the shape of x0.

    Raises:
      ValueError: if the shapes differ, or `t` is not an index into the schedule.
    """
    check_schedule(schedule)
    return _combine(schedule.signal, x0, schedule.noise, noise, t)


def training_target(
    x0: Float[ArrayLike, "*b"],
    noise: Float[ArrayLike, "*b"],
    t: Int[ArrayLike, "*n"],
    *,
    schedule: Schedule,
    predicts: Predicts,
) -> Array:
    """Target of a denoiser at x_t: p x0 + q noise.

    Args:
      x0: clean signals `[...]`, or `[b, ...]`.
      noise: of the shape of x0, the noise given to `add_noise`.
      t: index into the schedule, a scalar or `[b]`.
      schedule: the noise levels.
      predicts: kind of the target: "eps", "x0", "v" or "flow".

    Returns:
      The target, of the shape of x0.

    Raises:
      ValueError: if the kind is unknown, the shapes differ, or `t` is not an index into
        the schedule.
    """
    check_schedule(schedule)
    check_predicts(predicts)
    p, q = prediction_factors(schedule.signal, schedule.noise, predicts)
    return _combine(p, x0, q, noise, t)


def convert_prediction(
    prediction: Float[ArrayLike, "*b"],
    x: Float[ArrayLike, "*b"],
    t: Int[ArrayLike, "*n"],
    *,
    schedule: Schedule,
    predicts: Predicts,
    to: Predicts,
) -> Array:
    """Convert a prediction into another kind.

    Args:
      prediction: of the kind `predicts`, of the shape of x.
      x: x_t, `[...]` or `[b, ...]`.
      t: index into the schedule, a scalar or `[b]`.
      schedule: the noise levels.
      predicts: kind of `prediction`: "eps", "x0", "v" or "flow".
      to: kind of the result.

    Returns:
      The prediction of the kind `to`, of the shape of x.

    Raises:
      ValueError: if a kind is unknown, `predicts` is "eps" and the schedule has a level
        without signal, the shapes differ, or `t` is not an index into the schedule.
    """
    check_schedule(schedule)
    check_predicts(predicts)
    check_predicts(to, argument="to")
    x_factor, prediction_factor = conversion_factors(
        schedule.signal, schedule.noise, predicts, to
    )
    names = ("x", "prediction")
    return _combine(x_factor, x, prediction_factor, prediction, t, names)


def min_snr_weights(
    schedule: Schedule, *, predicts: Predicts, gamma: float = 5.0
) -> np.ndarray:
    """Min-SNR weights of the squared error of a prediction, one for each level.

    min(snr, gamma) as weights of the error in x0, converted to the kind of prediction
    [Hang et al. 2023, arXiv:2303.09556].

    Args:
      schedule: the noise levels.
      predicts: "eps", "x0", "v" or "flow".
      gamma: upper bound of the signal-to-noise ratio in the weights.

    Returns:
      `[levels]`, float64.

    Raises:
      ValueError: if the kind is unknown, `gamma` is not above 0, or `predicts` is "eps"
        and the schedule has a level without signal.
    """
    check_schedule(schedule)
    check_predicts(predicts)
    gamma = _checks.as_positive("gamma", gamma)
    _, factor = conversion_factors(schedule.signal, schedule.noise, predicts, "x0")
    return np.minimum(schedule.snr, gamma) * np.square(factor)


def denoising_loss(
    key: Key | None,
    denoiser: Denoiser,
    x0: Float[ArrayLike, "b *n"],
    *,
    schedule: Schedule,
    predicts: Predicts,
    weights: Float[ArrayLike, " levels"] | None = None,
    condition: PyTree = None,
    t: Int[ArrayLike, " b"] | None = None,
    noise: Float[ArrayLike, "b *n"] | None = None,
) -> Array:
    """Mean squared error of the predictions at random levels [Ho et al. 2020, eq. 14].

    Args:
      key: draws a level for each signal, and the noise; None if both are given.
      denoiser: maps `(x [b, ...], t [b])`, and the condition if there is one, to
        predictions of the shape of x; its t is `schedule.times` at the level.
      x0: clean signals `[b, ...]`.
      schedule: the noise levels.
      predicts: "eps", "x0", "v" or "flow".
      weights: `[levels]`, of the squared error at each level, such as
        `min_snr_weights`.
      condition: a tree of arrays, passed to the denoiser.
      t: `[b]`, indices into the schedule in place of random ones.
      noise: of the shape of x0, in place of random noise.

    Returns:
      A scalar.

    Raises:
      ValueError: if the predictions differ from x0 in shape, the weights differ from
        the schedule in length, or `key` is None while `t` or `noise` must be drawn.
    """
    check_schedule(schedule)
    x0 = _checks.as_floating("x0", x0)
    if x0.ndim == 0:
        raise _checks.fail("x0", "[b, ...]", "a number")
    t, noise = _levels_and_noise(key, x0, t, noise, len(schedule))
    x = add_noise(x0, noise, t, schedule=schedule)
    times = cast_table(schedule.times, x0.dtype)[jnp.asarray(t)]
    prediction = call_denoiser(denoiser, x, times, condition)
    target = training_target(x0, noise, t, schedule=schedule, predicts=predicts)
    error = jnp.square(prediction - target)
    if weights is None:
        return error.mean()
    weights = _checks.as_real("weights", weights)
    _checks.check_shape("weights", weights, (len(schedule),))
    return (error * _at(weights, t, error)).mean()


def _levels_and_noise(
    key: Key | None,
    x0: Array,
    t: ArrayLike | None,
    noise: ArrayLike | None,
    num_levels: int,
) -> tuple[ArrayLike, ArrayLike]:
    """`t` and `noise`, drawn where they are None."""
    if t is not None and noise is not None:
        return t, noise
    if key is None:
        raise _checks.fail("key", "a PRNG key", None, "Or pass both `t` and `noise`.")
    key = _checks.as_key("key", key)
    if t is None:
        key_t = jax.random.fold_in(key, 0)
        t = jax.random.randint(key_t, x0.shape[:1], 0, num_levels, jnp.int32)
    if noise is None:
        noise = jax.random.normal(jax.random.fold_in(key, 1), x0.shape, x0.dtype)
    return t, noise


def _combine(
    p: np.ndarray,
    x: ArrayLike,
    q: np.ndarray,
    y: ArrayLike,
    t: ArrayLike,
    names: tuple[str, str] = ("x0", "noise"),
) -> Array:
    """p[t] * x + q[t] * y, with the index along the leading axis."""
    x, y = (_checks.as_floating(name, z) for name, z in zip(names, (x, y), strict=True))
    if x.shape != y.shape:
        expected = f"of the shape of `{names[0]}`, {x.shape}"
        raise _checks.fail(names[1], expected, f"{y.shape}")
    _check_index(t, x.shape, len(p))
    return _at(p, t, x) * x + _at(q, t, y) * y


def _at(table: ArrayLike, t: ArrayLike, x: Array) -> Array:
    """table[t], shaped to multiply x along its leading axes."""
    row = jnp.asarray(table, x.dtype)[jnp.asarray(t)]
    return row.reshape(row.shape + (1,) * (x.ndim - row.ndim))


def _check_index(t: ArrayLike, shape: tuple[int, ...], num_levels: int) -> None:
    dtype = _checks.as_array("t", t, "an integer index").dtype
    if not jnp.issubdtype(dtype, jnp.integer):
        raise _checks.fail("t", "an integer index", f"dtype {dtype}")
    if np.shape(t) not in ((), shape[:1]):
        raise _checks.fail("t", f"a scalar or {shape[:1]}", f"shape {np.shape(t)}")
    if _checks.is_concrete(t):
        low, high = int(np.min(t)), int(np.max(t))
        if low < 0 or high >= num_levels:
            raise _checks.fail("t", f"from 0 to {num_levels - 1}", f"{low} to {high}")
