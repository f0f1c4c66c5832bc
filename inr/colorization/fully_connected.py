"""Colorizers of dense sine layers, for an image as one vector or patch by patch.

The first is that of a student project, which memorized its 720 training photographs.
The second applies such a network to small patches: its weights are shared by all parts
of an image, and their number does not depend on the size of the image.
"""

from typing import cast

import jax.numpy as jnp
from flax import linen as nn

from inr import _checks
from inr._typing import Array, Size
from inr.colorization.grid_colorizer import GridColorizer, divisible_size
from inr.fields import Affine, SineConv, init, sine
from inr.models import register


@register("DenseColorizer")
class DenseColorizer(GridColorizer):
    """Dense sine layers from the lightness of all pixels to the colors of all pixels.

    207,062,784 parameters by default. Their number grows with the square of the number
    of pixels, and nothing learned in one place of an image applies to another.

    Attributes:
      side: pixels along both sides of the grid, whatever the shape of the image.
      width: units of each layer.
      depth: width-to-width layers after the first.
      omega: frequency factor of each layer, which scales gradients.
    """

    side: int = 48
    width: int = 6912
    depth: int = 3
    omega: float = 30.0
    predicts = "rgb"

    def __post_init__(self):
        super().__post_init__()
        for name, least in (("side", 1), ("width", 1), ("depth", 0)):
            _checks.as_count(name, getattr(self, name), least=least)
        _checks.as_positive("omega", self.omega)

    def input_size(self, size: Size) -> tuple[int, int]:
        """Size to which an image is resized."""
        return self.side, self.side

    @nn.compact
    def colors(self, light: Array) -> Array:
        """RGB `[n, side, side, 3]` of l `[n, side, side, 1]`."""
        x = light.reshape(light.shape[0], -1)
        x = _sine_layers(x, self.width, self.depth + 1, self.omega)
        num_colors = 3 * self.side**2
        kernel_init = init.sine_hidden(self.omega)
        x = cast(Array, Affine(num_colors, kernel_init, name="linear")(x))
        # Mid-gray at first.
        return 0.5 + x.reshape(-1, self.side, self.side, 3)


@register("PatchColorizer")
class PatchColorizer(GridColorizer):
    """Dense sine layers from the surroundings of each patch to its colors.

    Attributes:
      side: pixels along the longer side of the training images.
      patch: pixels along a side of a patch.
      context: pixels along a side of the input of a patch, which is in its middle.
      width: units of each layer.
      depth: width-to-width layers after the first.
      omega: frequency factor of each layer, which scales gradients.
    """

    side: int = 48
    patch: int = 4
    context: int = 20
    width: int = 256
    depth: int = 3
    omega: float = 30.0

    def __post_init__(self):
        super().__post_init__()
        for name in ("side", "patch", "context", "width"):
            _checks.as_count(name, getattr(self, name))
        _checks.as_count("depth", self.depth, least=0)
        _checks.as_positive("omega", self.omega)
        if (self.context - self.patch) % 2 or self.context < self.patch:
            expected = f"{self.patch} plus an even number"
            raise _checks.fail("context", expected, self.context)

    def input_size(self, size: Size) -> tuple[int, int]:
        """Size to which an image is resized: divisible by `patch`."""
        return divisible_size(size, self.side, self.patch)

    @nn.compact
    def colors(self, light: Array) -> Array:
        """(a, b) / 128, `[n, h, w, 2]`, of l `[n, h, w, 1]`."""
        n, h, w, _ = light.shape
        margin = (self.context - self.patch) // 2
        x = jnp.pad(light, [(0, 0), *[(margin, margin)] * 2, (0, 0)], mode="edge")
        x = SineConv(
            self.width,
            (self.context, self.context),
            strides=self.patch,
            padding="VALID",
            omega=self.omega,
            name="context",
        )(x)
        x = _sine_layers(x, self.width, self.depth, self.omega)
        kernel_init = nn.initializers.variance_scaling(1e-3, "fan_in", "uniform")
        num_colors = 2 * self.patch**2
        x = cast(Array, Affine(num_colors, kernel_init, name="linear")(x))
        x = x.reshape(n, h // self.patch, w // self.patch, self.patch, self.patch, 2)
        return x.swapaxes(2, 3).reshape(n, h, w, 2)


def _sine_layers(x: Array, num_features: int, num_layers: int, omega: float) -> Array:
    """Dense sine layers for feature vectors. Creates submodules.

    All layers are initialized as hidden ones: the input is many numbers of order 1, as
    features are, and not a few coords.
    """
    for i in range(num_layers):
        kernel_init = init.sine_hidden(omega)
        affine = Affine(num_features, kernel_init, factor=omega, name=f"sine_{i}")
        x = cast(Array, sine(affine(x)))  # an array, since the input is one
    return x
