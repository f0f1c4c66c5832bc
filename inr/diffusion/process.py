"""The forward process, what denoisers predict, and the loss that trains them.

Notation. x_t = a_t x0 + s_t eps. A denoiser predicts a fixed combination p x0 + q eps:
"eps" is (0, 1), "x0" is (1, 0), "v" is (-s_t, a_t) [Salimans and Ho 2022,
arXiv:2202.00512], "flow" is (-1, 1), the velocity of flow matching. With x_t that is a
2x2 system, so that each kind follows from any other and x_t, with coefficients that are
tables over t. `t` is an index into the schedule: a scalar, or `[b]` for the leading
axis.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from inr import _checks
from inr._typing import Array, ArrayLike, Denoiser, Key
from inr.diffusion.schedules import Schedule

PREDICTIONS = ("eps", "x0", "v", "flow")


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
      ValueError: for shapes or an index that do not fit.
    """
    return _combine(schedule.signal, x0, schedule.noise, noise, t)


def training_target(
    x0: Float[ArrayLike, "*b"],
    noise: Float[ArrayLike, "*b"],
    t: Int[ArrayLike, "*n"],
    *,
    schedule: Schedule,
    predicts: str,
) -> Array:
    """What a denoiser should predict for x_t: p x0 + q noise.

    Args:
      x0: clean signals `[...]`, or `[b, ...]`.
      noise: of the shape of x0, as given to `add_noise`.
      t: index into the schedule, a scalar or `[b]`.
      schedule: the noise levels.
      predicts: "eps", "x0", "v" or "flow".

    Returns:
      The target, of the shape of x0.

    Raises:
      ValueError: for an unknown kind, and shapes or an index that do not fit.
    """
    p, q = combination(schedule.signal, schedule.noise, predicts)
    return _combine(p, x0, q, noise, t)


def convert_prediction(
    prediction: Float[ArrayLike, "*b"],
    x: Float[ArrayLike, "*b"],
    t: Int[ArrayLike, "*n"],
    *,
    schedule: Schedule,
    predicts: str,
    to: str,
) -> Array:
    """One kind of prediction made into another.

    Args:
      prediction: of the kind `predicts`, of the shape of x.
      x: x_t, `[...]` or `[b, ...]`.
      t: index into the schedule, a scalar or `[b]`.
      schedule: the noise levels.
      predicts: the kind given: "eps", "x0", "v" or "flow".
      to: the kind wanted.

    Returns:
      The other prediction, of the shape of x.

    Raises:
      ValueError: for an unknown kind, for "eps" given with a schedule that has a level
        without signal, and shapes or an index that do not fit.
    """
    of_x, of_prediction = conversion(schedule.signal, schedule.noise, predicts, to)
    return _combine(of_x, x, of_prediction, prediction, t)


def min_snr_weights(
    schedule: Schedule, *, predicts: str, gamma: float = 5.0
) -> np.ndarray:
    """Weights of the squared error of a prediction by signal-to-noise ratio.

    min(snr, gamma) on the error in x0, carried over to what is predicted [Hang et al.
    2023, arXiv:2303.09556].

    Args:
      schedule: the noise levels.
      predicts: "eps", "x0", "v" or "flow".
      gamma: above it the signal-to-noise ratio counts no more.

    Returns:
      `[levels]`, float64.

    Raises:
      ValueError: for an unknown kind, a gamma not above 0, and "eps" with a level that
        has no signal.
    """
    gamma = _checks.as_positive("gamma", gamma)
    _, of_prediction = conversion(schedule.signal, schedule.noise, predicts, "x0")
    return np.minimum(schedule.snr, gamma) * np.square(of_prediction)


def denoising_loss(
    key: Key | None,
    denoiser: Denoiser,
    x0: Float[ArrayLike, "b *n"],
    *,
    schedule: Schedule,
    predicts: str,
    weights: Float[ArrayLike, " levels"] | None = None,
    condition: object = None,
    t: Int[ArrayLike, " b"] | None = None,
    noise: Float[ArrayLike, "b *n"] | None = None,
) -> Array:
    """Mean squared error of the predictions at random levels [Ho et al. 2020, eq. 14].

    Args:
      key: draws a level for each signal and the noise; None where both are given.
      denoiser: `(x [b, ...], t [b])`, and `condition` where it is given, to predictions
        of the shape of x; t is `schedule.times` at the level.
      x0: clean signals `[b, ...]`.
      schedule: the noise levels.
      predicts: "eps", "x0", "v" or "flow".
      weights: `[levels]`, of the squared error at each level, such as
        `min_snr_weights`.
      condition: passed to the denoiser.
      t: `[b]`, indices into the schedule in place of random ones.
      noise: of the shape of x0, in place of random noise.

    Returns:
      A scalar.

    Raises:
      ValueError: for a denoiser whose predictions have another shape, for weights of
        another length, and for no key where something is drawn.
    """
    x0 = _checks.as_floating("x0", x0)
    if key is None and (t is None or noise is None):
        raise ValueError("`key` must be given, or both `t` and `noise`.")
    if t is None:
        key_t = jax.random.fold_in(key, 0)
        t = jax.random.randint(key_t, x0.shape[:1], 0, len(schedule), jnp.int32)
    if noise is None:
        noise = jax.random.normal(jax.random.fold_in(key, 1), x0.shape, x0.dtype)
    x = add_noise(x0, noise, t, schedule=schedule)
    told = as_numbers(schedule.times, x0.dtype)[jnp.asarray(t)]
    prediction = call(denoiser, x, told, condition)
    target = training_target(x0, noise, t, schedule=schedule, predicts=predicts)
    error = jnp.square(prediction - target)
    if weights is None:
        return error.mean()
    if np.shape(weights) != (len(schedule),):
        raise _checks.fail("weights", f"[{len(schedule)}]", f"{np.shape(weights)}")
    return (error * _at(weights, t, error)).mean()


def combination(
    signal: np.ndarray, noise: np.ndarray, predicts: str
) -> tuple[np.ndarray, np.ndarray]:
    """p and q of the prediction p x0 + q eps at each level."""
    _checks.check_choice("predicts", predicts, PREDICTIONS)
    zeros, ones = np.zeros_like(signal), np.ones_like(signal)
    return {
        "eps": (zeros, ones),
        "x0": (ones, zeros),
        "v": (-noise, signal),
        "flow": (-ones, ones),
    }[predicts]


def conversion(
    signal: np.ndarray, noise: np.ndarray, predicts: str, to: str
) -> tuple[np.ndarray, np.ndarray]:
    """Factors of x_t and of the prediction, at each level, in the prediction `to`."""
    a, s = signal, noise
    p, q = combination(a, s, predicts)
    p1, q1 = combination(a, s, to)
    determinant = a * q - s * p
    if (determinant == 0).any():
        raise _checks.fail(
            "predicts",
            "'v', 'x0' or 'flow' for a schedule with a level that has no signal",
            repr(predicts),
        )
    return (p1 * q - q1 * p) / determinant, (q1 * a - p1 * s) / determinant


def as_numbers(table: ArrayLike, dtype: jnp.dtype) -> Array:
    """Whole numbers, which are times, as int32; others in the signals' dtype."""
    whole = jnp.issubdtype(jnp.result_type(table), jnp.integer)
    return jnp.asarray(table, jnp.int32 if whole else dtype)


def call(denoiser: Denoiser, x: Array, t: Array, condition: object) -> Array:
    """The denoiser's prediction, checked for its shape, in the dtype of x."""
    inputs = (x, t) if condition is None else (x, t, condition)
    prediction = denoiser(*inputs)
    shape = getattr(prediction, "shape", None)
    if shape != x.shape:
        raise _checks.fail(
            "denoiser", f"a map from x {x.shape} to that shape", f"{shape}"
        )
    return prediction.astype(x.dtype)


def _combine(
    of_x: np.ndarray, x: ArrayLike, of_y: np.ndarray, y: ArrayLike, t: ArrayLike
) -> Array:
    """of_x[t] * x + of_y[t] * y, the index along the leading axis."""
    x, y = _checks.as_floating("x", x), _checks.as_floating("noise", y)
    if x.shape != y.shape:
        raise _checks.fail("noise", f"of the shape of x, {x.shape}", f"{y.shape}")
    _check_index(t, x.shape, len(of_x))
    return _at(of_x, t, x) * x + _at(of_y, t, y) * y


def _at(table: ArrayLike, t: ArrayLike, x: Array) -> Array:
    """table[t], shaped to multiply x along its leading axes."""
    row = jnp.asarray(table, x.dtype)[jnp.asarray(t)]
    return row.reshape(row.shape + (1,) * (x.ndim - row.ndim))


def _check_index(t: ArrayLike, shape: tuple[int, ...], levels: int) -> None:
    if not jnp.issubdtype(jnp.result_type(t), jnp.integer):
        raise _checks.fail("t", "an integer index", f"dtype {jnp.result_type(t)}")
    if np.shape(t) not in ((), shape[:1]):
        raise _checks.fail("t", f"a scalar or {shape[:1]}", f"shape {np.shape(t)}")
    if _checks.is_concrete(t):
        low, high = int(np.min(t)), int(np.max(t))
        if low < 0 or high >= levels:
            raise _checks.fail("t", f"from 0 to {levels - 1}", f"{low} to {high}")
