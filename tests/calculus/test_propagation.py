import chex
import jax
import jax.numpy as jnp
import pytest

import inr


@pytest.mark.long
@pytest.mark.slow
def test_blocks_of_points_equal_all_points_at_once(key):
    """Also the gradient of a loss, and for any leading axes."""
    model = inr.Siren(features=2, width=16, depth=1)
    x = inr.coords.random_points(key, 50 * 61).reshape(50, 61, 2)
    field = inr.bind(model, model.init(key, x))
    streams = field.streams(x)
    result = inr.value_gradient_laplacian(field, x)
    gradient = jnp.moveaxis(streams.gradient, 0, -2)
    expected = (streams.value, gradient, streams.laplacian)
    chex.assert_trees_all_close(tuple(result), expected, rtol=1e-4, atol=1e-4)

    def loss(field, laplacian):
        return jnp.mean(laplacian(field, x) ** 2)

    in_blocks, at_once = (
        jax.grad(loss)(field, route)
        for route in (inr.laplacian, lambda field, x: field.streams(x).laplacian)
    )
    chex.assert_trees_all_close(in_blocks.params, at_once.params, rtol=1e-3, atol=1e-3)
