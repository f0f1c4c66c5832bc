"""The pure step."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
from support import refuses

import inr
from inr import coords

SMALL = inr.Siren(features=2, width=32, depth=1)


def samples():
    points = coords.grid((16, 16)).reshape(-1, 2)
    return points, jnp.sin(jnp.stack([points.sum(-1), 2 * points[:, 0]], -1))


def test_a_fit_equals_a_loop_of_pure_steps():
    data = samples()
    _, key_steps = jax.random.split(jax.random.key(0))
    options = {"num_steps": 8, "optimizer": 1e-3, "progress": False}
    result = inr.fit(jax.random.key(0), SMALL, data, **options)
    key_init, _ = jax.random.split(jax.random.key(0))
    start = inr.fit(
        jax.random.key(0), SMALL, data, num_steps=1, optimizer=1e-30, progress=False
    )
    state = inr.init_fit(key_init, SMALL, data, init=start.params)
    step = jax.jit(inr.fit_step, static_argnums=2)
    losses = []
    for _ in range(8):
        settings = {"num_steps": 8, "learning_rate": 1e-3}
        state, info = step(key_steps, state, SMALL, data, **settings)
        losses.append(float(info.loss))
    np.testing.assert_allclose(result.history, losses, rtol=1e-5)
    chex.assert_trees_all_close(result.params, state.params, atol=1e-6)


def test_the_step_is_the_gradient_of_the_mean_square():
    model = inr.Siren(width=8, depth=0)
    data = (coords.grid((3, 5)).reshape(-1, 2), jnp.ones((15, 1)))
    optimizer = optax.sgd(0.1)
    state = inr.init_fit(jax.random.key(1), model, data, optimizer=optimizer)

    def loss(params):
        return jnp.mean((model.apply(params, data[0]) - data[1]) ** 2)

    gradient = jax.grad(loss)(state.params)["params"]
    stepped, info = inr.fit_step(
        jax.random.key(2), state, model, data, optimizer=optimizer
    )
    expected = jax.tree.map(lambda p, g: p - 0.1 * g, state.params["params"], gradient)
    chex.assert_trees_all_close(stepped.params["params"], expected, atol=1e-6)
    np.testing.assert_allclose(info.loss, loss(state.params), rtol=1e-6)


def test_an_int_is_no_key():
    model, data = inr.Siren(features=2, width=8), samples()
    with refuses("`key` must be a PRNG key", TypeError):
        inr.init_fit(0, model, data)
