"""The general fit."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from support import refuses

import inr
from inr import coords

SMALL = inr.Siren(features=2, width=32, depth=1)


def samples(n=16):
    """Coords `[n * n, 2]` of a grid, and two smooth features."""
    points = coords.grid((n, n)).reshape(-1, 2)
    y, x = points.T
    values = [0.5 + 0.4 * jnp.sin(3 * x + y), 0.5 + 0.3 * jnp.cos(2 * y)]
    return points, jnp.stack(values, -1)


def fit(data=None, model=SMALL, *, key=0, **options):
    data = samples() if data is None else data
    options = {"num_steps": 60, "progress": False, **options}
    return inr.fit(jax.random.key(key), model, data, **options)


def mse(result):
    points, features = samples()
    return float(jnp.mean((result.field(points) - features) ** 2))


@pytest.mark.long
@pytest.mark.slow
def test_coords_outside_the_unit_box_are_brought_in(key):
    points = 100 + 50 * coords.random_points(key, 200)
    features = jnp.sin(points.sum(-1, keepdims=True) / 40)
    model = inr.Siren(width=32, depth=1)
    result = inr.fit(key, model, (points, features), num_steps=200, progress=False)
    field = result.field
    assert float(jnp.mean((field(points) - features) ** 2)) < 1e-3
    scale = np.asarray(result.params["normalization"]["coords_scale"])
    assert scale[0] == scale[1]


@pytest.mark.slow
def test_minibatches_follow_the_key():
    first, again = (fit(batch_size=64, num_steps=20).history for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = fit(batch_size=64, num_steps=20, key=1).history
    assert not np.array_equal(first, other)
    assert fit(batch_size=64, num_steps=300).history[-1] < 1e-3


@pytest.mark.long
@pytest.mark.slow
def test_any_optax_optimizer_fits_including_a_line_search():
    lbfgs = fit(num_steps=30, optimizer=optax.lbfgs())
    assert lbfgs.history[-1] < 1e-4
    sgd = fit(num_steps=30, optimizer=optax.sgd(1e-2, momentum=0.9))
    assert sgd.history[-1] < sgd.history[0]


@pytest.mark.slow
def test_a_plain_linen_module_fits_too(key):

    model = nn.Sequential((nn.Dense(32), nn.tanh, nn.Dense(1)))
    points = coords.random_points(key, 100)
    data = (points, points.sum(-1, keepdims=True))
    result = inr.fit(key, model, data, num_steps=300, optimizer=1e-2, progress=False)
    assert result.history[-1] < 1e-3


def test_a_module_that_does_not_hash_is_refused(key):

    data = (jnp.zeros((3, 2)), jnp.zeros((3, 1)))
    with refuses("tuples", TypeError):
        inr.fit(key, nn.Sequential([nn.Dense(1)]), data)
    with refuses("plain function", TypeError):
        inr.fit(key, jnp.sin, data)


@pytest.mark.slow
def test_divergence_raises_and_keeps_the_best():
    with pytest.raises(inr.FitDiverged, match="learning rate") as caught:
        fit(num_steps=100, optimizer=optax.sgd(1e30))
    result = caught.value.result
    assert result.status == "diverged"
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(result.params))


@pytest.mark.slow
def test_an_interruption_returns_the_best_so_far():
    def stop(step, loss, field):
        if step >= 20:
            raise KeyboardInterrupt

    result = fit(num_steps=10_000, callback=stop)
    assert result.status == "interrupted"
    assert 20 <= len(result.history) < 1000
    assert mse(result) < result.history[0] / 3


def test_a_callback_gets_the_field():
    calls = []
    result = fit(callback=lambda step, loss, field: calls.append((step, field)))
    steps, fields = zip(*calls, strict=True)
    assert list(steps) == sorted(set(steps))
    assert steps[-1] == 60
    chex.assert_trees_all_equal(fields[-1].params, result.params)


def test_a_warm_start_continues_from_the_parameters():
    first = fit(num_steps=100)
    second = fit(num_steps=10, init=first.params, optimizer=1e-4)
    assert second.history[0] < first.history[60]


@pytest.mark.parametrize("batch_size", [None, 50])
def test_a_resumed_fit_equals_an_uninterrupted_one_bit_by_bit(tmp_path, batch_size):
    def stop(step, loss, field):
        if step >= 30:
            raise KeyboardInterrupt

    options = {"batch_size": batch_size, "num_steps": 90}
    complete = fit(**options)
    partial = fit(**options, checkpoint=tmp_path / "a", callback=stop)
    assert partial.status == "interrupted"
    resumed = fit(**options, checkpoint=tmp_path / "a")
    chex.assert_trees_all_equal(resumed.params, complete.params)
    np.testing.assert_array_equal(resumed.history, complete.history)
    finished = fit(**options, checkpoint=tmp_path / "a")
    chex.assert_trees_all_equal(finished.params, complete.params)


def no_residual(field, batch):
    return field(batch[0])


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (jnp.zeros((3, 2)), TypeError),
        ((), TypeError),
        ((jnp.zeros((3, 2)),), TypeError),
        ((jnp.zeros((3, 2)), inr.Term(no_residual, (jnp.zeros((3, 2)),))), TypeError),
        ((jnp.zeros((3, 2)), jnp.zeros((4, 1))), ValueError),
        ((jnp.zeros((0, 2)), jnp.zeros((0, 1))), ValueError),
        ((jnp.zeros((3, 2)), jnp.full((3, 1), jnp.nan)), ValueError),
    ],
)
def test_bad_data_are_refused(key, data, error):
    with refuses("`", error):
        inr.fit(key, SMALL, data, progress=False)


class OneRow(nn.Module):
    """Features of the first point alone."""

    @nn.compact
    def __call__(self, coords):
        return nn.Dense(2)(coords[:1])


class Complex(nn.Module):
    @nn.compact
    def __call__(self, coords):
        return 1j * nn.Dense(2)(coords)


@pytest.mark.parametrize("model", [OneRow(), Complex()])
def test_a_model_maps_every_point_to_real_features(model):
    with refuses(r"`field` must be a map from \(256, 2\) to real features \(256, 2\)"):
        fit(model=model)


def test_a_batch_may_be_larger_than_the_data():
    result = fit(batch_size=1000, num_steps=2)
    assert np.isfinite(result.history).all()


@pytest.mark.parametrize(
    ("options", "message", "error"),
    [
        ({"target_loss": -1.0}, "`target_loss`", ValueError),
        ({"target_loss": float("nan")}, "`target_loss`", ValueError),
        ({"num_steps": True}, "`num_steps`", ValueError),
        ({"optimizer": "adam"}, "`optimizer` must be an optax", TypeError),
        ({"optimizer": True}, "`optimizer` must be an optax", TypeError),
        ({"callback": 3}, "`callback` must be callable, got int", TypeError),
    ],
)
def test_bad_options_are_refused(options, message, error):
    with refuses(message, error):
        fit(**options)


def test_an_int_is_no_key():
    with refuses(r"`key` must be a PRNG key, got int. Write .*key\(7", TypeError):
        inr.fit(7, SMALL, samples())


def test_a_fit_that_ends_worse_than_it_began_warns():
    with pytest.warns(UserWarning, match=r"loss rose from .* Lower the learning rate"):
        result = fit(optimizer=30.0)
    assert result.history[-1] > 2 * result.history[0]
    fit(optimizer=3.0)  # warns of nothing, because the loss is about the first one
