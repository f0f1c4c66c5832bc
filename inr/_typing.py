"""Types of public arguments and results."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import jax
import numpy as np
from jaxtyping import ArrayLike as ArrayLike

Array: TypeAlias = jax.Array
Key: TypeAlias = jax.Array
Params: TypeAlias = Mapping[str, Any]
"""Return value of `model.init`: the collections `params` and `normalization`."""

Field: TypeAlias = Callable[[Array], Array]
"""Maps coords `[..., d]` to features `[..., k]`, each point on its own."""

Denoiser: TypeAlias = Callable[..., Array]
"""Maps `(x, t)`, or `(x, t, condition)`, to a prediction of the shape of x."""

Size: TypeAlias = tuple[int, ...]
"""Samples along each axis, `(h, w)` for an image."""

Region: TypeAlias = Sequence[Sequence[int | float]] | np.ndarray
"""`((top, left), (bottom, right))` as fractions of the signal in [0, 1]."""


@runtime_checkable
class SupportsArray(Protocol):
    """An object that converts itself to a NumPy array."""

    def __array__(self) -> np.ndarray: ...


@runtime_checkable
class PillowImage(Protocol):
    """A `PIL.Image.Image`, described without an import of Pillow."""

    @property
    def mode(self) -> str: ...

    def getbands(self) -> tuple[str, ...]: ...

    def convert(self, mode: str) -> Any: ...


ImageLike: TypeAlias = ArrayLike | SupportsArray | PillowImage
"""`[h, w, c]` or `[h, w]`: floating in [0, 1], uint8 or uint16, or a PIL image."""
