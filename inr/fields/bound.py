"""A model with its parameters as one callable field."""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import errors, linen as nn

from inr import _checks, _display
from inr._encoding import encode
from inr._field_checks import check_module, check_params
from inr._typing import Array, ArrayLike, Params
from inr.fields import streams
from inr.fields.base import FieldModule
from inr.fields.streams import Features, Streams


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("params", "feature_map"),
    meta_fields=("model",),
)
@dataclasses.dataclass(frozen=True, eq=False)
class BoundField:
    """A model with its parameters: a callable and a pytree. `bind` creates it.

    It is an argument of `jit`, `grad` and `vmap`; stacked leaves are a batch of fields.
    It hashes by identity, so that `jax.jit(field)` works too.

    Attributes:
      model: Linen module, static: equal modules do not retrace.
      params: what `model.init` returns, or the `params` of a fit.
      feature_map: output of `model.encode` for the image of a conditional model,
        otherwise None.
    """

    model: nn.Module
    params: Params
    feature_map: Any = None

    def __call__(self, coords: ArrayLike, *inputs: Any) -> Array:
        """Features `[..., k]` at coords `[..., d]`.

        Further inputs of the model, such as the time of a denoiser, follow the coords.
        """
        return self._apply(_checks.as_array("coords", coords), *inputs)

    @property
    def ndim(self) -> int | None:
        """Axes d of the coords; None if the model is not a `FieldModule`."""
        if not isinstance(self.model, FieldModule):
            return None
        return self.params["normalization"]["coords_scale"].shape[-1]

    def streams(self, coords: ArrayLike, *, unit: ArrayLike | None = None) -> Streams:
        """Value, gradient and Laplacian in one pass, for coords `[..., d]`.

        Derivatives are per `unit` `[d]` of coords, 1 by default. The model must be
        written with `inr.fields.streams`.
        """
        seeded = streams.seed(_checks.as_floating("coords", coords), unit=unit)
        y = self._apply(seeded)
        shape = y.value.shape
        gradient = jnp.broadcast_to(y.gradient, (seeded.value.shape[-1], *shape))
        return Streams(y.value, gradient, jnp.broadcast_to(y.laplacian, shape))

    def cell_mean(self, coords: ArrayLike, cell: ArrayLike) -> Array:
        """Mean over boxes of size `cell` `[d]` around coords `[..., d]`, closed form.

        Exact for families linear in sines (one sine layer and a linear layer).

        Raises:
          ValueError: for any other family.
        """
        cells = streams.seed_cells(jnp.asarray(coords), jnp.asarray(cell))
        return self._apply(cells).value

    def __repr__(self) -> str:
        encoded = "" if self.feature_map is None else ", with a feature map"
        return f"BoundField({_display.params_text(self.model, self.params)}{encoded})"

    def _repr_png_(self) -> bytes | None:
        """Picture of an image field, for notebooks; None for another field."""
        return _display.picture(self)

    def _apply(self, coords: Features, *inputs: Any) -> Any:
        self._check_axes(streams.width(coords))
        if self.feature_map is not None:
            inputs = (self.feature_map, *inputs)
        return self.model.apply(self.params, coords, *inputs)

    def _check_axes(self, ndim: int) -> None:
        """Raise unless this is one field of a family with as many axes of coords."""
        if self.ndim is None:
            return
        shape = self.params["normalization"]["coords_scale"].shape
        if len(shape) > 1:
            fix = (
                "Map a function over them by `jax.vmap`, or take one: "
                "`jax.tree.map(lambda x: x[0], fields)`."
            )
            raise _checks.fail("field", "one field", f"{math.prod(shape[:-1])}", fix)
        if self.ndim != ndim:
            raise _checks.fail("coords", f"[..., {self.ndim}]", f"[..., {ndim}]")


def bind(
    model: nn.Module, params: Params, image: ArrayLike | None = None
) -> BoundField:
    """Combine a model with its parameters into a callable field.

    A conditional model has a method `encode(image) -> feature_map`, is called as
    `model(coords, feature_map)`, and is bound to an image. `bind` runs its encoder
    once.

    Args:
      model: Linen module that maps coords `[..., d]` to features `[..., k]`.
      params: what `model.init(key, coords)` returns, or the `params` of a fit.
      image: input of `model.encode`, for conditional models only.

    Returns:
      A `BoundField`.

    Raises:
      TypeError: if the model is not a Linen module or the params are not a mapping of
        collections.
      ValueError: if an image is given to a model without `encode`, or is missing for a
        model with `encode`; or if the params are those of another model.
    """
    check_module(model)
    check_params(model, params)
    params = jax.tree.map(jnp.asarray, params)
    if not hasattr(model, "encode"):
        if image is not None:
            raise _checks.fail(
                "image", f"None, because {type(model).__name__} has no `encode`", "one"
            )
        return BoundField(model, params)
    if image is None:
        raise _checks.fail("image", f"the input of {type(model).__name__}", "None")
    image = _checks.as_array("image", image)
    try:
        # Images of many sizes then share programs.
        on_host = getattr(model, "encode_on_host", None)
        if on_host is not None and _checks.is_concrete((params, image)):
            return BoundField(model, params, on_host(params, image))
        return BoundField(model, params, encode(model, params, image))
    except errors.FlaxError as error:
        expected = f"those of {type(model).__name__}"
        raise _checks.fail("params", expected, f"others ({error})") from None
