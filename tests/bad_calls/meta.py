"""Calls of `inr.meta`."""

import jax
import jax.numpy as jnp
import numpy as np
from bad_calls.fitting import CHECKPOINT, model
from bad_calls.kinds import (
    COUNT,
    COUNT_OR_ZERO,
    FLAG,
    KEY,
    NAN,
    OMITTED,
    POSITIVE,
    RNG,
    SHARDING,
    VECTOR,
    Lazy,
    choice,
    kind,
    size,
)
from bad_calls.networks import params_of

import inr
from inr import meta

IMAGES = RNG.random((2, 4, 4, 3)).astype(np.float32)
SIGNALS = kind(
    IMAGES,
    number=3,
    none=(),
    empty=[],
    sizes=[IMAGES[0], IMAGES[1, :3]],
    integers=IMAGES.astype(np.int32),
    nan=np.full_like(IMAGES, NAN),
    triple=(IMAGES, IMAGES, IMAGES),
    pair=(IMAGES, IMAGES),
    lengths=(np.zeros((5, 2), np.float32), np.zeros((2, 4, 3), np.float32)),
)


def start():
    params = params_of(model().valid)
    rates = jax.tree.map(jnp.zeros_like, params["params"])
    return inr.Init(model().valid, params, rates)


def modulated_start():
    model = inr.Modulated(features=3, model=inr.Siren(features=3, width=4, depth=1),
                          latent_shape=(2,))  # fmt: skip
    params = params_of(model)
    rates = {"latent": jnp.zeros(2)}
    return inr.Init(model, params, rates)


def start_without_rates():
    return inr.Init(model().valid, params_of(model().valid))


START = kind(
    Lazy(start),
    VECTOR,
    number=3,
    params=Lazy(lambda: params_of(model().valid)),
    without_rates=Lazy(start_without_rates),
)
CALLS = {
    meta.SetEncoder: {
        "width": COUNT.default(),
        "depth": COUNT_OR_ZERO.default(),
        "omega": POSITIVE.default(),
    },
    meta.ConvEncoder: {
        "size": size(32, 32).default(),
        "widths": size(4).default().without("axes"),
    },
    meta.Hypernetwork: {
        "encoder": kind(OMITTED, VECTOR, number=3),
        "model": kind(OMITTED, VECTOR, number=3, unmodulated=inr.Siren()),
    },
    meta.learn_init: {
        "key": KEY,
        "model": model(features=3),
        "signals": SIGNALS,
        "method": choice("noise").default(other="fomaml"),
        "num_steps": COUNT.but(1),
        "inner_steps": COUNT.default(),
        "batch_size": COUNT.default(),
        "num_points": COUNT.optional(),
        "learning_rate": POSITIVE.optional(),
        "sharding": SHARDING,
        "checkpoint": CHECKPOINT,
        "progress": FLAG,
    },
    meta.encode: {
        "start": START.but(Lazy(modulated_start), unmodulated=Lazy(start)),
        "signals": SIGNALS,
        "mask": kind(
            np.ones((4, 4), bool),
            VECTOR,
            number=3,
            integers=np.ones((4, 4), int),
            size=np.ones((4, 5), bool),
            empty=np.zeros((4, 4), bool),
        ).optional(),
        "num_steps": COUNT.optional(),
        "sharding": SHARDING,
    },
    meta.decode: {
        "start": START.but(Lazy(modulated_start), unmodulated=Lazy(start)).without(
            "without_rates"
        ),
        "latents": kind(
            np.zeros((5, 2), np.float32),
            number=3.0,
            integers=np.zeros((5, 2), int),
            shape=np.zeros((2, 5), np.float32),
            axes=np.zeros((1, 5, 2), np.float32),
            nan=np.full((5, 2), NAN),
        ),
    },
    meta.adapt: {
        "start": START,
        "signals": SIGNALS,
        "num_steps": COUNT.default(),
        "sharding": SHARDING,
    },
}
