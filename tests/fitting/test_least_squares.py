"""Damped Gauss-Newton fits, against dense least squares in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from support import count_compilations, refuses

import inr
from inr.fitting import fit_least_squares, least_squares
from inr.fitting.terms import loss_and_gradient, value_residual

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
    return fit_least_squares(key, model, data, **{"progress": False, **options})


def test_one_step_solves_a_linear_problem(key):
    coords, features = samples(40)
    weights = np.linspace(0.2, 3, 40).astype(np.float32)
    result = fitted(
        key, Tones(), (coords, features, weights), num_steps=1, damping=1e-6
    )
    tones = np.cos(coords[:, :1].astype(np.float64) * 3 * np.arange(5))
    root = np.sqrt(weights / weights.mean())[:, None]
    best, *_ = np.linalg.lstsq(root * tones, root * features, rcond=None)
    made = tones @ np.asarray(result.params["params"]["kernel"])
    np.testing.assert_allclose(made, tones @ best, atol=2e-4)


@pytest.mark.slow
def test_a_step_is_the_damped_solution_of_all_terms(key):
    """Against NumPy in float64, with the Jacobian of the whole by forward mode."""
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
    tried = [
        np.asarray(start) - np.linalg.solve(square + d * mean * one, jacobian.T @ r)
        for d in damping * np.array([0.03, 0.3, 1, 5])
    ]
    losses = [float(jnp.square(residual(jnp.float32(x))).sum()) for x in tried]
    falls = r @ r - np.array(losses)
    wanted = tried[np.argmax(falls >= 0.1 * falls.max())]
    assert falls.max() > 0
    result = fitted(key, SMALL, terms, params=params, num_steps=1, damping=damping)
    made, _ = jax.flatten_util.ravel_pytree(result.params["params"])
    step = np.linalg.norm(wanted - start)
    assert np.linalg.norm(made - wanted) < 2e-3 * step
    assert result.history[0] == pytest.approx(float(r @ r), rel=1e-5)


@pytest.mark.slow
def test_strong_damping_goes_down_the_gradient(key):
    coords, features = map(jnp.asarray, samples(50))
    terms = (inr.Term(value_residual, (coords, features)),)
    params = SMALL.init(key, coords)
    result = fitted(key, SMALL, terms, params=params, num_steps=1, damping=1e4)
    _, gradient = jax.jit(loss_and_gradient, static_argnums=2)(
        key, jnp.int32(0), SMALL, params, terms
    )
    before, after, gradient = (
        np.asarray(jax.flatten_util.ravel_pytree(x)[0], np.float64)
        for x in (params["params"], result.params["params"], gradient)
    )
    moved = after - before
    size = np.linalg.norm(moved) * np.linalg.norm(gradient)
    assert moved @ gradient < -0.999 * size < 0


def test_the_loss_falls_at_every_step_and_far(key):
    result = fitted(key, SMALL, samples(200), num_steps=40)
    assert (np.diff(result.history) <= 0).all()
    assert result.history[-1] < 0.01 * result.history[0]
    assert result.status == "finished"
    assert result.step == 40


def test_blocks_of_rows_change_nothing(key, monkeypatch):
    data = samples(50)
    whole = fitted(key, SMALL, data, num_steps=1)
    monkeypatch.setattr(least_squares, "_BLOCK", 1500)
    least_squares._advance.clear_cache()
    parts = fitted(key, SMALL, data, num_steps=1)
    least_squares._advance.clear_cache()
    for a, b in zip(
        jax.tree.leaves(whole.params), jax.tree.leaves(parts.params), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-3)


@pytest.mark.slow
def test_a_step_is_the_same_under_jit(key):
    coords, features = map(jnp.asarray, samples(30))
    terms = (inr.Term(value_residual, (coords, features), batch_size=20),)
    state = least_squares._State(
        jnp.int32(3), SMALL.init(key, coords), jnp.float32(0.1)
    )
    eager, loss = least_squares._step(key, state, SMALL, terms)
    jitted, same = jax.jit(least_squares._step, static_argnums=2)(
        key, state, SMALL, terms
    )
    assert loss == pytest.approx(float(same), rel=1e-5)
    assert eager.step == jitted.step == 4
    for a, b in zip(jax.tree.leaves(eager), jax.tree.leaves(jitted), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)


def test_a_resumed_fit_equals_an_uninterrupted_one(key, tmp_path):
    options = {"batch_size": 40, "num_steps": 12}
    whole = fitted(key, SMALL, samples(100), **options)

    def stop(step, loss, field):
        if step >= 5:
            raise KeyboardInterrupt

    cut = fitted(
        key, SMALL, samples(100), checkpoint=tmp_path, callback=stop, **options
    )
    assert cut.status == "interrupted"
    rest = fitted(key, SMALL, samples(100), checkpoint=tmp_path, **options)
    np.testing.assert_array_equal(rest.history, whole.history)
    for a, b in zip(
        jax.tree.leaves(rest.params), jax.tree.leaves(whole.params), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_a_second_fit_compiles_nothing(key):
    def model():
        return inr.Siren(features=2, width=7, depth=1, omega=6.0)

    fitted(key, model(), samples(40), num_steps=3)
    with count_compilations() as compiled:
        fitted(key, model(), samples(40), num_steps=3, damping=0.1)
    assert compiled() == 0


def test_it_stops_at_the_target_with_the_params_that_reached_it(key):
    result = fitted(key, SMALL, samples(200), num_steps=50, target_loss=1e-3)
    assert result.status == "target reached"
    coords, features = samples(200)
    field = inr.bind(SMALL, result.params)
    assert float(jnp.square(field(coords) - features).mean()) <= 1e-3 * 1.01


def test_a_loss_that_is_not_finite_is_told(key):
    params = SMALL.init(key, jnp.zeros((1, 2)))
    broken = jax.tree.map(lambda x: x * np.nan, params["params"])
    with pytest.raises(inr.FitDiverged) as told:
        fitted(key, SMALL, samples(20), params={**params, "params": broken})
    assert told.value.result.status == "diverged"


def test_bad_input_is_refused(key):
    data = samples(20)
    with refuses("reduce"):
        fitted(key, SMALL, inr.Term(slopes, (data[0],), reduce=jnp.mean))
    with refuses("at most 16384 parameters, got"):
        fitted(key, inr.Siren(features=2, width=128, depth=1), data)
    for damping in (0.0, -1.0, np.inf):
        with refuses("`damping` must be a finite number above 0"):
            fitted(key, SMALL, data, damping=damping)
    with refuses("`num_steps`"):
        fitted(key, SMALL, data, num_steps=0)
