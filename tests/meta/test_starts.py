"""Learned starts."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import coords as _coords, meta

MODEL = inr.Siren(features=1, width=16, depth=1, omega=6.0)
OPTIONS = {"num_steps": 60, "learning_rate": 3e-3, "progress": False}


def waves(key, count):
    """Images 12x12 of one wave with a random phase and amplitude."""
    coords = np.asarray(_coords.grid((12, 12)))
    phase, scale = np.asarray(jax.random.uniform(key, (2, count, 1, 1, 1)))
    wave = np.sin(4 * coords[..., :1] + 3 * coords[..., 1:] + 6 * phase)
    return 0.5 + 0.4 * (0.3 + 0.7 * scale) * wave


TRAIN, HELD_OUT = waves(jax.random.key(5), 8), waves(jax.random.key(6), 4)


@functools.cache
def start(method, num_points=None):
    key = jax.random.key(0)
    return meta.learn_init(
        key, MODEL, TRAIN, method=method, num_points=num_points, **OPTIONS
    )


def error_of(fields):
    points = _coords.grid((12, 12)).reshape(-1, 2)
    prediction = jax.vmap(lambda field: field(points))(fields)
    return float(np.square(prediction - HELD_OUT.reshape(4, -1, 1)).mean())


@pytest.mark.long
@pytest.mark.slow
def test_maml_adapts_better_than_it_did_before_learning():
    """The same three steps with the initial rates, from random parameters."""
    trained = start("maml")
    params = MODEL.init(jax.random.key(1), jnp.zeros((1, 2)))
    params = {**params, "normalization": trained.params["normalization"]}
    rates = jax.tree.map(lambda x: jnp.full_like(x, 1e-3), params["params"])
    untrained = inr.Init(MODEL, params, rates)
    before = error_of(meta.adapt(untrained, HELD_OUT))
    after = error_of(meta.adapt(trained, HELD_OUT))
    assert after < 0.5 * before


@pytest.mark.long
@pytest.mark.slow
def test_adapting_is_gradient_descent_with_the_learned_rates():
    trained = start("maml")
    points = _coords.grid((12, 12)).reshape(-1, 2)
    scale = trained.params["normalization"]["features_scale"]
    layers = trained.params["params"]
    target = HELD_OUT[1].reshape(-1, 1)

    def loss(layers):
        prediction = MODEL.apply({**trained.params, "params": layers}, points)
        return jnp.square((prediction - target) / scale[None]).mean()

    for _ in range(2):
        gradient = jax.grad(loss)(layers)
        layers = jax.tree.map(
            lambda x, r, g: x - r * g, layers, trained.rates, gradient
        )
    field = jax.tree.map(lambda x: x[1], meta.adapt(trained, HELD_OUT, num_steps=2))
    chex.assert_trees_all_close(field.params["params"], layers, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["shared", "noise"])
def test_a_start_has_finite_parameters_of_the_model(method):
    learned = start(method)
    field = inr.bind(learned.model, learned.params)
    assert learned.rates is None
    assert np.isfinite(field(jnp.zeros((1, 2)))).all()


def test_the_last_layer_of_a_shared_start_is_new_for_every_signal():
    """Only the encoder is fitted jointly: one head could not fit all signals."""
    trained = start("shared")
    options = {"num_steps": 10, "progress": False, "points": "pixels"}
    key = jax.random.key(2)

    def error(init):
        fits = [inr.fit_image(key, x, model=MODEL, init=init, **options)
                for x in HELD_OUT]  # fmt: skip
        return np.mean([fit.history[-1] for fit in fits])

    assert error(trained) < error(None)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("method", ["reptile", "first_order_maml"])
@pytest.mark.parametrize("num_points", [None, 32])
def test_other_methods_give_finite_starts(method, num_points):
    learned = start(method, num_points)
    assert (learned.rates is None) == (method == "reptile")
    chex.assert_tree_all_finite(learned.params)


def test_bad_signals_are_refused_by_number():
    learn = functools.partial(meta.learn_init, jax.random.key(0), MODEL, **OPTIONS)
    with refuses("`signals` must be at least one signal"):
        learn([])
    with refuses(r"\(8, 12, 1\) at 2"):
        learn([TRAIN[0], TRAIN[1], TRAIN[2, :8]])
    with refuses("NaN or infinity in signal 700"):
        features = np.zeros((1000, 4, 1), np.float32)
        features[700, 2] = np.nan
        learn((np.zeros((4, 2), np.float32), features))
    with refuses("features=1"):
        learn(np.zeros((2, 4, 4, 3), np.float32))
    with refuses("`model` must be one whose last layer"):
        meta.learn_init(jax.random.key(0), _Headless(), TRAIN, num_steps=1)


class _Headless(inr.fields.FieldModule):
    def network(self, x):
        return inr.fields.Affine(self.features, name="only")(x)


def test_adapting_needs_rates():
    params = MODEL.init(jax.random.key(1), jnp.zeros((1, 2)))
    with refuses("`start` must be an `Init` with rates"):
        meta.adapt(inr.Init(MODEL, params), HELD_OUT)
