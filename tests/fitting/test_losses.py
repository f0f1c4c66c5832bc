"""Losses and gradients in blocks of rows."""

import chex
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import inr
from inr import coords


@pytest.mark.long
@pytest.mark.slow
def test_blocks_of_rows_give_the_loss_and_gradient_of_the_batch(key):
    model = inr.Siren(width=16, depth=1)
    points = coords.random_points(key, 9001)  # three blocks, the last one padded
    features = jnp.sin(3 * points[:, :1])
    state = inr.init_fit(key, model, (points, features), optimizer=optax.sgd(1.0))
    unsplit = inr.Term(
        lambda f, b: f(b[0]) - b[1], (points, features), reduce=lambda r: (r**2).mean()
    )
    blocked, direct = (
        inr.fit_step(key, state, model, data, optimizer=optax.sgd(1.0))
        for data in ((points, features), unsplit)
    )
    chex.assert_trees_all_close(blocked[0].params, direct[0].params, atol=1e-6)
    np.testing.assert_allclose(blocked[1].loss, direct[1].loss, rtol=1e-5)
