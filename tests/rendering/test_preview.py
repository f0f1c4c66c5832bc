"""Pictures of fields in notebooks."""

import io
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import inr
from inr import fields

POINTS = jnp.zeros((1, 2))


@fields.register("test.Plane")
class Plane(fields.FieldModule):
    """`y` in the first features, `2 x` in the last one; without parameters."""

    def network(self, x):
        columns = [x[..., :1]] * (self.features - 1) + [2 * x[..., 1:2]]
        return jnp.concatenate(columns, -1)


def plane(features=3, extent=(0.5, 1.0)):
    model = Plane(features=features)
    params = model.init(jax.random.key(0), jnp.zeros((1, len(extent))))
    scale = jnp.asarray(extent, jnp.float32)
    normalization = {**params["normalization"], "coords_scale": scale}
    return inr.bind(model, {"params": {}, "normalization": normalization})


def pixels(data):
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture)


@pytest.mark.parametrize("features", [1, 3])
def test_the_picture_of_an_image_field(features):
    picture = pixels(plane(features)._repr_png_())
    shape = (128, 256) if features == 1 else (128, 256, 3)
    assert picture.shape == shape
    x = (np.arange(256) + 0.5) / 128 - 1
    expected = np.broadcast_to(255 * np.clip(2 * x, 0, 1), (128, 256))
    last = picture.reshape(128, 256, -1)[..., -1]
    # The pixel where the clipping starts is a mean of two samples.
    np.testing.assert_allclose(last, expected, atol=2)


def test_a_result_shows_its_field():
    field = plane()
    history = np.ones(2, np.float32)
    result = inr.FitResult(field, history, 2, "finished")
    assert result._repr_png_() == field._repr_png_()


def test_other_fields_have_no_picture():
    for field in (plane(2), plane(3, (1.0, 1.0, 1.0)), plane(3, (jnp.nan, 1.0))):
        assert field._repr_png_() is None
    field = plane()
    assert jax.tree.map(lambda x: jnp.stack([x, x]), field)._repr_png_() is None
    assert jax.tree.map(lambda x: None, field)._repr_png_() is None
    assert jax.eval_shape(lambda: field)._repr_png_() is None
    pictures = []
    jax.jit(lambda field: pictures.append(field._repr_png_()))(field)
    assert pictures == [None]


def test_the_picture_of_a_compressed_picture():
    data = (pathlib.Path(__file__).parents[1] / "data" / "cat.inr").read_bytes()
    picture = pixels(inr.codec.decode_field(data)._repr_png_())
    reduced = picture.reshape(64, 4, 64, 4, 3).mean((1, 3))
    decoded = np.asarray(inr.codec.decode(data))
    expected = inr.training.reduce_images(decoded, (64, 64))
    assert np.abs(reduced / 255 - expected).mean() < 0.01


def test_a_field_of_another_conditional_model_has_no_picture():
    model, params = inr.models.load_model("upscale")
    assert inr.bind(model, params, np.zeros((8, 8, 3)))._repr_png_() is None
