"""Search for the latents of a tile: the descent, its schedule and the control of bits.

With a target for the bits, the weight of the bits changes in every step by the ratio of
the present bits to the target, so that one descent ends near it. Bits are those of the
soft latents, times a ratio that is measured on the rounded ones now and then.

Several devices search for one tile each. Then all arrays of tiles and states have a
leading axis of tiles.
"""

import functools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inr import _loop
from inr._sharding import Split, map_rows
from inr._typing import Array, Key
from inr.codec.last_layer import Sums, exact_change, sums_of, with_change
from inr.codec.networks import Networks
from inr.codec.optimization import (
    Descent,
    Score,
    initial_latents,
    round_softly,
    score,
    start_descent,
)
from inr.codec.pyramid import Latents
from inr.codec.synthesis import Synthesis

# At the first and the last step.
_TEMPERATURES = (0.3, 0.1)
_NOISE = (0.2, 0.1)
_RATES = (0.15, 0.01)

_CONTROL_RATE = 0.03
_STEPS_BETWEEN_ROUNDINGS = 10


class SearchState(NamedTuple):
    """State of a search.

    Attributes:
      descent: the latents before rounding.
      log_weight: logarithm of the weight of a bit a pixel.
      log_ratio: logarithm of the bits of the rounded latents over those of the soft
        ones.
      change: of the last layer, `[k, 3]`; see `last_layer`.
      step: steps taken.
    """

    descent: Descent
    log_weight: Array
    log_ratio: Array
    change: Array
    step: int


def start(
    networks: Networks, tile: Array, weight: float, split: Split | None = None
) -> SearchState:
    """The state before the first step; see `advance`."""
    latents = _initial(networks, tile, split)
    zero = jnp.zeros(tile.shape[:-3], jnp.float32)
    log_weight = zero + jnp.log(jnp.float32(weight))
    change = jnp.zeros((*zero.shape, Synthesis.hidden, 3), jnp.float32)
    return SearchState(start_descent(latents, zero), log_weight, zero, change, 0)


def states_of_tiles(state: SearchState) -> list[SearchState]:
    """The state of each tile, on the host."""
    arrays = jax.device_get(state[:-1])
    return [
        SearchState(*jax.tree.map(operator.itemgetter(i), arrays), step=state.step)
        for i in range(len(state.log_weight))
    ]


def _of_each_tile(
    function: Callable[[Any, Any], Any], shared: Any, own: Any, split: Split | None
) -> Any:
    """Call a function of what tiles share and of what each has, on its device."""
    if split is None:
        return function(shared, own)

    def on_device(shared: Any, own: Any) -> Any:
        result = function(shared, jax.tree.map(lambda x: x[0], own))
        return jax.tree.map(lambda x: x[None], result)

    return map_rows(on_device, shared, own, split)


@functools.partial(jax.jit, static_argnames="split")
def _initial(networks: Networks, tile: Array, split: Split | None) -> Latents:
    return _of_each_tile(initial_latents, networks.synthesis, tile, split)


def advance(
    state: SearchState,
    limit: int,
    *,
    networks: Networks,
    tile: Array,
    total: int,
    target: float | None,
    fit: bool = False,
    split: Split | None = None,
) -> _loop.Chunk:
    """Take up to `limit` of `total` steps; see `_loop`.

    Args:
      state: state after earlier steps.
      limit: number of steps.
      networks: networks of the codec.
      tile: `[h, w, 3]`, or `[n, h, w, 3]` for n devices.
      total: steps of the complete schedule.
      target: bits a pixel at the end; None keeps the weight.
      fit: whether the last layer is fitted to the tile now and then, for one device.
      split: shardings of n devices; None for one.
    """

    def step(state: SearchState) -> tuple[SearchState, Array]:
        ratio, change = state.log_ratio, state.change
        descent, log_weight, bits, loss = take_step(
            state, networks, tile, min(state.step / total, 1.0), target or 0.0,
            jax.random.key(state.step), split,
        )  # fmt: skip
        if state.step % _STEPS_BETWEEN_ROUNDINGS == 0:
            latents = descent.latents
            if target:
                rounded = rounded_score(networks, latents, tile, split)
                ratio = jnp.log(rounded.bits.sum(-1) / bits)
            if fit:
                sums = _rounded_sums(networks, latents, tile)
                change = jnp.asarray(exact_change(jax.device_get(sums)))
        state = SearchState(descent, log_weight, ratio, change, state.step + 1)
        return state, np.mean(loss)

    return _loop.repeat_on_host(step, state, limit)


@functools.partial(jax.jit, static_argnames="split")
def take_step(
    state: SearchState,
    networks: Networks,
    tile: Array,
    share: Array | float,
    target: Array | float,
    key: Key,
    split: Split | None = None,
) -> tuple[Descent, Array, Array, Array]:
    """One step, after a share of all of them; see `advance`.

    Returns:
      The descent, the logarithm of the weight, and the bits and the loss before it.
    """
    shared = networks, share, target, key
    return _of_each_tile(_step_of_tile, shared, (*state[:-1], tile), split)


def _step_of_tile(shared: Any, own: Any) -> tuple[Descent, Array, Array, Array]:
    networks, share, target, key = shared
    descent, log_weight, log_ratio, change, tile = own
    networks = with_change(networks, change)
    # Falls as a cosine, so that the last steps settle.
    fall = (1 + jnp.cos(jnp.pi * share)) / 2
    temperature = _TEMPERATURES[0] * (_TEMPERATURES[1] / _TEMPERATURES[0]) ** share
    noise = _NOISE[0] + (_NOISE[1] - _NOISE[0]) * share
    weight = jnp.exp(log_weight)

    def loss(latents: Latents) -> tuple[Array, Score]:
        result = score(networks, round_softly(key, latents, temperature, noise), tile)
        return result.loss(weight), result

    (value, result), gradients = jax.value_and_grad(loss, has_aux=True)(descent.latents)
    rate = _RATES[1] + (_RATES[0] - _RATES[1]) * fall
    bits = result.bits.sum()
    excess = log_ratio + jnp.log(bits / jnp.maximum(target, 1e-6))
    control = jnp.where(target > 0, _CONTROL_RATE * jnp.clip(excess, -1, 1), 0.0)
    return descent.step(gradients, rate), log_weight + control, bits, value


@jax.jit
def _rounded_sums(networks: Networks, latents: Latents, tile: Array) -> Sums:
    return sums_of(networks.synthesis, jax.tree.map(jnp.round, latents), tile)


@functools.partial(jax.jit, static_argnames="split")
def rounded_score(
    networks: Networks, latents: Latents, tile: Array, split: Split | None = None
) -> Score:
    """Score of the rounded latents; see `advance`."""

    def of_tile(networks: Networks, own: tuple[Latents, Array]) -> Score:
        latents, tile = own
        return score(networks, jax.tree.map(jnp.round, latents), tile)

    return _of_each_tile(of_tile, networks, (latents, tile), split)
