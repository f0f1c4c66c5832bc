"""The networks of the codec, for a range of qualities, as one registered model.

Notation. A weight is what a bit a pixel may cost in mean squared error. A position is
where a weight lies in the model's range, from -1 for the first to 1 for the last, by
its logarithm.
"""

import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks
from inr._typing import Array, ArrayLike, Params
from inr.codec.entropy import Entropy
from inr.codec.pyramid import Latents, zero_latents
from inr.codec.synthesis import Synthesis
from inr.models import ConditionalModel, register

LAST_POINT = 255
"""Files name one of the positions -1, ..., 1, the last by this number."""

_STEPS_GROW = 0.8
"""First change of the logarithms of steps from the middle of the range to its end."""


class Networks(NamedTuple):
    """Parameters of a `Synthesis` and of an `Entropy`."""

    synthesis: Params
    entropy: Params


@register("Codec")
class Codec(ConditionalModel):
    """Networks that decode latents, at any quality of a range.

    Biases, and the steps of latents, are quadratic polynomials of the position of the
    quality in the range. All other parameters are shared.

    Attributes:
      weights: what a bit a pixel may cost in mean squared error, at the best and at the
        worst quality.
    """

    weights: tuple[float, float] = (2e-4, 3e-2)
    task = "codec"

    def __post_init__(self):
        super().__post_init__()
        _checks.check_sequence("weights", self.weights, "two numbers")
        if len(self.weights) != 2:
            raise _checks.fail("weights", "two numbers", self.weights)
        low, high = (_checks.as_positive("weights", w) for w in self.weights)
        if low >= high:
            raise _checks.fail("weights", "increasing", self.weights)

    def setup(self):
        self.synthesis = Synthesis()
        self.entropy = Entropy()
        self.changes = self.param("changes", lambda _: _first_changes())

    def encode(self, image: Latents) -> Array:
        """Feature map of latents, at the middle of the range."""
        return self.synthesis.encode(image)

    def __call__(self, coords: Array, feature_map: Array | Latents) -> Array:
        """RGB `[..., 3]` at coords `[..., 2]`, at the middle of the range."""
        if isinstance(feature_map, tuple):
            self.synthesis.pixels(feature_map)
            self.entropy.bits(feature_map)
        return self.synthesis(coords, feature_map)

    def example_inputs(self) -> tuple:
        """Inputs of `init` behind the key, as shapes: coords and latents."""
        return jax.eval_shape(lambda: (jnp.zeros((1, 2)), zero_latents((8, 8))))

    def position(self, weight: ArrayLike) -> Any:
        """Where a weight lies in the range."""
        low, high = np.log(self.weights)
        return (2 * jnp.log(weight) - low - high) / (high - low)

    def weight(self, point: int) -> float:
        """The weight of the position that a file names."""
        low, high = np.log(self.weights)
        return float(np.exp(low + (high - low) * point / LAST_POINT))

    def point(self, weight: float) -> int:
        """The number in files of the position that is nearest to a weight."""
        share = (1 + float(self.position(weight))) / 2
        return round(LAST_POINT * min(max(share, 0.0), 1.0))


def at_position(params: Params, position: Array | float) -> Networks:
    """The networks of a codec at a position, -1 to 1."""
    arrays = params["params"]
    return Networks(
        *(
            {"params": _change(arrays[name], arrays["changes"][name], position)}
            for name in Networks._fields
        )
    )


def at_point(params: Params, point: int) -> Networks:
    """The same at the position that a file names, on the host.

    Sums and products of float64 are the same on every machine, and so is what they are
    rounded to.
    """
    wide = jax.tree.map(lambda x: np.asarray(x, np.float64), params)
    networks = at_position(wide, 2 * point / LAST_POINT - 1)
    return jax.tree.map(np.float32, networks)


def _change(arrays: Mapping, changes: Mapping, position: Any) -> dict:
    result = {}
    for name, value in arrays.items():
        if isinstance(value, Mapping):
            result[name] = _change(value, changes.get(name, {}), position)
        elif name in changes:
            linear, square = changes[name]
            result[name] = value + position * (linear + position * square)
        else:
            result[name] = value
    return result


def _first_changes() -> dict:
    """Coefficients `[2, ...]` of what depends on the position, as nested as it."""
    latents = zero_latents((8, 8))
    key = jax.random.key(0)

    def select(arrays: Mapping) -> dict:
        result = {}
        for name, value in arrays.items():
            if isinstance(value, Mapping):
                result[name] = select(value)
            elif name.endswith("bias") or name == "log_step":
                change = _STEPS_GROW if name == "log_step" else 0.0
                result[name] = jnp.zeros((2, *value.shape)).at[0].set(change)
        return {name: x for name, x in result.items() if not isinstance(x, dict) or x}

    modules = {"synthesis": (Synthesis, "pixels"), "entropy": (Entropy, "bits")}
    shapes = {
        name: jax.eval_shape(
            lambda m=module, n=method: m(parent=None).init(key, latents, method=n)
        )
        for name, (module, method) in modules.items()
    }
    return {name: select(tree["params"]) for name, tree in shapes.items()}


def identity(params: Params) -> int:
    """A checksum of parameters, by which a file names the model that decodes it."""
    crc = 0
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        crc = zlib.crc32(name.encode() + np.asarray(leaf, "<f2").tobytes(), crc)
    return crc
