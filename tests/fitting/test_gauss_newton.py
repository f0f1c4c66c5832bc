"""Damped Gauss-Newton steps, against dense least squares in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

import inr
from inr.fitting import gauss_newton, value_residual
from inr.fitting.losses import loss_and_gradient

SMALL = inr.Siren(features=2, width=8, depth=1, omega=6.0)


class Tones(nn.Module):
    """Linear in its parameters: a sum of fixed cosines."""

    @nn.compact
    def __call__(self, coords):
        waves = 3 * jnp.arange(5, dtype=coords.dtype).reshape(1, 5)
        tones = jnp.cos(coords[..., :1] * waves)
        return tones @ self.param("kernel", nn.initializers.ones, (5, 2), jnp.float32)


def slope_term(n, **options):
    coords = np.random.default_rng(5).uniform(-1, 1, (n, 2)).astype(np.float32)
    return inr.Term(slopes, (jnp.asarray(coords),), **options)


def slopes(field, batch):
    return inr.gradient(field, batch[0]) - 1


def samples(n, k=2, seed=0):
    rng = np.random.default_rng(seed)
    coords = rng.uniform(-1, 1, (n, 2)).astype(np.float32)
    features = np.stack([np.sin(3 * coords[:, i % 2] + i) for i in range(k)], -1)
    return coords, features


def fitted(key, model, data, **options):
    return inr.fit_least_squares(key, model, data, **{"progress": False, **options})


@pytest.mark.slow
def test_one_step_solves_a_linear_problem(key):
    coords, features = samples(40)
    weights = np.linspace(0.2, 3, 40).astype(np.float32)
    result = fitted(
        key, Tones(), (coords, features, weights), num_steps=1, damping=1e-6
    )
    tones = np.cos(coords[:, :1].astype(np.float64) * 3 * np.arange(5))
    root = np.sqrt(weights / weights.mean())[:, None]
    best, *_ = np.linalg.lstsq(root * tones, root * features, rcond=None)
    prediction = tones @ np.asarray(result.params["params"]["kernel"])
    np.testing.assert_allclose(prediction, tones @ best, atol=2e-4)


@pytest.mark.long
@pytest.mark.slow
def test_a_step_is_the_damped_solution_of_all_terms(key):
    """Against NumPy in float64, with the Jacobian of all terms by forward mode."""
    coords, features = map(jnp.asarray, samples(30))
    values = inr.Term(value_residual, (coords, features), 2.0)
    terms, damping = (values, slope_term(20, weight=0.1)), 1.0
    params = SMALL.init(key, coords)
    start, unravel = jax.flatten_util.ravel_pytree(params["params"])

    def residual(vector):
        field = inr.bind(SMALL, {**params, "params": unravel(vector)})
        parts = [t.residual(field, t.data) for t in terms]
        scaled = [
            jnp.sqrt(t.weight / r.size) * r.ravel()
            for t, r in zip(terms, parts, strict=True)
        ]
        return jnp.concatenate(scaled)

    jacobian = np.asarray(jax.jacfwd(residual)(start), np.float64)
    r = np.asarray(residual(start), np.float64)
    square = jacobian.T @ jacobian
    mean, one = np.diag(square).mean(), np.eye(len(start))
    candidates = [
        np.asarray(start) - np.linalg.solve(square + d * mean * one, jacobian.T @ r)
        for d in damping * np.array([0.03, 0.3, 1, 5])
    ]
    losses = [float(jnp.square(residual(jnp.float32(x))).sum()) for x in candidates]
    falls = r @ r - np.array(losses)
    expected = candidates[np.argmax(falls >= 0.1 * falls.max())]
    assert falls.max() > 0
    result = fitted(key, SMALL, terms, init=params, num_steps=1, damping=damping)
    vector, _ = jax.flatten_util.ravel_pytree(result.params["params"])
    step = np.linalg.norm(expected - start)
    assert np.linalg.norm(vector - expected) < 2e-3 * step
    assert result.history[0] == pytest.approx(float(r @ r), rel=1e-5)


@pytest.mark.slow
def test_strong_damping_goes_down_the_gradient(key):
    coords, features = map(jnp.asarray, samples(50))
    terms = (inr.Term(value_residual, (coords, features)),)
    params = SMALL.init(key, coords)
    result = fitted(key, SMALL, terms, init=params, num_steps=1, damping=1e4)
    _, gradient = jax.jit(loss_and_gradient, static_argnums=2)(
        key, jnp.int32(0), SMALL, params, terms
    )
    before, after, gradient = (
        np.asarray(jax.flatten_util.ravel_pytree(x)[0], np.float64)
        for x in (params["params"], result.params["params"], gradient)
    )
    change = after - before
    size = np.linalg.norm(change) * np.linalg.norm(gradient)
    assert change @ gradient < -0.999 * size < 0


@pytest.mark.slow
def test_blocks_of_rows_change_nothing(key, monkeypatch):
    data = samples(50)
    unsplit = fitted(key, SMALL, data, num_steps=1)
    monkeypatch.setattr(gauss_newton, "_BLOCK", 1500)
    gauss_newton.advance.clear_cache()
    blocks = fitted(key, SMALL, data, num_steps=1)
    gauss_newton.advance.clear_cache()
    for a, b in zip(
        jax.tree.leaves(unsplit.params), jax.tree.leaves(blocks.params), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-3)


@pytest.mark.slow
def test_a_step_is_the_same_under_jit(key):
    coords, features = map(jnp.asarray, samples(30))
    terms = (inr.Term(value_residual, (coords, features), batch_size=20),)
    state = gauss_newton.GaussNewtonState(
        jnp.int32(3), SMALL.init(key, coords), jnp.float32(0.1)
    )
    eager, loss = gauss_newton.take_step(key, state, SMALL, terms)
    jitted, same = jax.jit(gauss_newton.take_step, static_argnums=2)(
        key, state, SMALL, terms
    )
    assert loss == pytest.approx(float(same), rel=1e-5)
    assert eager.step == jitted.step == 4
    for a, b in zip(jax.tree.leaves(eager), jax.tree.leaves(jitted), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)
