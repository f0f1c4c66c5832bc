"""A convolutional colorizer whose layers are sines, ReLUs or both.

The networks are those of a study that put sine layers into a published convolutional
colorizer [after Wallner 2017, "Coloring grayscale images", the full version]. Its input
was L itself, up to 100, and it found that a frequency of 1/30 works in the first layer
where SIREN's 30 does not: with weights from U(-1, 1) such inputs cause phases of
hundreds of radians, which 1/30 reduces to a few. `original=True` is that setting; it
learns in some runs. With l in [-1, 1], the usual frequency and initialization learn in
all runs.
"""

from typing import Any, Literal, get_args

import jax.numpy as jnp
from flax import linen as nn

from inr import _checks
from inr._typing import Array, Size
from inr.colorization.grid_colorizer import GridColorizer, divisible_size
from inr.fields import SineConv, init
from inr.models import register

Activation = Literal["relu", "sine", "tanh"]
"""Activation of a layer of a `Colorizer`."""

Embedding = Literal["joint", "zeros", "given"]
"""Embedding of the image in a `Colorizer`."""

Activations = tuple[Activation, ...]

# `Colorizer.activations`: eight of the encoder, one of the fusion, five of the decoder.
_RELUS: Activations = ("relu",) * 12
FULL_RELU: Activations = ("relu", *_RELUS, "tanh")
SIREN_RELU_SIREN: Activations = ("sine", *_RELUS, "sine")
FULL_SIREN: Activations = ("sine",) * 14

# Features for a width of 64, and strides.
_ENCODER = (
    *((64, 2), (128, 1), (128, 2), (256, 1)),
    *((256, 2), (512, 1), (512, 1), (256, 1)),
)
_FUSION = 256
_DECODER = (128, 64, 32, 16)


@register("Colorizer")
class Colorizer(GridColorizer):
    """A convolutional network, down three times and up twice, with a global embedding.

    With `width=64` and an embedding of 1000 it has 6.54 million parameters, as the
    published one. The grid of colors is half as fine as the input.

    Attributes:
      activations: `"relu"`, `"sine"` or `"tanh"` for each of the fourteen layers. See
        `FULL_RELU`, `SIREN_RELU_SIREN` and `FULL_SIREN`.
      width: channels of the first layer; those of the others are proportional.
      embedding: embedding of the image as a whole: `"joint"` is a small encoder that is
        trained with the rest; `"zeros"` is none; `"given"` is a further input of
        `colors`, such as features of a classifier.
      embedding_width: length of the embedding.
      omega: frequency of the first layer, if it is a sine.
      hidden_omega: frequency of the other sine layers. Their initialization divides by
        it, so it changes the size of Adam's steps only: with 30, fourteen sine layers
        need a learning rate thirty times lower than ReLUs do.
      original: the study's input L in [0, 100] and its sine layers: frequency 1/30 and
        U(-1, 1) in the first layer, 1 and He's uniform initialization in the others.
      side: pixels along the longer side of the training images.
    """

    activations: Activations = SIREN_RELU_SIREN
    width: int = 64
    embedding: Embedding = "joint"
    embedding_width: int = 128
    omega: float = 30.0
    hidden_omega: float = 1.0
    original: bool = False
    side: int = 128

    def __post_init__(self):
        super().__post_init__()
        _checks.check_sequence("activations", self.activations, "names")
        if len(self.activations) != len(FULL_RELU):
            count = f"{len(FULL_RELU)} names"
            raise _checks.fail("activations", count, len(self.activations))
        for name in self.activations:
            _checks.check_choice("activations", name, get_args(Activation))
        _checks.check_choice("embedding", self.embedding, get_args(Embedding))
        for name in ("width", "embedding_width", "side"):
            _checks.as_count(name, getattr(self, name))
        for name in ("omega", "hidden_omega"):
            _checks.as_positive(name, getattr(self, name))
        _checks.check_flag("original", self.original)

    def example_inputs(self) -> tuple[Any, ...]:
        """As `ConditionalModel`. Raises ValueError for `embedding="given"`."""
        if self.embedding == "given":
            fix = "A file cannot hold this embedding, which is an input."
            expected = '"joint" or "zeros" in a model that is saved or loaded'
            raise _checks.fail("embedding", expected, '"given"', fix)
        return super().example_inputs()

    def input_size(self, size: Size) -> tuple[int, int]:
        """Size to which an image is resized: divisible by eight."""
        return divisible_size(size, self.side, 8)

    @nn.compact
    def colors(self, light: Array, embedding: Array | None = None) -> Array:
        """(a, b) / 128, `[n, h / 2, w / 2, 2]`, of l `[n, h, w, 1]`.

        With `embedding="given"`, `embedding` is `[n, embedding_width]`.
        """
        x = 50 * (light + 1) if self.original else light
        vector = self._embed(x, embedding)[:, None, None]
        for i, (features, stride) in enumerate(_ENCODER):
            x = self._layer(i, features, x, stride=stride)
        tiled = jnp.broadcast_to(vector, (*x.shape[:-1], vector.shape[-1]))
        x = self._layer(8, _FUSION, jnp.concatenate([x, tiled], -1), kernel_side=1)
        for i, features in enumerate(_DECODER):
            x = self._layer(9 + i, features, x)
            if i < 2:
                x = jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
        return self._layer(13, None, x)

    def _embed(self, x: Array, embedding: Array | None) -> Array:
        """The embedding `[n, embedding_width]`."""
        shape = (x.shape[0], self.embedding_width)
        if self.embedding == "zeros":
            return jnp.zeros(shape, x.dtype)
        if self.embedding == "given":
            if embedding is None or embedding.shape != shape:
                got = "None" if embedding is None else f"{embedding.shape}"
                raise _checks.fail("embedding", f"of shape {shape}", got)
            return embedding
        for i, features in enumerate((32, 64, 128)):
            conv = nn.Conv(features, (3, 3), strides=2, name=f"embedding_{i}")
            x = nn.relu(conv(x))
        return nn.Dense(shape[1], name="embedding_3")(x.mean((1, 2)))

    def _layer(
        self,
        i: int,
        features: int | None,
        x: Array,
        *,
        stride: int = 1,
        kernel_side: int = 3,
    ) -> Array:
        """The i-th layer; `features` are for a width of 64, None for the last layer."""
        last = features is None
        features = 2 if last else max(features * self.width // 64, 1)
        name, activation = f"layer_{i}", self.activations[i]
        size = (kernel_side, kernel_side)
        conv: dict[str, Any] = {"kernel_size": size, "strides": stride, "name": name}
        he = nn.initializers.he_uniform()
        # Gray at first, whatever the activation.
        small = nn.initializers.variance_scaling(1e-3, "fan_in", "uniform")
        if activation != "sine":
            y = nn.Conv(features, kernel_init=small if last else he, **conv)(x)
            return nn.relu(y) if activation == "relu" else jnp.tanh(y)
        if self.original:
            conv["kernel_init"] = init.uniform(1.0) if i == 0 else he
            conv["bias_init"] = nn.initializers.zeros
            return SineConv(features, omega=1.0 if i else 1 / 30, **conv)(x)
        conv["kernel_init"] = small if last else None
        omega = self.hidden_omega if i else self.omega
        omega = 1.0 if last else omega  # the small kernel has no 1 / omega to undo
        return SineConv(features, omega=omega, first=i == 0, **conv)(x)
