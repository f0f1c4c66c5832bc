"""The option `init`: parameters, an `Init`, or the name of a shipped start."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from support import refuses

import inr
from inr.fitting import resolve_start

MODEL = inr.Siren(features=1, width=8, depth=1, omega=5.0)
STILL = optax.set_to_zero()
OPTIONS = {"num_steps": 1, "progress": False, "optimizer": STILL}


@pytest.fixture(scope="module")
def start():
    params = MODEL.init(jax.random.key(3), jnp.zeros((1, 2)))
    params["normalization"]["features_shift"] = jnp.full((1,), 0.3)
    return inr.Init(MODEL, params)


@pytest.fixture(scope="module")
def samples():
    return inr.coords.grid((4, 4)).reshape(-1, 2), jnp.ones((16, 1))


def test_a_fit_starts_from_the_parameters_and_normalization(start, samples, key):
    result = inr.fit(key, None, samples, init=start, **OPTIONS)
    assert result.field.model == MODEL
    chex.assert_trees_all_equal(result.params, start.params)
    image = jnp.ones((4, 4, 1))
    result = inr.fit_image(key, image, init=start, **OPTIONS)
    assert result.field.model == MODEL
    chex.assert_trees_all_equal(result.params, start.params)


def test_all_fields_of_fit_many_start_from_one_start(start, samples, key):
    coords, features = samples
    signals = coords, jnp.stack([features, 2 * features, 3 * features])
    result = inr.fit_many(key, None, signals, init=start, **OPTIONS)
    expected = jax.tree.map(lambda x: np.stack([x] * 3), start.params)
    chex.assert_trees_all_equal(result.params, expected)


def test_a_start_of_another_model_is_refused(start, samples, key):
    with refuses("`model` must be that of `init`"):
        inr.fit(key, MODEL.clone(omega=6.0), samples, init=start)
    with refuses("`init` must be those of Siren"):
        wider = inr.Init(MODEL.clone(width=9), start.params)
        inr.fit(key, None, samples, init=wider)
    with refuses("features=3", ValueError):
        inr.fit_image(key, jnp.ones((4, 4, 3)), init=start)


def test_names_of_starts(samples, key):
    with refuses("`init` must be one of"):
        inr.fit(key, MODEL, samples, init="unknown")
    with refuses("`init` must be the name of a start"):
        inr.fit(key, None, samples, init="upscale")


def test_without_a_start_nothing_is_resolved(start):
    assert resolve_start(MODEL, None) == (MODEL, None)
    assert resolve_start(MODEL, start.params) == (MODEL, start.params)
    assert resolve_start(None, None) == (None, None)


def test_a_start_is_a_tree_of_its_arrays(start):
    doubled = jax.tree.map(lambda x: 2 * x, start)
    assert doubled.model == MODEL
    chex.assert_trees_all_equal(
        doubled.params, jax.tree.map(lambda x: 2 * x, start.params)
    )
