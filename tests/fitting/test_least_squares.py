"""Fits by damped Gauss-Newton steps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import count_compilations, refuses

import inr

SMALL = inr.Siren(features=2, width=8, depth=1, omega=6.0)


def slopes(field, batch):
    return inr.gradient(field, batch[0]) - 1


def samples(n, k=2, seed=0):
    rng = np.random.default_rng(seed)
    coords = rng.uniform(-1, 1, (n, 2)).astype(np.float32)
    features = np.stack([np.sin(3 * coords[:, i % 2] + i) for i in range(k)], -1)
    return coords, features


def fitted(key, model, data, **options):
    return inr.fit_least_squares(key, model, data, **{"progress": False, **options})


def test_the_loss_falls_at_every_step_and_far(key):
    result = fitted(key, SMALL, samples(200), num_steps=40)
    assert (np.diff(result.history) <= 0).all()
    assert result.history[-1] < 0.01 * result.history[0]
    assert result.status == "finished"
    assert result.num_steps == 40


@pytest.mark.slow
def test_a_resumed_fit_equals_an_uninterrupted_one(key, tmp_path):
    options = {"batch_size": 40, "num_steps": 12}
    complete = fitted(key, SMALL, samples(100), **options)

    def stop(step, loss, field):
        if step >= 5:
            raise KeyboardInterrupt

    interrupted = fitted(
        key, SMALL, samples(100), checkpoint=tmp_path, callback=stop, **options
    )
    assert interrupted.status == "interrupted"
    resumed = fitted(key, SMALL, samples(100), checkpoint=tmp_path, **options)
    np.testing.assert_array_equal(resumed.history, complete.history)
    for a, b in zip(
        jax.tree.leaves(resumed.params), jax.tree.leaves(complete.params), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_second_fit_compiles_nothing(key):
    def model():
        return inr.Siren(features=2, width=7, depth=1, omega=6.0)

    fitted(key, model(), samples(40), num_steps=3)
    with count_compilations() as compiled:
        fitted(key, model(), samples(40), num_steps=3, damping=0.1)
    assert compiled() == 0


@pytest.mark.slow
def test_it_stops_at_the_target_with_the_params_that_reached_it(key):
    result = fitted(key, SMALL, samples(200), num_steps=50, target_loss=1e-3)
    assert result.status == "target reached"
    coords, features = samples(200)
    field = result.field
    assert float(jnp.square(field(coords) - features).mean()) <= 1e-3 * 1.01


def test_a_loss_that_is_not_finite_raises(key):
    params = SMALL.init(key, jnp.zeros((1, 2)))
    broken = jax.tree.map(lambda x: x * np.nan, params["params"])
    with pytest.raises(inr.FitDiverged) as caught:
        fitted(key, SMALL, samples(20), init={**params, "params": broken})
    assert caught.value.result.status == "diverged"


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
