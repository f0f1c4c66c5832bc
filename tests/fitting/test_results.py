"""Results of fits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import inr
from inr import coords

MODEL = inr.Siren(features=1, width=8, depth=1)
POINTS = coords.grid((4, 4)).reshape(-1, 2)


def test_a_result_has_a_field_its_parameters_and_a_short_repr(key):
    data = (POINTS, POINTS[:, :1])
    result = inr.fit(key, MODEL, data, num_steps=3, progress=False)
    assert isinstance(result.field, inr.BoundField)
    assert result.params is result.field.params
    _, history, num_steps, status = result
    assert (len(history), num_steps, status) == (3, 3, "finished")
    loss = f"{history[-1]:.3g}"
    text = f"finished after 3 steps, loss {loss}, Siren: 2 -> 1 feature, 105 parameters"
    assert repr(result) == f"FitResult({text})"
    assert repr(result._replace(history=history[:0])) == (
        f"FitResult({text.replace(f'loss {loss}, ', '')})"
    )
    assert repr(jax.tree.map(lambda x: None, result)).startswith("FitResult(None")


@pytest.mark.slow
def test_many_fields_are_one_bound_field(key):
    features = jnp.stack([POINTS[:, :1], POINTS[:, 1:]])
    result = inr.fit_many(key, MODEL, (POINTS, features), num_steps=3, progress=False)
    values = jax.vmap(lambda field: field(POINTS))(result.fields)
    assert values.shape == (2, 16, 1)
    assert result.params is result.fields.params
    np.testing.assert_array_equal(result.num_steps, [3, 3])
    fields = "2 x Siren: 2 -> 1 feature, 105 parameters each"
    low, high = sorted(result.history[-1])
    expected = f"FitManyResult(2 finished, loss {low:.3g} to {high:.3g}, {fields})"
    assert repr(result) == expected
