"""Colors by dense sine layers: of an image as one vector, or patch by patch.

The first is a student project's, which memorized the 720 photographs it was trained on.
The second asks the same of small parts, so that what is learned in one place is known
everywhere, and its size does not depend on the image's.
"""

import jax.numpy as jnp
from flax import linen as nn

from inr import _checks
from inr._typing import Array
from inr.fields import init
from inr.fields.convolutions import SineConv
from inr.fields.layers import Affine
from inr.fields.sine import sine
from inr.restoration.colorizers import GridColorizer, divisible


class DenseColorizer(GridColorizer):
    """All pixels' lightness in, all pixels' colors out, by dense sine layers.

    207,062,784 parameters as it is here. They grow with the square of the number of
    pixels, and nothing that is learned in one place is known in another.

    Attributes:
      side: pixels of both sides of the grid, whatever the image's shape.
      width: units of each layer.
      depth: width-to-width layers after the first.
      omega: frequency factor of each layer, which scales gradients.
    """

    side: int = 48
    width: int = 6912
    depth: int = 3
    omega: float = 30.0
    predicts = "rgb"

    def seen_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """What an image is resized to."""
        return self.side, self.side

    @nn.compact
    def colors(self, light: Array) -> Array:
        """RGB `[n, side, side, 3]` of l `[n, side, side, 1]`."""
        x = light.reshape(light.shape[0], -1)
        x = sine_layers(x, self.width, self.depth + 1, self.omega)
        # About mid-gray.
        made = Affine(3 * self.side**2, init.sine_hidden(self.omega), name="linear")(x)
        return 0.5 + made.reshape(-1, self.side, self.side, 3)


class PatchColorizer(GridColorizer):
    """The same for patches, each from what is around it, with weights shared by all.

    Attributes:
      side: pixels along the longer side of the images that it is trained on.
      patch: pixels along a patch's side.
      context: pixels along the side of what is seen of each, the patch in its middle.
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
    predicts = "ab"

    def __post_init__(self):
        super().__post_init__()
        if (self.context - self.patch) % 2 or self.context < self.patch:
            expected = f"{self.patch} and an even number more"
            raise _checks.fail("context", expected, self.context)

    def seen_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """What an image is resized to: whole patches."""
        return divisible(size, self.side, self.patch)

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
        x = sine_layers(x, self.width, self.depth, self.omega)
        kernel_init = nn.initializers.variance_scaling(1e-3, "fan_in", "uniform")
        x = Affine(2 * self.patch**2, kernel_init, name="linear")(x)
        x = x.reshape(n, h // self.patch, w // self.patch, self.patch, self.patch, 2)
        return x.swapaxes(2, 3).reshape(n, h, w, 2)


def sine_layers(x: Array, width: int, count: int, omega: float) -> Array:
    """Dense sine layers for inputs that are no coords. Makes submodules.

    Inputs are many numbers of size one, as features are, and not a few coords: so the
    first layer begins as a hidden one does.
    """
    for i in range(count):
        kernel_init = init.sine_hidden(omega)
        x = sine(Affine(width, kernel_init, factor=omega, name=f"sine_{i}")(x))
    return x
