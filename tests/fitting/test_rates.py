"""The option `optimizer`: learning rates of the default optimizer."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

import inr
from inr import coords
from inr.fitting import default_rates

MODEL = inr.Siren(features=1, width=8, depth=1)
DATA = (coords.grid((4, 4)).reshape(-1, 2), jnp.ones((16, 1)))


def first_step(**options):
    """Largest change of each layer in one step: a tenth of its peak rate."""
    options = {"num_steps": 1, "progress": False, **options}
    start = inr.fit(jax.random.key(0), MODEL, DATA, **{**options, "optimizer": 1e-30})
    result = inr.fit(jax.random.key(0), MODEL, DATA, **options)
    change = jax.tree.map(
        lambda a, b: float(jnp.abs(a - b).max()), result.params, start.params
    )
    return {name: max(x.values()) for name, x in change["params"].items()}


@pytest.mark.slow
def test_a_mapping_sets_the_rate_of_each_layer():
    rates = {"sine_0": 1e-4, "sine_1": 2e-3, "linear": 3e-3}
    steps = first_step(optimizer=rates)
    for name, rate in rates.items():
        np.testing.assert_allclose(steps[name], 0.1 * rate, rtol=0.02)


def test_the_default_is_the_rate_of_the_family():
    expected = default_rates(MODEL, 2)
    assert set(expected) == {"sine_0", "sine_1", "linear"}
    assert set(expected.values()) == {MODEL.default_learning_rate}
    steps = first_step()
    for name, rate in expected.items():
        np.testing.assert_allclose(steps[name], 0.1 * rate, rtol=0.02)


def test_a_model_may_have_a_mapping_or_no_rate():
    class Perceptron(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(1)(nn.tanh(nn.Dense(4)(x)))

    class WithRates(Perceptron):
        default_learning_rate = {"Dense_0": 1e-2, "Dense_1": 1e-3}  # noqa: RUF012

    assert default_rates(Perceptron(), 2) == {"Dense_0": 1e-3, "Dense_1": 1e-3}
    assert default_rates(WithRates(), 2) == {"Dense_0": 1e-2, "Dense_1": 1e-3}
    result = inr.fit(jax.random.key(0), WithRates(), DATA, num_steps=2, progress=False)
    assert np.isfinite(result.history).all()


@pytest.mark.slow
def test_a_number_is_the_peak_rate_and_optax_replaces_the_default():
    assert first_step(optimizer=1e-2)["linear"] == pytest.approx(1e-3, rel=0.02)
    assert first_step(optimizer=optax.sgd(0.0)) == {
        "sine_0": pytest.approx(0, abs=1e-12),
        "sine_1": pytest.approx(0, abs=1e-12),
        "linear": pytest.approx(0, abs=1e-12),
    }
