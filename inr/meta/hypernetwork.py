"""Hypernetworks: an encoder predicts the latent of a modulated field in one pass."""

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from inr import _checks, coords as _coords
from inr._typing import Array, ArrayLike, Params
from inr.fields import BoundField, Modulated, register, streams
from inr.meta.encoders import SetEncoder
from inr.models import ConditionalModel


@register("meta.Hypernetwork")
class Hypernetwork(ConditionalModel):
    """An encoder and a modulated family: samples of a signal in, a field out.

    `inr.meta.learn_init(method="encoder")` learns it, `inr.meta.encode` returns the
    latents of signals, and `inr.meta.decode` their fields. It is a conditional model
    too: `inr.bind(model, params, image)` is the field of an image.

    With `modulation="weights"` it is the hypernetwork of Sitzmann et al. 2020, section
    4.4, but with a linear map from the latent to the weights; with `"low_rank"` it has
    instance pattern composers [Kim et al. 2023, arXiv:2211.13223].

    Attributes:
      encoder: a module as those of `inr.meta.encoders`, such as a `SetEncoder` or a
        `ConvEncoder`. A linear layer maps its output to the latent.
      model: the modulated family of the fields.
    """

    task: ClassVar[str] = "encode"
    default_learning_rate: ClassVar[float] = 3e-4

    encoder: nn.Module = SetEncoder()
    model: Modulated = Modulated()

    def __post_init__(self):
        super().__post_init__()
        _checks.check_type("encoder", self.encoder, nn.Module)
        _checks.check_type("model", self.model, Modulated)

    def setup(self):
        # Small latents at first, so that all fields begin near the shared one.
        small = nn.initializers.variance_scaling(1e-2, "fan_in", "truncated_normal")
        self.head = nn.Dense(math.prod(self.model.latent_shape), kernel_init=small)

    def encode(self, image: ArrayLike) -> Array:
        """The latent of an image `[h, w, k]`."""
        image = jnp.asarray(image)
        size = image.shape[:2]
        return self.encode_samples(_coords.grid(size), image, jnp.ones(size))

    def encode_samples(self, coords: Array, features: Array, known: Array) -> Array:
        """The latent of samples.

        Args:
          coords: `[*grid, d]`.
          features: `[*grid, k]`; those of unknown samples have no effect.
          known: `[*grid]`, 1 for known samples and 0 for others.

        Returns:
          `[*latent_shape]`.
        """
        normalization = self.model.variables["normalization"]
        leading = (1,) * (features.ndim - 1)
        scale, shift = (
            normalization[f"features_{name}"].reshape(*leading, -1)
            for name in ("scale", "shift")
        )
        vector = self.encoder(coords, (features - shift) / scale, known)
        return self.head(vector).reshape(self.model.latent_shape)

    def __call__(self, coords: streams.Features, latent: Array | None = None) -> Any:
        """Features `[..., k]` at coords `[..., d]`; `init` needs no latent."""
        if self.is_initializing():
            x = self.model(coords)
            d, k = streams.width(coords), self.model.features
            grid = getattr(self.encoder, "size", (1,) * d)
            self.encode_samples(
                jnp.zeros((*grid, d)), jnp.zeros((*grid, k)), jnp.ones(grid)
            )
            return x
        assert latent is not None  # `bind` gives it
        field = self.model.clone(parent=None).decode(self.model.variables, latent)
        return field.model.apply(field.params, coords)

    def example_inputs(self) -> tuple[Any, ...]:
        """Inputs of `init` behind the key, as shapes: coords and a latent."""
        shapes = ((1, 2), self.model.latent_shape)
        return tuple(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes)


def modulated_part(model: nn.Module, params: Params) -> tuple[Any, Params]:
    """The modulated family of a model, or another model itself, and its collections."""
    if not isinstance(model, Hypernetwork):
        return model, params
    parts = {name: tree.get("model") for name, tree in params.items()}
    return model.model, {name: tree for name, tree in parts.items() if tree is not None}


def predict(
    model: Hypernetwork, params: Params, samples: tuple[Array, Array, Array]
) -> BoundField:
    """The field that a hypernetwork predicts from coords, features and weights."""
    latent: Any = model.apply(params, *samples, method="encode_samples")
    modulated, params = modulated_part(model, params)
    return modulated.decode(params, latent)
