"""Modulated fields: one network for many signals [Dupont et al. 2022].

Notation. Layer i of a family computes psi(omega (x W_i + b_i)). A latent z of k numbers
shifts the biases of all hidden layers by linear maps,

    psi(omega (x W_i + b_i + z S_i))

so that one network and a latent for each signal are many fields (functa,
arXiv:2201.12204; COIN++, arXiv:2201.12904). A grid of latents gives each point the
latent interpolated at it (spatial functa, arXiv:2302.03130).
"""

import functools
import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn, traverse_util

from inr import _checks
from inr._registry import register
from inr._typing import Array, Params
from inr.fields import init, streams
from inr.fields.base import FieldModule
from inr.fields.bound import BoundField
from inr.fields.layers import OUTPUT_LAYER, Affine
from inr.fields.siren import Siren
from inr.fields.streams import Features


@register("Modulated")
class Modulated(FieldModule):
    """A family whose hidden layers are shifted by a latent: one network, many fields.

    `inr.meta.learn_init` learns the network from many signals, and `inr.meta.encode`
    the latent of one signal. The latent is the parameter `latent`, zero at first.

    Attributes:
      features: output features, k, those of `model`.
      model: the family that is modulated. Every layer with a kernel and a bias is
        shifted, but not the one named `linear`, the last one.
      latent_shape: `(k,)`, one latent for the whole field; or `(*grid, k)` with one
        number for each axis of the coords, such as `(8, 8, 16)`: latents at the centers
        of a grid of cells over [-1, 1], between which a point interpolates smoothly.
    """

    model: FieldModule = Siren()
    latent_shape: tuple[int, ...] = (256,)

    def __post_init__(self):
        super().__post_init__()
        _checks.check_type("model", self.model, FieldModule)
        if self.model.features != self.features:
            got = f"features={self.features} and a model of {self.model.features}"
            raise _checks.fail("features", "those of `model`", got)
        _checks.as_size("latent_shape", self.latent_shape)

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
        shifts = self.param("shifts", functools.partial(self._init_shifts, layers))
        zeros = nn.initializers.zeros
        latent = self.param("latent", zeros, self.latent_shape, jnp.float32)
        if latent.ndim == 1:
            layers = _shifted(layers, shifts, latent)
            return _apply(model, {**collections, "params": layers}, x)
        if latent.ndim != streams.width(x) + 1:
            expected = f"(*grid, k) with {streams.width(x)} sizes"
            raise _checks.fail("latent_shape", expected, self.latent_shape)
        latents = streams.lift(functools.partial(_interpolate, latent), x)
        with nn.intercept_methods(_shift_with(latents, shifts)):
            return _apply(model, collections, x)

    def _init_shifts(self, layers: Any, key: Array) -> dict[str, Array]:
        """One matrix `[k, width]` for every bias of a hidden layer."""
        biases = _hidden_biases(layers)
        if not biases:
            got = f"{type(self.model).__name__} without"
            raise _checks.fail("model", "a family with hidden `Affine` layers", got)
        keys = jax.random.split(key, len(biases))
        draw = init.fan_in_uniform()
        k = self.latent_shape[-1]
        return {
            name: draw(key, (k, len(bias)), jnp.float32)
            for key, (name, bias) in zip(keys, biases.items(), strict=True)
        }


def with_latent(model: Modulated, params: Params, latent: Array) -> BoundField:
    """The field of one latent.

    Args:
      model: the modulated family.
      params: its collections.
      latent: of `latent_shape`.

    Returns:
      A field of `model.model` whose biases are shifted, for a latent `[k]`; otherwise a
      field of `model`.
    """
    tree = params["params"]
    if latent.ndim > 1:
        return BoundField(model, {**params, "params": {**tree, "latent": latent}})
    layers = _shifted(tree["layers"], tree["shifts"], latent)
    return BoundField(model.model, {**params, **_inner(params), "params": layers})


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


def _hidden_biases(layers: Any) -> dict[str, Array]:
    """Biases of the layers with a kernel, but for the last layer, by path."""
    flat: Any = traverse_util.flatten_dict(dict(layers), sep="/")
    paths = {name.removesuffix("/bias") for name in flat if name.endswith("/bias")}
    return {
        path: flat[f"{path}/bias"]
        for path in sorted(paths - {OUTPUT_LAYER})
        if f"{path}/kernel" in flat
    }


def _shifted(layers: Any, shifts: Mapping[str, Array], latent: Array) -> Any:
    """Layers whose biases are b + z S."""
    flat: Any = traverse_util.flatten_dict(dict(layers), sep="/")
    flat |= {
        f"{path}/bias": flat[f"{path}/bias"]
        + jnp.dot(latent, shift, precision="highest")
        for path, shift in shifts.items()
    }
    return traverse_util.unflatten_dict(flat, sep="/")


def _shift_with(latents: Features, shifts: Mapping[str, Array]) -> Callable[..., Any]:
    """Interceptor of method calls that adds omega z S to the output of each layer."""

    def intercept(next_method: Any, args: Any, kwargs: Any, context: Any) -> Any:
        y = next_method(*args, **kwargs)
        layer = context.module
        shift = shifts.get("/".join(layer.path))
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
