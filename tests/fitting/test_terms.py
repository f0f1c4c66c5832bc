"""Terms of a loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import coords
from inr.fitting import terms


def double_residual(field, batch):
    points, values = batch
    return 2 * (field(points) - values)


def draw_batch(key, step):
    points = coords.random_points(key, 128)
    return points, jnp.sin(3 * points.sum(-1, keepdims=True))


@pytest.mark.long
@pytest.mark.slow
def test_terms_add_up_with_their_weights(key):
    model = inr.Siren(width=16, depth=1)
    data = (coords.grid((4, 4)).reshape(-1, 2), jnp.ones((16, 1)))
    state = inr.init_fit(key, model, data)
    terms = (
        inr.Term(double_residual, data, weight=0.5),
        inr.Term(double_residual, data),
    )
    single = inr.fit_step(key, state, model, data)[1].loss
    both = inr.fit_step(key, state, model, terms)[1].loss
    np.testing.assert_allclose(both, 6 * single, rtol=1e-5)


@pytest.mark.long
@pytest.mark.slow
def test_batches_may_come_from_a_function(key):
    model = inr.Siren(width=32, depth=1, omega=10.0)
    term = inr.Term(double_residual, draw_batch)
    result = inr.fit(key, model, term, num_steps=400, progress=False)
    points, values = draw_batch(jax.random.key(7), 0)
    error = result.field(points) - values
    assert float(jnp.mean(error**2)) < 1e-3


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_a_bad_weight_is_refused(key, weight):
    data = (jnp.zeros((3, 2)), jnp.zeros((3, 1)))
    model, term = inr.Siren(width=8, depth=1), inr.Term(double_residual, data, weight)
    with refuses("`weight` must be a finite number of at least 0"):
        inr.fit(key, model, term)


@pytest.mark.parametrize("rows", [1, 7, 40_000, 131_071])
def test_batches_visit_all_rows_equally_often(key, rows):
    epochs, batch_size = 10, 1 if rows == 1 else rows // 7 + 1
    term = inr.Term(double_residual, (jnp.arange(rows),), batch_size=batch_size)
    num_steps = epochs * rows // batch_size
    batches = [terms.draw_batch(key, jnp.int32(i), term)[0] for i in range(num_steps)]
    counts = np.bincount(np.concatenate(batches), minlength=rows)
    assert len(counts) == rows
    # Independent draws would leave rows with 0 and with 25 visits.
    assert counts.min() >= num_steps * batch_size / rows - 3
    assert counts.max() <= num_steps * batch_size / rows + 3


def test_rows_are_consecutive_in_a_golden_sequence(key):
    rows = 5_000_003
    term = inr.Term(double_residual, (jnp.arange(rows),), batch_size=200)
    index = np.concatenate(
        [terms.draw_batch(key, jnp.int32(i), term)[0] for i in range(3)]
    )
    shift = int(jax.random.bits(key, (), jnp.uint32))
    golden = round(2**32 * (5**0.5 - 1) / 2)
    expected = [(shift + i * golden) % 2**32 * rows >> 32 for i in range(600)]
    np.testing.assert_array_equal(index, expected)
    other = terms.draw_batch(jax.random.key(1), jnp.int32(0), term)[0]
    assert not np.array_equal(index[:200], other)
