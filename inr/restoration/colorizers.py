"""Colors by networks whose layers are sines, ReLUs or both, on the image's own grid.

Notation. L, a, b are CIE Lab of encoded colors. A colorizer sees the lightness of a
gray image, l = L / 50 - 1 in [-1, 1], reduced to `side` pixels, and says (a, b) / 128
on a grid. In between it is interpolated, and joined to the image's own luma: so each is
a conditional model, `inr.bind(colorizer, params, image)` a field of RGB.

The networks are those of a study that put sines into a published convolutional
colorizer [after Wallner 2017, "Coloring grayscale images", the full version]. It fed L
as it is, up to 100, and found that a frequency of 1/30 works in the first layer where
SIREN's 30 does not: since weights from U(-1, 1) make phases of hundreds of radians of
such L, and 1/30 brings them back to a few. `original=True` is that, and learns in some
runs; with l, the usual frequency and initialization do in all.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from inr import _checks
from inr._typing import Array, ArrayLike
from inr.coords import sample_grid
from inr.fields import init
from inr.fields.convolutions import SineConv
from inr.restoration.encoder import FeatureMap, as_gray
from inr.restoration.spaces import lab_of, lightness, with_luma

# Of `Colorizer.activations`: an encoder's eight, the fusion's, a decoder's five.
FULL_RELU = (*("relu",) * 13, "tanh")
SIREN_RELU_SIREN = ("sine", *("relu",) * 12, "sine")
FULL_SIREN = ("sine",) * 14

EMBEDDINGS = ("joint", "zeros", "given")

_ENCODER = (
    *((64, 2), (128, 1), (128, 2), (256, 1)),
    *((256, 2), (512, 1), (512, 1), (256, 1)),
)
_DECODER = (128, 64, 32, 16)


class GridColorizer(nn.Module):
    """What the colorizers share: from an image to their grid, and from it to points."""

    def encode(self, image: ArrayLike, *embedding: Array) -> FeatureMap:
        """Colors on the grid, of a gray image `[h, w, 1]`.

        An embedding that is `"given"` is `[1, embedding_width]`.

        Raises:
          ValueError: for an image of another shape or kind.
        """
        image = as_gray("image", image)
        seen = jax.image.resize(image, (*self.seen_size(image.shape[:2]), 1), "linear")
        return FeatureMap(self.colors(lightness(seen)[None], *embedding)[0], image)

    def __call__(self, coords: Array, feature_map: FeatureMap | ArrayLike) -> Array:
        """RGB `[..., 3]` at coords `[..., 2]`, not clipped, of the image's own luma.

        In place of the feature map an image is encoded first, as `init` needs it.
        """
        if not isinstance(feature_map, FeatureMap):
            feature_map = self.encode(feature_map)
        luma = sample_grid(feature_map.image, coords, interpolation="cubic")
        found = sample_grid(feature_map.features, coords)
        if self.predicts == "ab":
            found = lab_of(luma, found)
        return with_luma(luma, found)


class Colorizer(GridColorizer):
    """A convolutional network, down three times and up twice, with a global embedding.

    With `width=64` and an embedding of 1000 it has 6.54 million parameters, as the
    published one. Its colors are half as fine as what it sees.

    Attributes:
      activations: of its fourteen layers: `"relu"`, `"sine"` or `"tanh"`. See
        `FULL_RELU`, `SIREN_RELU_SIREN` and `FULL_SIREN`.
      width: channels of the first layer, on which all others depend.
      embedding: what is said of the image as a whole. `"joint"`: by a small encoder
        that is trained along; `"zeros"`: nothing; `"given"`: by whoever calls
        `colors`, such as a classifier's features.
      embedding_width: numbers in it.
      omega: frequency of the first sine layer.
      hidden_omega: of the others. Their initialization divides by it, so that it
        changes nothing but how far a step of Adam goes: with 30 fourteen sine layers
        need a rate thirty times lower than ReLUs do.
      original: L as it is, and sines as the study had them: 1/30 and U(-1, 1) in the
        first layer, 1 and He's uniform initialization in the others.
      side: pixels along the longer side of the images that it is trained on.
    """

    activations: tuple[str, ...] = SIREN_RELU_SIREN
    width: int = 64
    embedding: str = "joint"
    embedding_width: int = 128
    omega: float = 30.0
    hidden_omega: float = 1.0
    original: bool = False
    side: int = 128
    predicts = "ab"

    def __post_init__(self):
        super().__post_init__()
        if len(self.activations) != len(FULL_RELU):
            count = f"{len(FULL_RELU)} names"
            raise _checks.fail("activations", count, len(self.activations))
        for name in self.activations:
            _checks.check_choice("activations", name, ("relu", "sine", "tanh"))
        _checks.check_choice("embedding", self.embedding, EMBEDDINGS)
        for name in ("width", "embedding_width", "side"):
            _checks.as_count(name, getattr(self, name))

    def seen_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """What an image is resized to: three times divisible by two."""
        return divisible(size, self.side, 8)

    @nn.compact
    def colors(self, light: Array, embedding: Array | None = None) -> Array:
        """(a, b) / 128, `[n, h / 2, w / 2, 2]`, of l `[n, h, w, 1]`.

        `embedding` is `[n, embedding_width]` where it is `"given"`.
        """
        x = 50 * (light + 1) if self.original else light
        embedding = self._embedding(x, embedding)
        for i, (features, stride) in enumerate(_ENCODER):
            x = self._layer(i, features, x, stride=stride)
        said = jnp.broadcast_to(
            embedding[:, None, None], (*x.shape[:-1], embedding.shape[-1])
        )
        x = self._layer(8, 256, jnp.concatenate([x, said], -1), side=1)
        for i, features in enumerate(_DECODER):
            x = self._layer(9 + i, features, x)
            if i < 2:
                x = jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
        return self._layer(13, None, x)

    def _embedding(self, x: Array, given: Array | None) -> Array:
        shape = (x.shape[0], self.embedding_width)
        if self.embedding == "zeros":
            return jnp.zeros(shape, x.dtype)
        if self.embedding == "given":
            if given is None or given.shape != shape:
                got = "None" if given is None else f"{given.shape}"
                raise _checks.fail("embedding", f"of shape {shape}", got)
            return given
        for i, features in enumerate((32, 64, 128)):
            conv = nn.Conv(features, (3, 3), strides=2, name=f"whole_{i}")
            x = nn.relu(conv(x))
        return nn.Dense(shape[1], name="whole")(x.mean((1, 2)))

    def _layer(
        self,
        i: int,
        features: int | None,
        x: Array,
        *,
        stride: int = 1,
        side: int = 3,
    ) -> Array:
        """The i-th, with features for a width of 64; None for the last's two."""
        last = features is None
        features = 2 if last else max(features * self.width // 64, 1)
        name, activation = f"layer_{i}", self.activations[i]
        he = nn.initializers.he_uniform()
        # Gray at first, whatever the activation.
        small = nn.initializers.variance_scaling(1e-3, "fan_in", "uniform")
        conv = {"kernel_size": (side, side), "strides": stride, "name": name}
        if activation != "sine":
            made = nn.Conv(features, kernel_init=small if last else he, **conv)(x)
            return nn.relu(made) if activation == "relu" else jnp.tanh(made)
        if self.original:
            conv["kernel_init"] = init.uniform(1.0) if i == 0 else he
            conv["bias_init"] = nn.initializers.zeros
            return SineConv(features, omega=1.0 if i else 1 / 30, **conv)(x)
        conv["kernel_init"] = small if last else None
        omega = self.hidden_omega if i else self.omega
        omega = 1.0 if last else omega  # `small` leaves nothing to multiply
        return SineConv(features, omega=omega, first=i == 0, **conv)(x)


def divisible(size: tuple[int, int], side: int, by: int) -> tuple[int, int]:
    """The size whose longer side is about `side`, both sides divisible."""
    h, w = (by * max(round(n / max(size) * side / by), 1) for n in size)
    return h, w
