import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import small_codec

from inr.codec.networks import at_position
from inr.codec.optimization import (
    initial_latents,
    round_straight,
    score,
    soft_round,
    start_descent,
)
from inr.codec.training import init_networks


def test_soft_rounding_is_between_identity_and_rounding():
    x = jnp.linspace(-2.4, 2.4, 97)
    np.testing.assert_allclose(soft_round(x, 50.0), x, atol=1e-3)
    away = jnp.abs(x - jnp.floor(x) - 0.5) > 0.04
    np.testing.assert_allclose(soft_round(x, 0.01)[away], jnp.round(x)[away], atol=1e-3)
    whole = jnp.arange(-3.0, 4.0)
    np.testing.assert_allclose(soft_round(whole, 0.2), whole, atol=1e-6)


def test_straight_rounding_has_the_derivative_of_the_identity():
    x = (jnp.array([0.2, 1.7]),)
    np.testing.assert_array_equal(round_straight(x)[0], [0, 2])
    slope = jax.grad(lambda x: (3 * round_straight(x)[0]).sum())(x)
    np.testing.assert_array_equal(slope[0], [3, 3])


def test_a_descent_is_adam_of_optax():
    latents = jax.tree.map(jnp.asarray, small_codec.latents((6, 5)))
    optimizer = optax.adam(0.1, b2=0.99, eps=1e-12)
    state, expected = optimizer.init(latents), latents
    descent = start_descent(latents, jnp.float32(0))
    for i in range(3):
        gradients = jax.tree.map(lambda x, i=i: x * (i + 1) + 0.3, latents)
        updates, state = optimizer.update(gradients, state)
        expected = optax.apply_updates(expected, updates)
        descent = descent.step(gradients, 0.1)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
        descent.latents, expected,
    )  # fmt: skip


@pytest.mark.slow
def test_initial_latents_are_better_than_none():
    networks = at_position(init_networks(jax.random.key(0), small_codec.MODEL), 0.0)
    image = jnp.asarray(small_codec.picture((32, 32)))
    latents = jax.jit(initial_latents)(networks.synthesis, image)
    assert [x.shape[:2] for x in latents[:3]] == [(32, 32), (16, 16), (8, 8)]
    zeros = jax.tree.map(jnp.zeros_like, latents)
    jitted = jax.jit(score)
    start = jitted(networks, jax.tree.map(jnp.round, latents), image)
    assert start.error < 0.1 * jitted(networks, zeros, image).error
    assert start.loss(0.1) == pytest.approx(start.error + 0.1 * start.bits.sum())
