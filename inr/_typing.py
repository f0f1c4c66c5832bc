"""Names for the types that cross the public boundary."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
from jaxtyping import ArrayLike as ArrayLike

Array: TypeAlias = jax.Array
Key: TypeAlias = jax.Array
Params: TypeAlias = Mapping[str, Any]
"""What `model.init` returns: the collections `params` and `normalization`."""

Field: TypeAlias = Callable[[Array], Array]
"""Maps coords `[..., d]` to features `[..., k]`, each point alone."""

Denoiser: TypeAlias = Callable[..., Array]
"""Maps `(x, t)`, or `(x, t, condition)`, to a prediction of the shape of x."""

Size: TypeAlias = tuple[int, ...]
"""Samples along each axis, `(h, w)` for an image."""

Region: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]
"""`((top, left), (bottom, right))` as fractions of the signal in [0, 1]."""
