import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from support import count_compilations, refuses

import inr
from inr import coords

MODEL = inr.Siren(features=2, width=16, depth=1)


@pytest.fixture
def field(key):
    return inr.bind(MODEL, MODEL.init(key, jnp.zeros((1, 2))))


class Blur(nn.Module):
    """A conditional model: the mean color of an image times one weight per axis."""

    @nn.compact
    def __call__(self, coords, feature_map):
        weight = self.param("weight", nn.initializers.ones, (coords.shape[-1], 1))
        return (coords @ weight) * feature_map[None]

    def encode(self, image):
        return image.mean((0, 1))


def test_a_bound_field_is_the_model_with_its_params(field, key):
    points = coords.random_points(key, 10)
    np.testing.assert_array_equal(field(points), MODEL.apply(field.params, points))


def test_a_bound_field_is_an_argument_of_jit_grad_and_vmap(field, key):
    points = coords.random_points(key, 10)
    np.testing.assert_allclose(
        jax.jit(lambda f, c: f(c))(field, points), field(points), atol=1e-6
    )
    gradient = jax.grad(lambda f: f(points).sum())(field)
    chex.assert_tree_all_finite(gradient)
    assert gradient.model == MODEL
    stacked = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), field)
    double = jax.tree.map(lambda x: 2 * x, field)
    both = jax.vmap(lambda f: f(points))(stacked)
    np.testing.assert_allclose(both[0], field(points), atol=1e-5)
    np.testing.assert_allclose(both[1], double(points), atol=1e-4)


def test_equal_models_do_not_retrace(field, key):
    points = coords.random_points(key, 10)
    call = jax.jit(chex.assert_max_traces(lambda f, c: f(c), n=1))
    for _ in range(2):
        model = inr.Siren(features=2, width=16, depth=1)
        call(inr.bind(model, field.params), points)
    with count_compilations() as count:
        call(inr.bind(inr.Siren(features=2, width=16, depth=1), field.params), points)
    assert count() == 0


def test_a_conditional_model_encodes_once_and_uses_the_image(key):
    image = jax.random.uniform(key, (4, 4, 3))
    points = coords.grid((2, 2)).reshape(-1, 2)
    params = Blur().init(key, points, image.mean((0, 1)))
    bound = inr.bind(Blur(), params, image)
    np.testing.assert_allclose(bound.feature_map, image.mean((0, 1)), atol=1e-6)
    expected = points.sum(-1, keepdims=True) * image.mean((0, 1))[None]
    np.testing.assert_allclose(bound(points), expected, atol=1e-6)
    negative = inr.bind(Blur(), params, 1 - image)
    assert not np.allclose(bound(points), negative(points))


def test_arguments_that_cannot_be_bound_raise_an_error(field, key):
    with refuses("plain function", TypeError):
        inr.bind(jnp.sin, field.params)
    with refuses("`params`", TypeError):
        inr.bind(MODEL, field.params["params"])
    with refuses("`params`", TypeError):
        inr.bind(MODEL, None)
    with refuses("`image`"):
        inr.bind(MODEL, field.params, jnp.zeros((4, 4, 3)))
    with refuses("`image`"):
        inr.bind(Blur(), {"params": {}})


def test_a_bound_field_can_be_jitted_itself(field, key):
    points = coords.random_points(key, 10)
    np.testing.assert_allclose(jax.jit(field)(points), field(points), atol=1e-6)
    assert {field: 1}[field] == 1


def test_the_repr_is_short_and_has_no_arrays(field, key):
    assert repr(field) == "BoundField(Siren: 2 -> 2 features, 354 parameters)"
    batch = jax.tree.map(lambda x: jnp.stack([x, x, x]), field)
    text = "BoundField(3 x Siren: 2 -> 2 features, 354 parameters each)"
    assert repr(batch) == text
    image = jnp.zeros((4, 4, 3))
    params = Blur().init(key, jnp.zeros((1, 2)), image[0, 0])
    text = "BoundField(Blur, 2 parameters, with a feature map)"
    assert repr(inr.bind(Blur(), params, image)) == text
    assert repr(jax.eval_shape(lambda: field)) == repr(field)
    texts = []
    jax.jit(lambda field: texts.append(repr(field)))(field)
    assert texts == [repr(field)]
    assert "BoundField" in repr(jax.tree.map(lambda x: None, field))
