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

FORMAT_1 = pathlib.Path(__file__).parent / "field_format_1.safetensors"


@pytest.fixture
def field(key):
    model = inr.Siren(
        features=3, width=16, depth=2, omega=20.0, hidden_omega=(30.0, 10.0)
    )
    return inr.bind(model, model.init(key, jnp.zeros((1, 2))))


def rewrite(source, target, *, arrays=None, **header):
    """A copy of a field file with other arrays or another header."""
    with safetensors.safe_open(source, framework="numpy") as file:
        old = dict(file.metadata())
        kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    new = {k: v for k, v in {**old, **header}.items() if v is not None}
    target.write_bytes(safetensors.numpy.save(arrays or kept, new))
    return target


def test_what_is_read_is_what_was_written(field, tmp_path):
    path = tmp_path / "a.safetensors"
    inr.save_field(path, field, size=(48, 64))
    loaded, size = inr.load_field(path)
    assert size == (48, 64)
    assert loaded.model == field.model
    chex.assert_trees_all_equal(loaded.params, field.params)
    points = coords.grid((3, 4))
    np.testing.assert_array_equal(loaded(points), field(points))
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_a_file_of_format_1_reads_forever():
    loaded, size = inr.load_field(FORMAT_1)
    assert loaded.model == inr.Siren(features=2, width=4, depth=1, omega=12.0)
    assert size == (5, 7)
    expected = json.loads(FORMAT_1.with_suffix(".json").read_text())
    np.testing.assert_allclose(loaded(coords.grid((2, 3))), expected, atol=1e-6)


def test_a_fitted_field_renders_the_same_after_a_round_trip(tmp_path, key):
    image = np.random.default_rng(0).uniform(0, 1, (6, 9, 1)).astype(np.float32)
    model = inr.Siren(width=16, depth=1)
    result = inr.fit_image(key, model, image, num_steps=3, progress=False)
    field = inr.bind(model, result.params)
    inr.save_field(tmp_path / "a.safetensors", field, size=image.shape[:2])
    loaded, size = inr.load_field(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(inr.render(loaded, size), inr.render(field, size))


def test_bad_files_are_refused(field, tmp_path):
    good = tmp_path / "good.safetensors"
    inr.save_field(good, field)
    bad = tmp_path / "bad.safetensors"
    with refuses("`path` must name a file", FileNotFoundError):
        inr.load_field(tmp_path / "missing.safetensors")
    with refuses("ending in .safetensors"):
        inr.load_field(tmp_path / "a.pkl")
    for keep in (0, 4, 100, 2000):
        bad.write_bytes(good.read_bytes()[:keep])
        with refuses("whole safetensors file"):
            inr.load_field(bad)
    bad.write_bytes(b"\x80\x04\x95pickle")
    with refuses("whole safetensors file"):
        inr.load_field(bad)
    bad.write_bytes(safetensors.numpy.save({"x": np.zeros(3)}))
    with refuses("written by `save_field`"):
        inr.load_field(bad)
    with refuses("format 2"):
        inr.load_field(rewrite(good, bad, inr_format="2"))
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


def test_what_cannot_be_saved_is_refused(field, tmp_path):
    with refuses("ending in .safetensors"):
        inr.save_field(tmp_path / "a.npz", field)
    with refuses("`field`", TypeError):
        inr.save_field(tmp_path / "a.safetensors", lambda c: c)
    with refuses("`size`"):
        inr.save_field(tmp_path / "a.safetensors", field, size=(0, 3))
    assert not list(tmp_path.iterdir())


if __name__ == "__main__":  # made the committed file; never run it again
    small = inr.Siren(features=2, width=4, depth=1, omega=12.0)
    made = inr.bind(small, small.init(jax.random.key(5), jnp.zeros((1, 2))))
    inr.save_field(FORMAT_1, made, size=(5, 7))
    values = np.asarray(made(coords.grid((2, 3))), np.float64)
    FORMAT_1.with_suffix(".json").write_text(json.dumps(values.tolist()))
