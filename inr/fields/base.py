"""What every family shares: normalization of coords and features, and binding.

A family is a frozen Linen module with one method to write, `network`, which maps
normalized coords to normalized features with the functions of `inr.fields.streams`.
Its parameters are two collections: `params`, which is optimized, and `normalization`,
affine maps that are the identity from `init` and are set from the data by `fit`. So a
field speaks the user's units, and its derivatives are with respect to the user's
coords.
"""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from inr import _checks
from inr._typing import Array, ArrayLike, Params
from inr.fields import streams
from inr.fields.streams import Features, Streams


class FieldModule(nn.Module):
    """Base of the field families: coords `[..., d]` to features `[..., k]`.

    Attributes:
      features: number of output features, k.
    """

    features: int = 1

    def __post_init__(self):
        super().__post_init__()
        for name, least in (("features", 1), ("width", 1), ("depth", 0)):
            if hasattr(self, name):
                _checks.as_count(name, getattr(self, name), least=least)

    @nn.compact
    def __call__(self, coords: Features) -> Features:
        """Features at `coords`, or their `Streams` where coords are seeded."""
        x = self._normalize("coords", coords)
        return self._normalize("features", self.network(x))

    def network(self, x: Features) -> Features:
        """The family itself, on normalized coords, written with `streams`."""
        raise NotImplementedError

    def _normalize(self, name: str, x: Features) -> Features:
        shape, f32 = (jax.tree.leaves(x)[0].shape[-1],), jnp.float32
        scale = self.variable("normalization", f"{name}_scale", jnp.ones, shape, f32)
        shift = self.variable("normalization", f"{name}_shift", jnp.zeros, shape, f32)
        return streams.translate(streams.multiply(x, scale.value), shift.value)


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("params", "feature_map"),
    meta_fields=("model",),
)
@dataclass(frozen=True)
class BoundField:
    """A model with its parameters: a callable that is a pytree. Made by `bind`.

    It passes through `jit`, `grad` and `vmap` (stacked leaves are a batch of fields).

    Attributes:
      model: the Linen module, static; equal modules do not retrace.
      params: what `model.init` returned, or a fit's `params`.
      feature_map: what `model.encode` made of the image, for a conditional model.
    """

    model: nn.Module
    params: Params
    feature_map: Any = None

    def __call__(self, coords: ArrayLike, *inputs: Any) -> Array:
        """Features `[..., k]` at coords `[..., d]`.

        A model with further inputs, such as a denoiser's time, takes them behind.
        """
        condition = (*self._condition(), *inputs)
        return self.model.apply(self.params, jnp.asarray(coords), *condition)

    def streams(self, coords: ArrayLike, *, unit: Array | None = None) -> Streams:
        """Value, gradient and Laplacian in one pass, with respect to coords `[..., d]`.

        Derivatives are per `unit` `[d]` of coords, 1 by default. Only for families
        written with `inr.fields.streams`.
        """
        seeded = streams.seed(_checks.as_floating("coords", coords), unit=unit)
        y = self.model.apply(self.params, seeded, *self._condition())
        shape = y.value.shape
        gradient = jnp.broadcast_to(y.gradient, (seeded.value.shape[-1], *shape))
        return Streams(y.value, gradient, jnp.broadcast_to(y.laplacian, shape))

    def cell_mean(self, coords: ArrayLike, cell: ArrayLike) -> Array:
        """Mean over boxes of size `cell` `[d]` around coords `[..., d]`, closed form.

        Exact for families linear in sines (one sine layer and a linear one).

        Raises:
          ValueError: for any other family.
        """
        cells = streams.seed_cells(jnp.asarray(coords), jnp.asarray(cell))
        return self.model.apply(self.params, cells, *self._condition()).value

    def _condition(self) -> tuple[Any, ...]:
        return () if self.feature_map is None else (self.feature_map,)


def bind(
    model: nn.Module, params: Params, image: ArrayLike | None = None
) -> BoundField:
    """A model with its parameters as one callable field.

    A conditional model has a method `encode(image) -> feature_map`, is called as
    `model(coords, feature_map)`, and is bound to an image: its encoder runs once, here.

    Args:
      model: a Linen module that maps coords `[..., d]` to features `[..., k]`.
      params: what `model.init(key, coords)` returns, or the `params` of a fit.
      image: for a conditional model only, what its `encode` takes.

    Returns:
      A `BoundField`.

    Raises:
      TypeError: if the model is not a Linen module or the params are not a mapping of
        collections.
      ValueError: if an image is given to a model that has no `encode`, or the other
        way round.
    """
    check_module(model)
    if not (hasattr(params, "keys") and "params" in params):
        raise TypeError(
            "`params` must be what `model.init` returns, a mapping with the collection "
            f"'params', got {_describe(params)}."
        )
    params = jax.tree.map(jnp.asarray, params)
    conditional = hasattr(model, "encode")
    if conditional != (image is not None):
        raise ValueError(
            f"`image` must be given for a model with `encode` and only for one, got "
            f"{'none' if image is None else 'one'} for {type(model).__name__}."
        )
    if not conditional:
        return BoundField(model, params)
    return BoundField(model, params, _encode(model, params, jnp.asarray(image)))


def check_module(model: Any) -> None:
    """`model` must be a Linen module that hashes by value, to be static under `jit`."""
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"`model` must be a flax.linen module, got {type(model).__name__}. "
            "A plain function of coords is a field already and needs no binding."
        )
    try:
        hash(model)
    except TypeError:
        raise TypeError(
            f"`model` must be hashable, got a {type(model).__name__} with attributes "
            "that are not. Give tuples in place of lists and arrays."
        ) from None


@functools.partial(jax.jit, static_argnums=0)
def _encode(model: nn.Module, params: Params, image: Array) -> Any:
    return model.apply(params, image, method="encode")


def encoding_bytes(
    model: nn.Module, params: Params, image: jax.ShapeDtypeStruct
) -> int:
    """What `bind` allocates for an image of that shape: the map, and while it works."""
    lowered = _encode.lower(model, params, image)
    memory = lowered.compile().memory_analysis()
    return memory.temp_size_in_bytes + memory.output_size_in_bytes


def _describe(params: Any) -> str:
    keys = list(params.keys()) if hasattr(params, "keys") else None
    return type(params).__name__ if keys is None else f"the keys {keys}"
