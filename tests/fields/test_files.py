import json
import pathlib

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from support import refuses

import inr
from inr import coords

FOLDER = pathlib.Path(__file__).parent


@pytest.fixture
def field(key):
    model = inr.Siren(
        features=3, width=16, depth=2, omega=20.0, hidden_omega=(30.0, 10.0)
    )
    return inr.bind(model, model.init(key, jnp.zeros((1, 2))))


def rewrite(source, target, *, arrays=None, **header):
    """Copy a field file with different arrays or a different header."""
    with safetensors.safe_open(source, framework="numpy") as file:
        header = {**file.metadata(), **header}
        if arrays is None:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    target.write_bytes(safetensors.numpy.save(arrays, header))
    return target


def test_a_loaded_field_equals_the_saved_field(field, tmp_path):
    path = tmp_path / "a.safetensors"
    inr.save_field(path, field, size=(48, 64))
    loaded, size = inr.load_field(path)
    assert size == (48, 64)
    assert loaded.model == field.model
    chex.assert_trees_all_equal(loaded.params, field.params)
    points = coords.grid((3, 4))
    np.testing.assert_array_equal(loaded(points), field(points))
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize("number", [1, 2])
def test_files_of_all_formats_are_readable(number):
    path = FOLDER / f"field_format_{number}.safetensors"
    with safetensors.safe_open(path, framework="numpy") as file:
        assert file.metadata()["inr_format"] == str(number)
    loaded, size = inr.load_field(path)
    assert loaded.model == inr.Siren(features=2, width=4, depth=1, omega=12.0)
    assert size == (5, 7)
    expected = json.loads(path.with_suffix(".json").read_text())
    np.testing.assert_allclose(loaded(coords.grid((2, 3))), expected, atol=1e-6)


def test_a_fitted_field_renders_the_same_after_a_round_trip(tmp_path, key):
    image = np.random.default_rng(0).uniform(0, 1, (6, 9, 1)).astype(np.float32)
    model = inr.Siren(width=16, depth=1)
    result = inr.fit_image(key, image, model=model, num_steps=3, progress=False)
    field = result.field
    inr.save_field(tmp_path / "a.safetensors", field, size=image.shape[:2])
    loaded, size = inr.load_field(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(inr.render(loaded, size), inr.render(field, size))


def test_invalid_files_raise_an_error(field, tmp_path):
    good = tmp_path / "good.safetensors"
    inr.save_field(good, field)
    bad = tmp_path / "bad.safetensors"
    with refuses("`path` must be a safetensors file", FileNotFoundError):
        inr.load_field(tmp_path / "missing.safetensors")
    with refuses("ending in .safetensors"):
        inr.load_field(tmp_path / "a.pkl")
    for length in (0, 4, 100, 2000):
        bad.write_bytes(good.read_bytes()[:length])
        with refuses("complete safetensors file"):
            inr.load_field(bad)
    bad.write_bytes(b"\x80\x04\x95pickle")
    with refuses("complete safetensors file"):
        inr.load_field(bad)
    bad.write_bytes(safetensors.numpy.save({"x": np.zeros(3)}))
    with refuses("written by `save_field`"):
        inr.load_field(bad)
    with refuses("got format '3'.*Update inr"):
        inr.load_field(rewrite(good, bad, inr_format="3"))
    with refuses("of kind"):
        inr.load_field(rewrite(good, bad, kind="Transformer"))
    with refuses("hyperparameters"):
        inr.load_field(rewrite(good, bad, hyperparameters='{"speed": 3}'))
    with refuses("must hold the arrays"):
        inr.load_field(
            rewrite(good, bad, hyperparameters='{"features": 3, "width": 8}')
        )
    with refuses("must hold the arrays"):
        inr.load_field(rewrite(good, bad, arrays={"x": np.zeros(3)}))


def test_arguments_that_cannot_be_saved_raise_an_error(field, tmp_path):
    path = tmp_path / "a.safetensors"
    with refuses("ending in .safetensors"):
        inr.save_field(tmp_path / "a.npz", field)
    with refuses("`field`", TypeError):
        inr.save_field(path, lambda c: c)
    with refuses("`size`"):
        inr.save_field(path, field, size=(0, 3))
    wider = inr.fields.BoundField(field.model.clone(width=32), field.params)
    with refuses("`field` must hold the arrays of Siren"):
        inr.save_field(path, wider)
    stacked = jax.tree.map(lambda x: jnp.stack([x, x]), field)
    with refuses("`field` must hold the arrays of Siren"):
        inr.save_field(path, stacked)
    assert not list(tmp_path.iterdir())


if __name__ == "__main__":  # writes the files of the current format, once
    model = inr.Siren(features=2, width=4, depth=1, omega=12.0)
    field = inr.bind(model, model.init(jax.random.key(5), jnp.zeros((1, 2))))
    inr.save_field(FOLDER / "field_format_2.safetensors", field, size=(5, 7))
    values = np.asarray(field(coords.grid((2, 3))), np.float64)
    (FOLDER / "field_format_2.json").write_text(json.dumps(values.tolist()))
