"""A field family defined outside the library has everything that its own have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr.fields import Affine, FieldModule, register, streams


@register("TestCubic")
class Cubic(FieldModule):
    """A polynomial of degree 3 in every hidden unit."""

    default_learning_rate = 1e-2

    width: int = 16
    exponents: tuple[tuple[int, ...], ...] = ((1, 2), (3,))

    def network(self, x):
        hidden = Affine(self.width, name="hidden")(x)
        powers = [
            streams.pointwise(lambda u, n=n: u**n, hidden)
            for group in self.exponents
            for n in group
        ]
        return Affine(self.features, name="linear")(streams.concatenate(powers))


@pytest.fixture(scope="module")
def image():
    y, x = np.moveaxis(np.asarray(inr.coords.grid((8, 12))), -1, 0)
    return np.stack([0.5 + 0.4 * x * y, 0.5 + 0.4 * y**3], -1).astype(np.float32)


@pytest.fixture(scope="module")
def field(image):
    data = inr.coords.grid((8, 12)).reshape(-1, 2), image.reshape(-1, 2)
    model = Cubic(features=2)
    return inr.fit(jax.random.key(0), model, data, num_steps=300, progress=False).field


def test_a_registered_family_is_fitted_and_rendered(field, image):
    assert np.abs(inr.render(field, (8, 12)) - image).mean() < 0.02


def test_a_registered_family_has_exact_derivatives(field, key):
    points = inr.coords.random_points(key, 20)
    result = inr.value_gradient_laplacian(field, points)
    # A plain function is differentiated without streams.
    expected = inr.value_gradient_laplacian(lambda c: field(c), points)
    for a, b in zip(result, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4 * (1 + np.abs(b).max()))


def test_a_registered_family_is_saved_and_loaded(field, tmp_path):
    path = tmp_path / "cubic.safetensors"
    inr.save_field(path, field, size=(8, 12))
    loaded, size = inr.load_field(path)
    assert loaded.model == field.model
    assert hash(loaded.model) == hash(field.model)
    np.testing.assert_array_equal(inr.render(loaded, size), inr.render(field, size))


def test_an_unregistered_family_is_not_saved(key, tmp_path):
    class Unregistered(Cubic):
        pass

    model = Unregistered()
    field = inr.bind(model, model.init(key, jnp.zeros((1, 2))))
    with refuses("got Unregistered. Decorate your family", TypeError):
        inr.save_field(tmp_path / "a.safetensors", field)


def test_hyperparameters_must_be_json(key, tmp_path):
    @register("TestActivation")
    class Activation(FieldModule):
        function: object = jnp.tanh

        def network(self, x):
            return Affine(self.features)(streams.pointwise(self.function, x))

    model = Activation()
    field = inr.bind(model, model.init(key, jnp.zeros((1, 2))))
    with refuses("`model` must be a Activation.*for JSON, got function="):
        inr.save_field(tmp_path / "a.safetensors", field)


def test_a_name_belongs_to_one_class():
    for name in ("Siren", "TestCubic"):
        with refuses("`name` must be a name that is not registered"):

            @register(name)
            class Thief(FieldModule):
                pass


def test_a_class_may_be_defined_again():
    def define():
        @register("TestNotebook")
        class Notebook(FieldModule):
            pass

        return Notebook

    assert define() is not define()


def test_register_needs_a_name_and_a_module():
    with refuses('Write `@register\\("MyField"\\)`', TypeError):
        register(Cubic)
    with refuses("takes a flax.linen module class", TypeError):
        register("TestFunction")(jnp.sin)
