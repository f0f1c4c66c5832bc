"""How a latent changes the layers of a network.

Notation. Layer i computes psi(omega (x W_i + b_i)), and z is a latent of k numbers.

- shift: b_i + z S_i for all hidden layers [Dupont et al. 2022, arXiv:2201.12204].
- low_rank: W_1 + U V(z) for the second layer alone, where V is linear in z and U is
  shared [instance pattern composers, Kim et al. 2023, arXiv:2211.13223].
- weights: W_i + K_i(z) and b_i + z S_i for all layers, the last one too: a linear
  hypernetwork [Ha et al. 2016, arXiv:1609.09106; Sitzmann et al. 2020, section 4.4].
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import traverse_util

from inr._typing import Array, Key
from inr.fields.layers import OUTPUT_LAYER

Modulation = Literal["shift", "low_rank", "weights"]
"""What a latent changes: biases, one kernel by a product, or everything."""

Layers = Mapping[str, Any]

# Standard deviation of a shift by a latent of one 1, as in COIN++ with 512 numbers. It
# does not depend on k, so that neither do rates of gradient descent on the latent.
_SHIFT = 0.025


def init_maps(
    key: Key, layers: Layers, modulation: Modulation, *, latent_dim: int, rank: int
) -> dict[str, Any]:
    """Draw the linear maps of a latent.

    A standard normal latent changes kernels by about their own size.

    Args:
      key: PRNG key.
      layers: the collection `params` of a network.
      modulation: what a latent changes.
      latent_dim: k.
      rank: of the product, for `"low_rank"`.

    Returns:
      Arrays in the tree of `layers`: `[k, *shape]` in the place of an array of that
      shape; for a product `left` `[fan_in, rank]` and `right` `[k, rank, fan_out]` in
      the place of a kernel. Empty if the network has no such layers.
    """
    flat, paths = _flat(layers), _affine_paths(layers)
    hidden = [path for path in paths if path != OUTPUT_LAYER]
    if modulation == "low_rank":
        return _unflat(_init_product(key, flat, hidden[:2][-1:], latent_dim, rank))
    arrays = ("bias",) if modulation == "shift" else ("bias", "kernel")
    names = [
        f"{path}/{array}"
        for path in (hidden if modulation == "shift" else paths)
        for array in arrays
    ]
    maps = {}
    for i, name in enumerate(names):
        key_of_map = jax.random.fold_in(key, i)
        shape = (latent_dim, *flat[name].shape)
        if modulation == "shift":
            scale = jnp.float32(_SHIFT)
        else:
            kernel = flat[f"{name.rpartition('/')[0]}/kernel"]
            scale = kernel.std() * latent_dim**-0.5
        maps[name] = _uniform(key_of_map, shape, scale)
    return _unflat(maps)


def modulate(layers: Layers, maps: Layers, latent: Array) -> dict[str, Any]:
    """Layers of one latent.

    Args:
      layers: the collection `params` of a network.
      maps: as `init_maps` returns them.
      latent: `[k]`.

    Returns:
      A tree like `layers`.
    """
    flat, flat_maps = _flat(layers), _flat(maps)
    for name, array in flat_maps.items():
        target, _, factor = name.rpartition("/")
        if factor == "left":
            continue
        change = jnp.tensordot(latent, array, 1, precision="highest")
        if factor == "right":
            left = flat_maps[f"{target}/left"]
            change = jnp.matmul(left, change, precision="highest")
        else:
            target = name
        flat[target] = flat[target] + change
    return _unflat(flat)


def _init_product(
    key: Key, flat: dict[str, Array], paths: list[str], k: int, rank: int
) -> dict[str, Array]:
    maps = {}
    for path in paths:
        name = f"{path}/kernel"
        fan_in, fan_out = flat[name].shape
        left, right = jax.random.split(key)
        scale = flat[name].std() * (rank * k) ** -0.5
        maps[f"{name}/left"] = _uniform(left, (fan_in, rank), jnp.float32(1))
        maps[f"{name}/right"] = _uniform(right, (k, rank, fan_out), scale)
    return maps


def _affine_paths(layers: Layers) -> list[str]:
    """Paths of the layers with a kernel and a bias."""
    flat = _flat(layers)
    paths = {name.removesuffix("/bias") for name in flat if name.endswith("/bias")}
    return [path for path in sorted(paths) if f"{path}/kernel" in flat]


def _uniform(key: Key, shape: tuple[int, ...], scale: Array) -> Array:
    """Uniform numbers of standard deviation `scale`."""
    bound = math.sqrt(3) * scale
    return jax.random.uniform(key, shape, jnp.float32, -1, 1) * bound


def _flat(tree: Layers) -> dict[str, Array]:
    flat: Any = traverse_util.flatten_dict(dict(tree), sep="/")
    return flat


def _unflat(flat: Mapping[str, Array]) -> dict[str, Any]:
    return traverse_util.unflatten_dict(dict(flat), sep="/")
