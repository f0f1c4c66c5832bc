"""The kinds of prediction of a denoiser, and the coefficients that convert them.

Notation. x_t = a_t x0 + s_t eps. A denoiser predicts a fixed combination p x0 + q eps:
"eps" is (0, 1), "x0" is (1, 0), "v" is (-s_t, a_t) [Salimans and Ho 2022,
arXiv:2202.00512], "flow" is (-1, 1), the velocity of flow matching. Together with x_t
this is a 2x2 system, so that each kind follows from any other and x_t, with
coefficients that are tables over t.
"""

from typing import Literal, TypeAlias, get_args

import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from inr import _checks
from inr._typing import Array, ArrayLike, Denoiser

Predicts: TypeAlias = Literal["eps", "x0", "v", "flow"]
"""The kind of a prediction: noise, clean signal, or one of two velocities."""

_NAMES_ELSEWHERE = {
    "epsilon": "eps",
    "noise": "eps",
    "sample": "x0",
    "v_prediction": "v",
    "flow_prediction": "flow",
}


def check_predicts(predicts: str, *, argument: str = "predicts") -> None:
    """Raise ValueError unless `predicts` is a kind of prediction."""
    kinds = get_args(Predicts)
    if isinstance(predicts, str) and predicts in kinds:
        return
    name = _NAMES_ELSEWHERE.get(predicts) if isinstance(predicts, str) else None
    raise _checks.fail(
        argument,
        "one of " + ", ".join(map(repr, kinds)),
        repr(predicts),
        f'Here "{predicts}" is called "{name}".' if name else "",
    )


def prediction_factors(
    signal: np.ndarray, noise: np.ndarray, predicts: Predicts
) -> tuple[np.ndarray, np.ndarray]:
    """p and q of the prediction p x0 + q eps at each level."""
    zeros, ones = np.zeros_like(signal), np.ones_like(signal)
    return {
        "eps": (zeros, ones),
        "x0": (ones, zeros),
        "v": (-noise, signal),
        "flow": (-ones, ones),
    }[predicts]


def conversion_factors(
    signal: np.ndarray, noise: np.ndarray, predicts: Predicts, to: Predicts
) -> tuple[np.ndarray, np.ndarray]:
    """Factors of x_t and of the prediction that give the kind `to`, at each level."""
    a, s = signal, noise
    p, q = prediction_factors(a, s, predicts)
    p1, q1 = prediction_factors(a, s, to)
    determinant = a * q - s * p
    if (determinant == 0).any():
        raise _checks.fail(
            "predicts",
            "'v', 'x0' or 'flow' for a schedule with a level that has no signal",
            repr(predicts),
        )
    return (p1 * q - q1 * p) / determinant, (q1 * a - p1 * s) / determinant


def cast_table(table: ArrayLike, dtype: np.dtype) -> Array:
    """The table in the dtype of the signals; integers, which are times, as int32."""
    is_integer = jnp.issubdtype(jnp.result_type(table), jnp.integer)
    return jnp.asarray(table, jnp.int32 if is_integer else dtype)


def call_denoiser(denoiser: Denoiser, x: Array, t: Array, condition: PyTree) -> Array:
    """The prediction in the dtype of x. Raise ValueError if its shape is not x's."""
    _checks.check_callable("denoiser", denoiser)
    inputs = (x, t) if condition is None else (x, t, condition)
    prediction = denoiser(*inputs)
    shape = getattr(prediction, "shape", None)
    if shape != x.shape:
        raise _checks.fail(
            "denoiser", f"a map from x {x.shape} to an array of that shape", f"{shape}"
        )
    return prediction.astype(x.dtype)
