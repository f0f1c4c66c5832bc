"""Priors on smoothness."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import coords, signals
from inr.fitting import value_residual

MODEL = inr.Siren(features=2, width=32, depth=2, omega=8.0)


def quadratic(x):
    """Two features of degree 2: a forward difference is its slope at mid-edge."""
    y, x = x[..., 0], x[..., 1]
    return jnp.stack([0.3 * y * y - 0.2 * y * x + x, x * x + 0.1 * y], -1)


def smooth_image(size):
    y, x = np.moveaxis(np.asarray(coords.grid(size)), -1, 0)
    return np.stack(
        [0.5 + 0.3 * np.sin(3 * y + x), 0.4 + 0.2 * np.cos(2 * x) * y], -1
    ).astype(np.float32)


@pytest.mark.slow
def test_the_lengths_of_gradient_and_hessian():
    x = jnp.array([[0.2, -0.4], [0.9, 0.1]])
    y, z = np.asarray(x).T
    first = np.stack([0.6 * y - 0.2 * z, 1 - 0.2 * y], -1)
    lengths = signals.gradient_length(quadratic, (x,))
    np.testing.assert_allclose(lengths[:, 0], np.linalg.norm(first, axis=-1), rtol=1e-5)
    lengths = signals.hessian_length(quadratic, (x,))
    expected = [np.sqrt(0.6**2 + 2 * 0.2**2), 2.0]
    np.testing.assert_allclose(lengths, np.broadcast_to(expected, (2, 2)), rtol=1e-5)
    # A constant has no length, and a finite derivative of it.
    slope = jax.grad(
        lambda a: signals.gradient_length(lambda x: a * quadratic(x), (x,)).sum()
    )(0.0)
    assert np.isfinite(slope)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
def test_a_prior_smooths_what_samples_leave_open(key, order):
    """For a tenth of the pixels of a smooth image, by 3 dB."""
    image = smooth_image((32, 32))
    index = jax.random.permutation(key, 32 * 32)[:100]
    data = (coords.grid((32, 32)).reshape(-1, 2)[index], image.reshape(-1, 2)[index])
    model = inr.Siren(features=2, width=32, depth=2, omega=20.0)
    values = inr.Term(lambda field, batch: field(batch[0]) - batch[1], data)

    def score(terms):
        result = inr.fit(key, model, terms, num_steps=300, progress=False)
        rendered = inr.render(result.field, (32, 32), progress=False)
        return float(inr.psnr(np.clip(rendered, 0, 1), image))

    weight = {1: 1e-3, 2: 1e-5}[order]
    prior = signals.smoothness_term(weight=weight, order=order, batch_size=512)
    assert score((values, prior)) > score(values) + 3


@pytest.mark.long
@pytest.mark.slow
def test_a_prior_of_an_image_is_a_further_term(key):
    """From the same parameters `fit_image` takes the steps of `fit` with both terms."""
    image = smooth_image((8, 8))
    prior = signals.smoothness_term(weight=0.1, batch_size=64)
    options = {"points": "pixels", "num_steps": 3, "progress": False}
    start = inr.fit_image(key, image, model=MODEL, **options).params
    options |= {"init": start, "optimizer": 1e-3}
    with_prior = inr.fit_image(key, image, model=MODEL, prior=prior, **options)
    rows = (coords.grid((8, 8)).reshape(-1, 2), image.reshape(-1, 2))
    values = inr.Term(value_residual, rows)
    del options["points"]
    both = inr.fit(key, MODEL, (values, prior), **options)
    np.testing.assert_array_equal(with_prior.history, both.history)
    without = inr.fit_image(key, image, model=MODEL, points="pixels", **options)
    assert with_prior.history[0] > without.history[0]


def test_bad_input_is_refused():
    with refuses("`order` must be one of"):
        signals.smoothness_term(weight=1.0, order=3)
    with refuses("`batch_size`"):
        signals.smoothness_term(weight=1.0, batch_size=0)
