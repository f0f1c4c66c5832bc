"""The base class of field families: a network with normalized coords and features.

A family is a frozen Linen module with one method, `network`, which maps normalized
coords to normalized features with the functions of `inr.fields.streams`. Its parameters
are two collections: `params`, which a fit optimizes, and `normalization`, affine maps
that `init` sets to the identity and a fit sets from the data. A field therefore takes
coords and returns features in the user's units, and its derivatives are with respect to
the user's coords.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from inr import _checks, _display
from inr.fields import streams
from inr.fields.streams import Features


class FieldModule(nn.Module):
    """Base class of field families: coords `[..., d]` to features `[..., k]`.

    To define a family, write `network(self, x)` with the functions of
    `inr.fields.streams` and layers such as `Affine`. Exact derivatives, normalization,
    fits and rendering then work without further code. `register` gives the family a
    name, which `save_field` and `load_field` need.

    Attributes:
      features: number of output features, k.
      default_learning_rate: class attribute or property: peak learning rate of the
        default optimizer, one number or a mapping from layer names to numbers.

    Example:
      A perceptron with tanh activations:

      >>> import jax, jax.numpy as jnp, inr
      >>> from inr.fields import Affine, FieldModule, register, streams

      >>> @register("TanhPerceptron")
      ... class TanhPerceptron(FieldModule):
      ...     width: int = 32
      ...
      ...     def network(self, x):
      ...         hidden = streams.pointwise(jnp.tanh, Affine(self.width)(x))
      ...         return Affine(self.features)(hidden)

      >>> image = jnp.linspace(0, 1, 8 * 8 * 3).reshape(8, 8, 3)
      >>> data = inr.coords.grid((8, 8)).reshape(-1, 2), image.reshape(-1, 3)
      >>> key, model = jax.random.key(0), TanhPerceptron(features=3)
      >>> field = inr.fit(key, model, data, num_steps=5, progress=False).field
      >>> inr.render(field, (16, 16)).shape
      (16, 16, 3)

      It has exact derivatives, because `streams` propagates them:

      >>> value, gradient, laplacian = inr.value_gradient_laplacian(field, data[0])
      >>> value.shape, gradient.shape, laplacian.shape
      ((64, 3), (64, 2, 3), (64, 3))

      It is saved and loaded under its registered name:

      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     inr.save_field(f"{folder}/tanh.safetensors", field, size=(8, 8))
      ...     inr.load_field(f"{folder}/tanh.safetensors").field
      BoundField(TanhPerceptron: 2 -> 3 features, 195 parameters)
    """

    default_learning_rate: ClassVar[float | Mapping[str, float]] = 1e-3

    features: int = 1

    def __post_init__(self):
        super().__post_init__()
        for name, least in (("features", 1), ("width", 1), ("depth", 0)):
            if hasattr(self, name):
                _checks.as_count(name, getattr(self, name), least=least)
        if not _is_precision(getattr(self, "precision", None)):
            expected = "None or a precision of `jax.lax.dot_general`"
            raise _checks.fail("precision", expected, repr(self.precision))
        if not _is_floating(getattr(self, "dtype", None)):
            raise _checks.fail("dtype", "None or a floating dtype", repr(self.dtype))

    def __repr__(self) -> str:
        return _display.module_text(self)

    @nn.compact
    def __call__(self, coords: Features) -> Features:
        """Features at coords: arrays for arrays, `Streams` for seeded coords."""
        x = self._normalize("coords", coords)
        outputs = self.network(x)
        if streams.width(outputs) != self.features:
            expected = f"a map to features={self.features}"
            raise _checks.fail("network", expected, f"{streams.width(outputs)} of them")
        return self._normalize("features", outputs)

    def network(self, x: Features) -> Features:
        """Map normalized coords to normalized features; a family overrides it.

        Args:
          x: `[..., d]` in any of the kinds of `inr.fields.streams`.

        Returns:
          `[..., k]` with k = `features`, of the same kind as `x`.
        """
        raise NotImplementedError

    def _normalize(self, name: str, x: Features) -> Features:
        shape, f32 = (streams.width(x),), jnp.float32
        scale = self.variable("normalization", f"{name}_scale", jnp.ones, shape, f32)
        shift = self.variable("normalization", f"{name}_shift", jnp.zeros, shape, f32)
        return streams.translate(streams.multiply(x, scale.value), shift.value)


def _is_precision(value: Any) -> bool:
    try:
        return value is None or isinstance(lax.Precision(value), lax.Precision)
    except (TypeError, ValueError):
        return isinstance(value, str) and value in lax.DotAlgorithmPreset.__members__


def _is_floating(dtype: Any) -> bool:
    try:
        return dtype is None or jnp.issubdtype(jnp.dtype(dtype), jnp.floating)
    except TypeError:
        return False
