import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

from inr.diffusion.predictions import cast_table, check_predicts, conversion_factors


@pytest.mark.parametrize(
    ("name", "kind"), [("epsilon", "eps"), ("sample", "x0"), ("v_prediction", "v")]
)
def test_the_error_translates_names_of_other_libraries(name, kind):
    with refuses(f"`predicts` must be one of.*got '{name}'. .*called \"{kind}\""):
        check_predicts(name)


def test_other_values_are_refused():
    with refuses("`to` must be one of 'eps', 'x0', 'v', 'flow', got None"):
        check_predicts(None, argument="to")


@pytest.mark.parametrize("kind", ["eps", "x0", "v", "flow"])
def test_conversion_into_the_same_kind_changes_nothing(kind):
    a, s = np.array([0.9, 0.4]), np.array([0.1, 0.8])
    x_factor, prediction_factor = conversion_factors(a, s, kind, kind)
    np.testing.assert_array_equal(x_factor, 0)
    np.testing.assert_array_equal(prediction_factor, 1)


def test_integer_tables_stay_integers():
    dtype = np.dtype(np.float32)
    assert cast_table(np.arange(3), dtype).dtype == jnp.int32
    assert cast_table(np.array([0.5]), dtype).dtype == jnp.float32
