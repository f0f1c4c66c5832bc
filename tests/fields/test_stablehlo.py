import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import count_compilations, mostly_slow, refuses

import inr

pytest.importorskip("flatbuffers", reason="jax.export writes with flatbuffers")

MODELS = {
    "siren": inr.Siren(3, width=10, depth=2),
    "bacon": inr.Bacon(2, width=8, bands=(2, 4)),
    "hash grid": inr.HashGrid(1, width=8, levels=3, log2_table_size=6),
}


def bound(model, *, ndim=2):
    key = jax.random.key(0, impl="rbg")
    params = model.init(key, jnp.zeros((1, ndim), jnp.float32))
    rng = np.random.default_rng(0)

    def perturb(x):  # little, because gains above 1 amplify rounding
        return x + np.float32(rng.normal(0, 0.03, x.shape))

    return inr.bind(model, jax.tree.map(perturb, params))


def points(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def tolerance(field, coords):
    """Largest difference of two computations of a field's formula in float32.

    Programs order their operations differently, and `render` computes the coords too.
    To first order a feature changes by the sum of |theta dy/dtheta| over the parameters
    theta, times the relative error of the terms that hold theta. Each term is rounded
    four times: scaled, multiplied, added, and passed to an activation. Both
    computations have errors.
    """

    def features(params):
        return inr.fields.BoundField(field.model, params)(coords)

    jacobian = jax.device_get(jax.jit(jax.jacobian(features))(field.params))
    terms = jax.tree.map(lambda a, b: np.abs(a * np.asarray(b)), jacobian, field.params)
    leaves = jax.tree.leaves(terms)  # [n, k, ...]
    total = sum(x.reshape(*x.shape[:2], -1).sum(-1) for x in leaves)
    return 2 * 4 * 2.0**-24 * total.max()


@pytest.fixture(scope="module")
def siren():
    return bound(MODELS["siren"])


@pytest.fixture(scope="module")
def data(siren):
    return inr.to_stablehlo(siren)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("name", mostly_slow(MODELS, "siren"))
def test_one_program_serves_any_number_of_points(name):
    field = bound(MODELS[name])
    loaded = inr.from_stablehlo(inr.to_stablehlo(field))
    atol = tolerance(field, points(15, 2))  # which hold all points below
    for shape in ((1, 2), (7, 2), (3, 5, 2), (2,)):
        expected = field(points(*shape))
        assert loaded(points(*shape)).shape == expected.shape
        np.testing.assert_allclose(loaded(points(*shape)), expected, rtol=0, atol=atol)
    assert np.std(field(points(50, 2))) > 10 * atol


@pytest.mark.slow
def test_the_number_of_axes_is_read_from_a_field_or_given():
    volume = bound(inr.Siren(width=8, depth=1), ndim=3)
    loaded = inr.from_stablehlo(inr.to_stablehlo(volume))
    coords = points(4, 3)
    atol = tolerance(volume, coords)
    np.testing.assert_allclose(loaded(coords), volume(coords), rtol=0, atol=atol)

    def ball(coords):
        return jnp.linalg.norm(coords, axis=-1, keepdims=True) - 0.5

    loaded = inr.from_stablehlo(inr.to_stablehlo(ball, ndim=5))
    # Squares, their sum, the root and the difference are rounded.
    np.testing.assert_allclose(
        loaded(points(4, 5)), ball(points(4, 5)), rtol=0, atol=8 * 2.0**-23
    )


@pytest.mark.slow
def test_jax_runs_the_program_without_the_library(siren, data, tmp_path):
    (tmp_path / "field.stablehlo").write_bytes(data)
    np.save(tmp_path / "coords.npy", points(9, 2))
    code = (
        "import sys, pathlib, numpy, jax; from jax import export\n"
        "data = bytearray(pathlib.Path('field.stablehlo').read_bytes())\n"
        "y = export.deserialize(data).call(numpy.load('coords.npy'))\n"
        "assert not {'inr', 'flax'} & set(sys.modules)\n"
        "numpy.save('features.npy', y)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    features = np.load(tmp_path / "features.npy")
    atol = tolerance(siren, points(9, 2))
    np.testing.assert_allclose(features, siren(points(9, 2)), rtol=0, atol=atol)


def test_the_program_names_its_platforms(siren, data):
    def platforms(data):
        return jax.export.deserialize(bytearray(data)).platforms

    assert platforms(data) == ("cpu", "cuda", "tpu")
    only = inr.to_stablehlo(siren, platforms=("tpu",))
    assert platforms(only) == ("tpu",)
    with pytest.raises(ValueError, match="tpu"):
        inr.from_stablehlo(only)(points(1, 2))


def test_a_second_call_of_the_same_shape_compiles_nothing(data):
    loaded = inr.from_stablehlo(data)
    coords = jnp.asarray(points(6, 2))
    loaded(coords)
    with count_compilations() as count:
        loaded(coords)
        assert count() == 0
        loaded(points(8, 2))
        assert count() > 0


def test_a_loaded_field_can_be_jitted_and_rendered(siren, data):
    loaded = inr.from_stablehlo(data)
    pixels = inr.coords.grid((4, 6))
    image, rendered = jax.jit(loaded)(pixels), inr.render(loaded, (4, 6))
    atol = tolerance(siren, pixels.reshape(-1, 2))
    for actual, expected in [
        (image, jax.jit(siren)(pixels)),
        (rendered, inr.render(siren, (4, 6))),
        (rendered, image),
    ]:
        np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


def test_damaged_bytes_raise_an_error(data):
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    for damaged in (flipped, data[:-1], data[:middle], data[1:], data + b"\n", b""):
        with refuses("`data` must be all the bytes"):
            inr.from_stablehlo(damaged)
    with refuses("Read a file", TypeError):
        inr.from_stablehlo("field.stablehlo")


def test_arguments_that_cannot_be_exported_raise_an_error(siren, data):
    for other in (siren.params, siren.model):
        with refuses("Bind a model", TypeError):
            inr.to_stablehlo(other, ndim=2)
    with refuses("finite"):
        inr.to_stablehlo(jax.tree.map(lambda x: x * jnp.nan, siren))
    with refuses("`ndim` must be the number of coords axes"):
        inr.to_stablehlo(jnp.sin)
    with refuses("`ndim` must be 2, as in the field, got 3"):
        inr.to_stablehlo(siren, ndim=3)
    for platforms in (("gpu",), (), "cpu"):
        with refuses("`platforms` must be (one|some) of"):
            inr.to_stablehlo(siren, platforms=platforms)
    loaded = inr.from_stablehlo(data)
    with refuses(r"`coords` must be \[..., 2\]"):
        loaded(points(4, 3))
    with refuses("non-empty"):
        loaded(points(0, 2))
