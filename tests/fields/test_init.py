"""Initializers: each array is uniform between its bounds, in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import inr
from inr.fields import init


def assert_uniform(values, bound):
    """Kolmogorov-Smirnov, whose limit is exceeded once in ten thousand keys.

    The largest of n values lies between (1 - 12 / n) bound and the bound, but once in
    a hundred thousand keys.
    """
    values = np.ravel(values)
    uniform = scipy.stats.uniform(-bound, 2 * bound)
    statistic = scipy.stats.kstest(values, uniform.cdf).statistic
    assert statistic < 2.3 / np.sqrt(values.size)
    largest = np.abs(values).max() / bound
    assert 1 - 12 / values.size < largest <= 1 + 1e-6


@pytest.mark.parametrize(
    ("initializer", "shape", "bound"),
    [
        (init.uniform(0.3), (4000,), 0.3),
        (init.sine_first(), (2, 2000), 1 / 2),
        (init.sine_first(), (3, 2000), 1 / 3),
        (init.sine_hidden(30.0), (50, 80), (6 / 50) ** 0.5 / 30),
        (init.sine_hidden(5.0), (3, 3, 4, 100), (6 / 36) ** 0.5 / 5),
        (init.sine_phase(30.0), (4000,), np.pi / 30),
        (init.sine_phase(12.0), (4000,), np.pi / 12),
        (init.fan_in_uniform(), (25, 160), 1 / 5),
    ],
)
def test_an_initializer_is_uniform_up_to_its_bound(key, initializer, shape, bound):
    values = initializer(key, shape)
    assert values.dtype == jnp.float32
    assert_uniform(values, bound)


def test_every_layer_of_a_siren_has_its_distribution(key):
    """Phases omega b of the first layer span a full turn [Sitzmann 2020, sec. 3.2]."""
    model = inr.Siren(
        features=64, width=128, depth=2, omega=20.0, hidden_omega=(30.0, 5.0)
    )
    params = jax.jit(model.init)(key, jnp.zeros((1, 3)))["params"]
    assert_uniform(params["sine_0"]["kernel"], 1 / 3)
    assert_uniform(20.0 * params["sine_0"]["bias"], np.pi)
    for name, omega in (("sine_1", 30.0), ("sine_2", 5.0), ("linear", 5.0)):
        assert_uniform(params[name]["kernel"], (6 / 128) ** 0.5 / omega)
