"""Calls of `inr.meta`."""

import jax
import jax.numpy as jnp
import numpy as np
from bad_calls.fitting import CHECKPOINT, model
from bad_calls.kinds import (
    COUNT,
    FLAG,
    KEY,
    NAN,
    POSITIVE,
    RNG,
    VECTOR,
    Lazy,
    choice,
    kind,
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


def start_without_rates():
    return inr.Init(model().valid, params_of(model().valid))


CALLS = {
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
        "checkpoint": CHECKPOINT,
        "progress": FLAG,
    },
    meta.adapt: {
        "start": kind(
            Lazy(start),
            VECTOR,
            number=3,
            params=Lazy(lambda: params_of(model().valid)),
            without_rates=Lazy(start_without_rates),
        ),
        "signals": SIGNALS,
        "num_steps": COUNT.default(),
    },
}
