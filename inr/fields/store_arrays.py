"""Arrays of a store in fewer bits, and what that costs.

Notation. A column of 8 bits is minimum + scale * code with codes 0 to 255. Kernels
`[n, ..., k]` have one scale for each of n fields and k columns. Normalizations, biases
and other vectors, which are small, keep their precision.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn, traverse_util
from jax import lax

from inr import _checks
from inr._typing import Array, Params
from inr.fields.bound import BoundField

_POINTS = 256
_FIELDS_AT_ONCE = 8
_MAX_FLOAT16 = 65504


def encode(
    arrays: Mapping[str, np.ndarray], precision: str | None
) -> dict[str, np.ndarray]:
    """Arrays of a store's file.

    Args:
      arrays: stacked arrays `[n, ...]` by path.
      precision: `"float16"`, `"uint8"` or None.

    Raises:
      ValueError: for values that float16 cannot represent.
    """
    groups = {}
    for path, array in arrays.items():
        is_parameter = path.startswith("params/")
        is_float = jnp.issubdtype(array.dtype, jnp.floating)
        if precision == "uint8" and is_parameter and is_float and array.ndim > 2:
            axes = tuple(range(1, array.ndim - 1))
            low, high = (f(array, axes, keepdims=True) for f in (np.min, np.max))
            low, high = low.astype(np.float32), high.astype(np.float32)
            scale = (high - low) / 255
            codes = np.rint((array - low) / np.where(scale > 0, scale, 1))
            groups[f"fields/{path}"] = codes.astype(np.uint8)
            groups[f"scale/{path}"] = scale.reshape(len(array), -1)
            groups[f"minimum/{path}"] = low.reshape(len(array), -1)
        elif precision == "float16" and is_parameter and is_float:
            if np.abs(array).max() > _MAX_FLOAT16:
                got = f"larger ones in {path!r}"
                expected = f"fields with parameters up to {_MAX_FLOAT16} for float16"
                raise _checks.fail("fields", expected, got)
            groups[f"fields/{path}"] = array.astype(np.float16)
        else:
            groups[f"fields/{path}"] = array
    return groups


def decode(groups: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Stacked arrays `[n, ...]` by path; float16 and 8 bits become float32."""
    arrays = {}
    for name, array in groups.items():
        group, _, path = name.partition("/")
        if group != "fields":
            continue
        if f"scale/{path}" in groups:
            shape = (len(array), *(1,) * (array.ndim - 2), -1)
            scale, low = (groups[f"{g}/{path}"] for g in ("scale", "minimum"))
            array = array * scale.reshape(shape) + low.reshape(shape)
        elif array.dtype == np.float16:
            array = array.astype(np.float32)
        arrays[path] = array
    return arrays


def stored_error(
    model: nn.Module, arrays: Mapping[str, np.ndarray], stored: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Root mean square difference of fields, at 256 random points of [-1, 1].

    Args:
      model: the model of all fields.
      arrays: stacked arrays `[n, ...]` by path.
      stored: the arrays with which they are compared.

    Returns:
      `[n]` float32, in the units of the features.
    """
    trees: Any = [
        traverse_util.unflatten_dict(dict(x), sep="/") for x in (arrays, stored)
    ]
    return np.asarray(_errors(model, *trees))


@functools.partial(jax.jit, static_argnums=0)
def _errors(model: nn.Module, params: Params, stored: Params) -> Array:
    ndim = params["normalization"]["coords_scale"].shape[-1]
    shape, key = (_POINTS, ndim), jax.random.key(0)
    coords = jax.random.uniform(key, shape, jnp.float32, -1, 1)

    def error(pair: tuple[Params, Params]) -> Array:
        a, b = (BoundField(model, x)(coords) for x in pair)
        return jnp.sqrt(jnp.square(jnp.abs(a - b)).mean()).astype(jnp.float32)

    return lax.map(error, (params, stored), batch_size=_FIELDS_AT_ONCE)
