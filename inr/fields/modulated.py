"""Modulated fields: one network for many signals [Dupont et al. 2022].

A latent of k numbers changes the layers of a family, so that one network and a latent
for each signal are many fields (functa, arXiv:2201.12204; COIN++, arXiv:2201.12904).
`inr.fields.modulation` has the ways to change them. A grid of latents gives each point
the latent interpolated at it (spatial functa, arXiv:2302.03130).
"""

import functools
import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any, get_args

import jax.numpy as jnp
from flax import linen as nn, traverse_util

from inr import _checks
from inr._registry import register
from inr._typing import Array, Key, Params
from inr.fields import streams
from inr.fields.base import FieldModule
from inr.fields.bound import BoundField
from inr.fields.layers import Affine
from inr.fields.modulation import Modulation, init_maps, modulate
from inr.fields.siren import Siren
from inr.fields.streams import Features


@register("Modulated")
class Modulated(FieldModule):
    """A family whose layers are changed by a latent: one network, many fields.

    `inr.meta.learn_init` learns the network from many signals, and `inr.meta.encode`
    the latent of one signal. The latent is the parameter `latent`, zero at first.

    Attributes:
      features: output features, k, those of `model`.
      model: the family that is modulated. Its layers are those with a kernel and a
        bias; the one named `linear` is the last one.
      latent_shape: `(k,)`, one latent for the whole field; or `(*grid, k)` with one
        number for each axis of the coords, such as `(8, 8, 16)`: latents at the centers
        of a grid of cells over [-1, 1], between which a point interpolates smoothly.
      modulation: what the latent changes. `"shift"` adds to the biases of all hidden
        layers; `"low_rank"` adds a product of two matrices to the kernel of the second
        layer; `"weights"` adds to every kernel and bias, by as many parameters as the
        family has, times k. A grid needs `"shift"`.
      rank: of the product, for `"low_rank"`.
    """

    model: FieldModule = Siren()
    latent_shape: tuple[int, ...] = (256,)
    modulation: Modulation = "shift"
    rank: int = 16

    def __post_init__(self):
        super().__post_init__()
        _checks.check_type("model", self.model, FieldModule)
        if self.model.features != self.features:
            got = f"features={self.features} and a model of {self.model.features}"
            raise _checks.fail("features", "those of `model`", got)
        _checks.as_size("latent_shape", self.latent_shape)
        _checks.check_choice("modulation", self.modulation, get_args(Modulation))
        _checks.as_count("rank", self.rank)
        if len(self.latent_shape) > 1 and self.modulation != "shift":
            got = f"{self.modulation!r} for latents {self.latent_shape}"
            raise _checks.fail("modulation", "'shift' for a grid of latents", got)

    @property
    def default_learning_rate(self) -> float:
        """The lowest default rate of the modulated family's layers."""
        rate = self.model.default_learning_rate
        return min(rate.values()) if isinstance(rate, Mapping) else rate

    def network(self, x: Features) -> Features:
        model = self.model.clone(parent=None)
        if self.is_initializing():
            coords = jnp.zeros((1, streams.width(x)), jnp.float32)
            collections = model.init(self.make_rng("params"), coords)
            for name in collections.keys() - {"normalization"}:
                self.put_variable(name, "layers", collections[name])
        # `param` would trace `init` again, at the cost of every layer asked for.
        collections = _inner(self.variables)
        layers = collections["params"]
        maps = self.param("maps", functools.partial(self._init_maps, layers))
        zeros = nn.initializers.zeros
        latent = self.param("latent", zeros, self.latent_shape, jnp.float32)
        if latent.ndim == 1:
            layers = modulate(layers, maps, latent)
            return _apply(model, {**collections, "params": layers}, x)
        if latent.ndim != streams.width(x) + 1:
            expected = f"(*grid, k) with {streams.width(x)} sizes"
            raise _checks.fail("latent_shape", expected, self.latent_shape)
        latents = streams.lift(functools.partial(_interpolate, latent), x)
        with nn.intercept_methods(_shift_with(latents, maps)):
            return _apply(model, collections, x)

    @nn.nowrap
    def decode(self, params: Params, latent: Array) -> BoundField:
        """The field of one latent.

        Args:
          params: collections of this model.
          latent: of `latent_shape`.

        Returns:
          A field of `model` with other layers, for a latent `[k]`; otherwise a field of
          this family.
        """
        tree = params["params"]
        if latent.ndim > 1:
            return BoundField(self, {**params, "params": {**tree, "latent": latent}})
        layers = modulate(tree["layers"], tree["maps"], latent)
        return BoundField(self.model, {**params, **_inner(params), "params": layers})

    def _init_maps(self, layers: Any, key: Key) -> dict[str, Any]:
        k = self.latent_shape[-1]
        maps = init_maps(key, layers, self.modulation, latent_dim=k, rank=self.rank)
        if not maps:
            got = f"{type(self.model).__name__} without"
            raise _checks.fail("model", "a family with hidden `Affine` layers", got)
        return maps


def _inner(collections: Mapping[str, Any]) -> dict[str, Any]:
    """Collections of the modulated family, without a normalization."""
    inner = {name: tree.get("layers") for name, tree in collections.items()}
    return {name: tree for name, tree in inner.items() if tree is not None}


def _apply(model: FieldModule, collections: dict[str, Any], x: Features) -> Any:
    """The modulated family, with the identity as normalization of its own."""
    widths = {"coords": streams.width(x), "features": model.features}
    f32 = jnp.float32
    identity = {f"{name}_scale": jnp.ones(n, f32) for name, n in widths.items()}
    identity |= {f"{name}_shift": jnp.zeros(n, f32) for name, n in widths.items()}
    return model.apply({**collections, "normalization": identity}, x)


def _shift_with(latents: Features, maps: Mapping[str, Any]) -> Callable[..., Any]:
    """Interceptor of method calls that adds omega z S to the output of each layer."""
    shifts: Any = traverse_util.flatten_dict(dict(maps), sep="/")

    def intercept(next_method: Any, args: Any, kwargs: Any, context: Any) -> Any:
        y = next_method(*args, **kwargs)
        layer = context.module
        shift = shifts.get("/".join((*layer.path, "bias")))
        if shift is None or not isinstance(layer, Affine):
            return y
        kernel = layer.factor * shift
        return streams.add(
            y, streams.affine(latents, kernel, precision=layer.precision)
        )

    return intercept


def _interpolate(latents: Array, coords: Array) -> Array:
    """Latents `[*grid, k]` at coords `[..., d]`, with continuous first derivatives."""
    cells, weights = [], []
    for axis, size in enumerate(latents.shape[:-1]):
        position = jnp.clip((coords[..., axis] + 1) / 2 * size - 0.5, 0, size - 1)
        cell = jnp.minimum(jnp.floor(position), max(size - 2, 0))
        t = position - cell
        t = t * t * (3 - 2 * t)
        cells.append(cell.astype(jnp.int32))
        weights.append((1 - t, t))
    total = jnp.zeros((), jnp.result_type(latents, coords))
    for corner in itertools.product((0, 1), repeat=coords.shape[-1]):
        weight = math.prod(w[upper] for w, upper in zip(weights, corner, strict=True))
        pairs = zip(cells, corner, latents.shape[:-1], strict=True)
        vertex = [jnp.minimum(cell + upper, n - 1) for cell, upper, n in pairs]
        total = total + jnp.asarray(weight)[..., None] * latents[tuple(vertex)]
    return total
