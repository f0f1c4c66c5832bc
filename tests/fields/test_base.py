import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from support import refuses

import inr
from inr import coords
from inr.fields import Affine, FieldModule

MODEL = inr.Siren(features=2, width=16, depth=1)


@pytest.fixture
def field(key):
    return inr.bind(MODEL, MODEL.init(key, jnp.zeros((1, 2))))


@pytest.mark.long
@pytest.mark.slow
def test_normalization_maps_the_units_of_the_user(field, key):
    points = coords.random_points(key, 10)
    scale, shift = np.array([2.0, 0.5], np.float32), np.array([0.1, 0.2], np.float32)
    normalization = {
        **field.params["normalization"],
        "coords_scale": scale,
        "coords_shift": shift,
        "features_scale": np.array([3.0, 3.0], np.float32),
        "features_shift": np.array([1.0, -1.0], np.float32),
    }
    normalized = inr.bind(MODEL, {**field.params, "normalization": normalization})
    expected = 3 * field(scale[None] * points + shift[None]) + jnp.array([[1.0, -1.0]])
    np.testing.assert_allclose(normalized(points), expected, atol=1e-5)
    jacobian = jax.vmap(jax.jacfwd(normalized))(points)
    streams = normalized.streams(points)
    np.testing.assert_allclose(streams.gradient, jacobian.transpose(2, 0, 1), atol=1e-3)


def test_default_learning_rates():
    assert FieldModule.default_learning_rate == 1e-3
    assert inr.Siren(width=256).default_learning_rate == pytest.approx(2e-3)
    assert inr.Siren(width=64).default_learning_rate == pytest.approx(4e-3)
    assert inr.HashGrid().default_learning_rate == 1e-2


class Dense(FieldModule):
    def network(self, x):
        return nn.Dense(self.features)(x)


class Tanh(FieldModule):
    def network(self, x):
        return Affine(self.features)(jnp.tanh(Affine(4)(x)))


@pytest.mark.parametrize("model", [Dense(), Tanh()])
def test_functions_of_arrays_are_refused_where_derivatives_need_streams(model, key):
    points = coords.random_points(key, 3)
    field = inr.bind(model, model.init(key, points))
    assert inr.gradient(field, points).shape == (3, 2, 1)
    for kind, use in {
        "Streams": lambda: inr.laplacian(field, points),
        "Cells": lambda: inr.render(field, (2, 2), antialias="integral"),
    }.items():
        with refuses(f"`network` must be written.*for {kind}. Write", TypeError):
            use()


class Identity(FieldModule):
    def network(self, x):
        return x


def test_a_network_of_other_features_is_refused():
    with refuses("`network` must be a map to features=1, got 2 of them"):
        inr.fit_image(jax.random.key(0), np.zeros((4, 4, 1)), model=Identity())
