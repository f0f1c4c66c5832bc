"""Search for the latents of a tile: the descent, its schedule and the control of bits.

With a target for the bits, the weight of the bits changes in every step by the ratio of
the present bits to the target, so that one descent ends near it. Bits are those of the
soft latents, times a ratio that is measured on the rounded ones now and then.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from inr import _loop
from inr._typing import Array
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
      step: steps taken.
    """

    descent: Descent
    log_weight: Array
    log_ratio: Array
    step: int


def start(networks: Networks, tile: Array, weight: float) -> SearchState:
    """The state before the first step, for a tile `[h, w, 3]`."""
    latents = _initial(networks, tile)
    descent = start_descent(latents, jnp.float32(0))
    return SearchState(descent, jnp.log(jnp.float32(weight)), jnp.float32(0), 0)


_initial = jax.jit(lambda networks, tile: initial_latents(networks.synthesis, tile))


def advance(
    state: SearchState,
    limit: int,
    *,
    networks: Networks,
    tile: Array,
    total: int,
    target: float | None,
) -> _loop.Chunk:
    """Take up to `limit` of `total` steps; see `_loop`.

    Args:
      state: state after earlier steps.
      limit: number of steps.
      networks: networks of the codec.
      tile: `[h, w, 3]`.
      total: steps of the complete schedule.
      target: bits a pixel at the end; None keeps the weight.
    """

    def step(state: SearchState) -> tuple[SearchState, Array]:
        ratio = state.log_ratio
        descent, log_weight, bits, loss = _step(
            state.descent, state.log_weight, state.log_ratio, networks, tile,
            min(state.step / total, 1.0), target or 0.0, jax.random.key(state.step),
        )  # fmt: skip
        if target and state.step % _STEPS_BETWEEN_ROUNDINGS == 0:
            rounded = rounded_score(networks, descent.latents, tile)
            ratio = jnp.log(rounded.bits.sum() / bits)
        return SearchState(descent, log_weight, ratio, state.step + 1), loss

    return _loop.repeat_on_host(step, state, limit)


@jax.jit
def _step(descent, log_weight, log_ratio, networks, tile, share, target, key):
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
    change = jnp.where(target > 0, _CONTROL_RATE * jnp.clip(excess, -1, 1), 0.0)
    return descent.step(gradients, rate), log_weight + change, bits, value


@jax.jit
def rounded_score(networks: Networks, latents: Latents, tile: Array) -> Score:
    """Score of the rounded latents."""
    return score(networks, jax.tree.map(jnp.round, latents), tile)
