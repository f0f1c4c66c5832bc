"""The networks of the codec for several qualities, as one registered model."""

import zlib
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks
from inr._typing import Array, Params
from inr.codec.entropy import Entropy
from inr.codec.pyramid import Latents, zero_latents
from inr.codec.synthesis import Synthesis
from inr.models import ConditionalModel, register


class Networks(NamedTuple):
    """Parameters of a `Synthesis` and of an `Entropy`."""

    synthesis: Params
    entropy: Params


@register("Codec")
class Codec(ConditionalModel):
    """Networks that decode latents, one pair for each quality.

    Attributes:
      weights: what a bit a pixel may cost in mean squared error, the pair trained for
        the best quality first.
    """

    weights: tuple[float, ...] = (1e-3,)
    task = "codec"

    def __post_init__(self):
        super().__post_init__()
        _checks.check_sequence("weights", self.weights, "numbers")
        for weight in self.weights or (None,):
            _checks.as_positive("weights", weight)

    def setup(self):
        self.synthesis = [Synthesis() for _ in self.weights]
        self.entropy = [Entropy() for _ in self.weights]

    def encode(self, image: Latents) -> Array:
        """Feature map of latents, by the first pair."""
        return self.synthesis[0].encode(image)

    def __call__(self, coords: Array, feature_map: Array | Latents) -> Array:
        """RGB `[..., 3]` at coords `[..., 2]`, by the first pair."""
        if isinstance(feature_map, tuple):
            for synthesis, entropy in zip(self.synthesis, self.entropy, strict=True):
                synthesis.pixels(feature_map)
                entropy.bits(feature_map)
        return self.synthesis[0](coords, feature_map)

    def example_inputs(self) -> tuple:
        """Inputs of `init` behind the key, as shapes: coords and latents."""
        return jax.eval_shape(lambda: (jnp.zeros((1, 2)), zero_latents((8, 8))))


def pair(params: Params, index: int) -> Networks:
    """The networks for one of a codec's weights."""
    arrays = params["params"]
    return Networks(
        {"params": arrays[f"synthesis_{index}"]}, {"params": arrays[f"entropy_{index}"]}
    )


def join(pairs: list[Networks]) -> Params:
    """The parameters of a codec with these pairs, the inverse of `pair`."""
    arrays = {}
    for i, networks in enumerate(pairs):
        arrays[f"synthesis_{i}"] = networks.synthesis["params"]
        arrays[f"entropy_{i}"] = networks.entropy["params"]
    return {"params": arrays}


def identity(params: Params) -> int:
    """A checksum of parameters, by which a file names the model that decodes it."""
    crc = 0
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        crc = zlib.crc32(name.encode() + np.asarray(leaf, "<f2").tobytes(), crc)
    return crc
