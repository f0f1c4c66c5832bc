"""The protocol of conditional models: an image in, a field out.

A conditional model encodes an image once. Its output at a point depends on the encoded
image and on that point alone, so `inr.bind(model, params, image)` is a field like any
other: it renders at any size, and passes through `jit`, `vmap` and `grad`.
"""

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from inr import _checks, _conversions, _display
from inr._typing import Array, ArrayLike, ImageLike


class FeatureMap(NamedTuple):
    """Encoder output that a decoder reads.

    Attributes:
      features: `[h', w', k]`, on the encoder's grid.
      image: `[h, w, c]`, the input image, or a finer image that the decoder refines.
    """

    features: Array
    image: Array

    def __repr__(self) -> str:
        return _display.attributes_text(self)


class ConditionalModel(nn.Module):
    """Base of the models that predict a field from an image.

    A subclass writes `encode` and `__call__`, and sets `task`. Decorate it with
    `inr.models.register`, and every verb and file function accepts it:

    >>> import inr, jax, jax.numpy as jnp
    >>> from flax import linen as nn
    >>> @inr.models.register("doctest.Tint")
    ... class Tint(inr.models.ConditionalModel):
    ...     task = "colorize"
    ...     image_channels = 1
    ...
    ...     def encode(self, image):
    ...         return inr.models.FeatureMap(image, image)
    ...
    ...     @nn.compact
    ...     def __call__(self, coords, feature_map):
    ...         if not isinstance(feature_map, inr.models.FeatureMap):
    ...             feature_map = self.encode(feature_map)
    ...         luma = inr.coords.sample_grid(feature_map.image, coords)
    ...         return luma + 0.01 * nn.Dense(3)(luma)
    >>> model = Tint()
    >>> gray = jnp.full((6, 8, 1), 0.5)
    >>> params = model.init(jax.random.key(0), jnp.zeros((1, 2)), gray)
    >>> loaded = inr.models.LoadedModel(model, params)
    >>> inr.colorize(gray, model=loaded, progress=False).shape
    (6, 8, 3)

    Attributes:
      task: verb that uses the model: `"colorize"`, `"colorize_samples"` or `"upscale"`.
      image_channels: channels of the images that `encode` takes.
    """

    task: ClassVar[str] = ""
    image_channels: ClassVar[int] = 3

    def __repr__(self) -> str:
        return _display.module_text(self)

    def encode(self, image: ArrayLike) -> Any:
        """Feature map of an image `[h, w, c]`; any pytree."""
        raise NotImplementedError

    # A model may also have `encode_on_host(params, image)`, which `bind` calls for
    # concrete arrays: a feature map by programs that images of many sizes share.

    def __call__(self, coords: Array, feature_map: Any) -> Array:
        """Features `[..., k]` at coords `[..., 2]`.

        `init` passes an image in place of the feature map; encode it then.
        """
        raise NotImplementedError

    def shared_variables(self) -> dict[str, Any]:
        """Collections of variables that come with the library and are in no file.

        `load_model` adds them to the parameters, and trainings leave them as they are.
        """
        return {}

    def example_inputs(self) -> tuple[Any, ...]:
        """Inputs of `init` behind the key, as shapes: coords and an image."""
        shapes = ((1, 2), (4, 4, self.image_channels))
        return tuple(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes)

    def for_image(self, image: Array | np.ndarray) -> "ConditionalModel":
        """The module with the hyperparameters that suit an image `[h, w, c]`.

        Verbs call it before they bind. Parameters must not depend on the result.
        """
        del image
        return self


def as_gray(argument: str, value: ImageLike) -> Array:
    """Return a value as a floating gray image; for the `encode` of your own models.

    Args:
      argument: name of the argument, for errors.
      value: `[h, w]` or `[h, w, 1]`, as `inr.colorize` accepts it.

    Returns:
      `[h, w, 1]`, float32 or float64.

    Raises:
      ValueError: for an image with more channels, or one that `as_image` refuses.
    """
    image = _conversions.as_image(argument, value)
    if image.shape[-1] != 1:
        fix = _conversions.channels_fix(image.shape)
        fix = fix or "Give `inr.color.rgb_to_luma(image)`."
        raise _checks.fail(argument, "gray, [h, w] or [h, w, 1]", image.shape, fix)
    return image
