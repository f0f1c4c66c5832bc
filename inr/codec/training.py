"""Training of the codec's networks: with the latents of many crops, jointly.

Each crop has its own weight for the bits, all over the range of the model.

No network predicts latents. Each crop has its own, which descend together with the
networks, so the networks see what an encoder will send (an auto-decoder, Park et al.
2019, arXiv:1901.05103). A crop is flipped and transposed together with its latents.
"""

import functools
import math
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from inr import _checks, _loop
from inr._field_checks import check_params
from inr._typing import Array, ArrayLike, Key, Params
from inr.codec.networks import Codec, at_position
from inr.codec.optimization import (
    Descent,
    initial_latents,
    round_softly,
    score,
    start_descent,
)
from inr.codec.pyramid import Latents

_TEMPERATURES = (0.35, 0.12)
_NOISE = (0.22, 0.15)
_LATENT_RATES = (0.15, 0.02)
_NETWORK_RATES = (4e-3, 1e-4)

_LOSS_EXPONENT = 0.55
"""The loss grows by about this power of the weight; it is divided by it."""


class _State(NamedTuple):
    params: Params
    optimizer: optax.OptState
    descent: Descent  # of all crops
    step: int


@functools.partial(jax.jit, static_argnums=1)
def init_networks(key: Key, model: Codec) -> Params:
    """Networks before training: a Laplacian pyramid and broad distributions."""
    inputs = jax.tree.map(lambda x: jnp.zeros(x.shape), model.example_inputs())
    return cast(Params, model.init(key, *inputs))


def train_networks(
    key: Key,
    model: Codec,
    crops: ArrayLike,
    *,
    init: Params | None = None,
    num_steps: int = 2000,
    batch_size: int = 24,
    checkpoint: str | None = None,
    progress: bool = True,
) -> Params:
    """Train the networks of the codec.

    Args:
      key: PRNG key.
      model: the codec, with the range of weights that the crops share out.
      crops: `[n, side, side, 3]`, uint8, without compression artifacts. The side is a
        multiple of 64 or a power of two, so that the grids of latents can be flipped.
      init: parameters to start from; None for random ones.
      num_steps: steps.
      batch_size: crops in a step.
      checkpoint: folder to resume from.
      progress: show a bar.

    Returns:
      Parameters for `save_model(path, model, params)`.

    Raises:
      ValueError: for crops of another shape or dtype, a batch larger than their number,
        and a checkpoint of other arguments.
    """
    key = _checks.as_key("key", key)
    _checks.check_type("model", model, Codec)
    crops = _checks.as_numpy("crops", crops, "a uint8 array [n, h, w, 3]")
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[-1] != 3:
        got = f"{crops.dtype} {crops.shape}"
        raise _checks.fail("crops", "uint8 [n, h, w, 3]", got)
    _checks.check_not_empty("crops", crops)
    h, w = crops.shape[1:3]
    if h != w or (h % 64 and h.bit_count() > 1):
        expected = "square, with a side that is a multiple of 64 or a power of two"
        raise _checks.fail("crops", expected, f"{h}x{w}")
    num_steps = _checks.as_count("num_steps", num_steps)
    batch_size = _checks.as_count("batch_size", batch_size, most=len(crops))
    first = init_networks(key, model)
    if init is not None:
        check_params(model, init, argument="init")
        if jax.tree.map(np.shape, init) != jax.tree.map(np.shape, first):
            raise _checks.fail("init", f"parameters of {model}", "others")
        first = init
    weights = _weights(model, len(crops))
    latents = _initial_latents(first, crops, model.position(weights))
    descent = start_descent(latents, jnp.zeros(len(crops)))
    state = _State(
        first, _optimizer(num_steps).init(first), jax.tree.map(np.array, descent), 0,
    )  # fmt: skip
    advance = functools.partial(
        _advance, key=key, model=model, crops=crops, weights=weights, total=num_steps,
        batch=batch_size,
    )  # fmt: skip
    outcome = _loop.drive(
        advance, state, num_steps=num_steps, progress=progress,
        describe=lambda loss: f"loss {float(loss):.5f}",
        arguments={"crops": crops, "weights": weights, "key": key},
        checkpoint=checkpoint,
    )  # fmt: skip
    return outcome.state.params


def _weights(model: Codec, count: int) -> np.ndarray:
    """A weight for each crop, evenly over the range by its logarithm."""
    shares = np.random.default_rng(0).permutation(count) / max(count - 1, 1)
    low, high = np.log(model.weights)
    return np.exp(low + (high - low) * shares).astype(np.float32)


@jax.jit
def _initial_latents(params: Params, crops: Array, positions: Array) -> Latents:
    def one(crop: Array, position: Array) -> Latents:
        synthesis = at_position(params, position).synthesis
        return initial_latents(synthesis, crop.astype(jnp.float32) / 255)

    return jax.vmap(one)(crops, positions)


def _optimizer(total: int) -> optax.GradientTransformation:
    rates = optax.warmup_cosine_decay_schedule(
        _NETWORK_RATES[1],
        _NETWORK_RATES[0],
        min(50, total),
        total + 1,
        _NETWORK_RATES[1],
    )
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rates))


def _advance(state: _State, limit: int, *, key, model, crops, weights, total, batch):
    """Up to `limit` steps; the latents of all crops stay in the host's memory."""

    def step(state: _State) -> tuple[_State, Array]:
        keys = jax.random.split(jax.random.fold_in(key, state.step))
        chosen = jax.random.choice(keys[0], len(crops), (batch,), replace=False)
        chosen = np.asarray(chosen)
        turn = state.step % 8
        params, optimizer, descent, loss = _step(
            state.params, state.optimizer,
            jax.tree.map(lambda x: _turned(x[chosen], turn), state.descent),
            _turned(crops[chosen], turn), weights[chosen], keys[1],
            state.step / total, model, total,
        )  # fmt: skip
        for stored, new in zip(
            jax.tree.leaves(state.descent), jax.tree.leaves(descent), strict=True
        ):
            stored[chosen] = _turned(np.asarray(new), turn, back=True)
        return _State(params, optimizer, state.descent, state.step + 1), loss

    return _loop.repeat_on_host(step, state, limit)


def _turned(x: np.ndarray, turn: int, *, back: bool = False) -> np.ndarray:
    """One of the eight symmetries of a square for arrays `[n, side, side, c]`, or back.

    Other arrays are returned as they are.
    """
    if x.ndim != 4:
        return x
    if turn & 4 and not back:
        x = x.swapaxes(1, 2)
    x = np.flip(x, tuple(axis for axis in (1, 2) if turn & axis))
    return x.swapaxes(1, 2) if turn & 4 and back else x


@functools.partial(jax.jit, static_argnames=("model", "total"))
def _step(params, optimizer, descent, crops, weights, key, share, model, total):
    images = crops.astype(jnp.float32) / 255
    importance = (weights / math.sqrt(math.prod(model.weights))) ** -_LOSS_EXPONENT

    def one(params: Params, values: Latents, image: Array, weight: Array) -> Array:
        networks = at_position(params, model.position(weight))
        return score(networks, values, image).loss(weight)

    def loss(params: Params, latents: Latents) -> Array:
        values = round_softly(
            key, latents, _between(_TEMPERATURES, share), _between(_NOISE, share)
        )
        losses = jax.vmap(one, (None, 0, 0, 0))(params, values, images, weights)
        return (importance * losses).mean()

    value, gradients = jax.value_and_grad(loss, (0, 1))(params, descent.latents)
    updates, optimizer = _optimizer(total).update(gradients[0], optimizer)
    params = optax.apply_updates(params, updates)
    descent = descent.step(gradients[1], _between(_LATENT_RATES, share))
    return params, optimizer, descent, value


def _between(ends: tuple[float, float], share: Array) -> Array:
    return ends[0] + (ends[1] - ends[0]) * share
