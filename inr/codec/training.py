"""Training of the codec's networks: with the latents of many crops, jointly.

No network predicts latents. Each crop has its own, which descend together with the
networks, so the networks see what an encoder will send (an auto-decoder, Park et al.
2019, arXiv:1901.05103).
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from inr import _checks, _loop
from inr._typing import Array, ArrayLike, Key
from inr.codec.entropy import Entropy
from inr.codec.networks import Networks
from inr.codec.optimization import (
    Descent,
    initial_latents,
    round_softly,
    score,
    start_descent,
)
from inr.codec.pyramid import zero_latents
from inr.codec.synthesis import Synthesis

_TEMPERATURES = (0.35, 0.12)
_NOISE = (0.22, 0.15)
_LATENT_RATES = (0.15, 0.02)
_NETWORK_RATES = (4e-3, 1e-4)


_initial_latents = jax.jit(jax.vmap(initial_latents, (None, 0)))


class _State(NamedTuple):
    networks: Networks
    optimizer: optax.OptState
    descent: Descent  # of all crops
    step: int


@jax.jit
def init_networks(key: Key) -> Networks:
    """Networks before training: a Laplacian pyramid and broad distributions."""
    latents = zero_latents((8, 8))
    keys = jax.random.split(key)
    return Networks(
        Synthesis().init(keys[0], latents, method="pixels"),
        Entropy().init(keys[1], latents, method="bits"),
    )


def train_networks(
    key: Key,
    crops: ArrayLike,
    *,
    weight: float,
    init: Networks | None = None,
    num_steps: int = 2000,
    batch_size: int = 24,
    checkpoint: str | None = None,
    progress: bool = True,
) -> Networks:
    """Train the networks of the codec.

    Args:
      key: PRNG key.
      crops: `[n, h, w, 3]`, uint8, without compression artifacts.
      weight: what a bit a pixel may cost in mean squared error.
      init: networks to start from; None for `init_networks`.
      num_steps: steps.
      batch_size: crops in a step.
      checkpoint: folder to resume from.
      progress: show a bar.

    Returns:
      The networks.

    Raises:
      ValueError: for crops of another shape or dtype, a batch larger than their number,
        and a checkpoint of other arguments.
    """
    key = _checks.as_key("key", key)
    crops = _checks.as_numpy("crops", crops, "a uint8 array [n, h, w, 3]")
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[-1] != 3:
        got = f"{crops.dtype} {crops.shape}"
        raise _checks.fail("crops", "uint8 [n, h, w, 3]", got)
    _checks.check_not_empty("crops", crops)
    weight = _checks.as_positive("weight", weight)
    num_steps = _checks.as_count("num_steps", num_steps)
    batch_size = _checks.as_count("batch_size", batch_size, most=len(crops))
    if init is not None:
        _checks.check_type("init", init, Networks)
    networks = init_networks(key) if init is None else init
    latents = _initial_latents(networks.synthesis, crops.astype(np.float32) / 255)
    descent = start_descent(latents, jnp.zeros(len(crops)))
    state = _State(
        networks, _optimizer(num_steps).init(networks),
        jax.tree.map(np.array, descent), 0,
    )  # fmt: skip
    advance = functools.partial(
        _advance, key=key, crops=crops, weight=weight, total=num_steps, batch=batch_size
    )
    outcome = _loop.drive(
        advance, state, num_steps=num_steps, progress=progress,
        describe=lambda loss: f"loss {float(loss):.5f}",
        arguments={"crops": crops, "weight": weight, "key": key},
        checkpoint=checkpoint,
    )  # fmt: skip
    return outcome.state.networks


def _optimizer(total: int) -> optax.GradientTransformation:
    rates = optax.warmup_cosine_decay_schedule(
        _NETWORK_RATES[1],
        _NETWORK_RATES[0],
        min(50, total),
        total + 1,
        _NETWORK_RATES[1],
    )
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rates))


def _advance(state: _State, limit: int, *, key, crops, weight, total, batch):
    """Up to `limit` steps; the latents of all crops stay in the host's memory."""

    def step(state: _State) -> tuple[_State, Array]:
        keys = jax.random.split(jax.random.fold_in(key, state.step))
        chosen = jax.random.choice(keys[0], len(crops), (batch,), replace=False)
        chosen = np.asarray(chosen)
        networks, optimizer, descent, loss = _step(
            state.networks, state.optimizer,
            jax.tree.map(lambda x: x[chosen], state.descent), crops[chosen], keys[1],
            state.step / total, weight, total,
        )  # fmt: skip
        for stored, new in zip(
            jax.tree.leaves(state.descent), jax.tree.leaves(descent), strict=True
        ):
            stored[chosen] = new
        return _State(networks, optimizer, state.descent, state.step + 1), loss

    return _loop.repeat_on_host(step, state, limit)


@functools.partial(jax.jit, static_argnames="total")
def _step(networks, optimizer, descent, crops, key, share, weight, total):
    images = crops.astype(jnp.float32) / 255

    def loss(networks: Networks, latents) -> Array:
        values = round_softly(
            key, latents, _between(_TEMPERATURES, share), _between(_NOISE, share)
        )
        scores = jax.vmap(score, (None, 0, 0))(networks, values, images)
        return scores.error.mean() + weight * scores.bits.sum(-1).mean()

    value, gradients = jax.value_and_grad(loss, (0, 1))(networks, descent.latents)
    updates, optimizer = _optimizer(total).update(gradients[0], optimizer)
    networks = optax.apply_updates(networks, updates)
    descent = descent.step(gradients[1], _between(_LATENT_RATES, share))
    return networks, optimizer, descent, value


def _between(ends: tuple[float, float], share: Array) -> Array:
    return ends[0] + (ends[1] - ends[0]) * share
