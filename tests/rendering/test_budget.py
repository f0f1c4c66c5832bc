import jax
import jax.numpy as jnp
import pytest
from support import refuses

import inr
from inr.rendering import least_bytes

MODEL = inr.Siren(features=3, width=16, depth=1)


@pytest.fixture(scope="module")
def field():
    return inr.bind(MODEL, MODEL.init(jax.random.key(0), jnp.zeros((1, 2))))


def test_the_error_names_the_smallest_budget(field):
    with pytest.raises(ValueError, match="at least") as error:
        inr.render(field, (90, 70), max_bytes=1000)
    least = int(str(error.value).split("at least ")[1].split()[0])
    inr.render(field, (90, 70), max_bytes=least)
    with refuses("at least"):
        inr.render(field, (90, 70), max_bytes=least - 1)


def test_least_bytes_is_the_smallest_budget(field):
    least = least_bytes(field, (90, 70))
    inr.render(field, (90, 70), max_bytes=least)
    with refuses("at least"):
        inr.render(field, (90, 70), max_bytes=least - 1)


def test_least_bytes_needs_only_shapes(field):
    shapes = jax.eval_shape(lambda: field)
    assert least_bytes(shapes, (90, 70)) == least_bytes(field, (90, 70))
