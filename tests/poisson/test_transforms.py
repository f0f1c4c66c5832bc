import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.fft
from support import refuses

from inr import poisson

SHAPES = [(5, 7), (66, 129), (127, 96), (1, 70), (2, 8)]
TWINS = {
    "dct": (poisson.dct, lambda x, axes: scipy.fft.dctn(x, axes=axes)),
    "idct": (poisson.idct, lambda x, axes: scipy.fft.idctn(x, axes=axes)),
    "dst": (poisson.dst, lambda x, axes: scipy.fft.dstn(x, 1, axes=axes)),
    "idst": (poisson.idst, lambda x, axes: scipy.fft.idstn(x, 1, axes=axes)),
}
# The DST-I of SciPy needs at least two samples; ours is defined for one sample too.
LONG_ENOUGH = [shape for shape in SHAPES if min(shape) > 1]


def draw(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", TWINS)
def test_equals_scipy(name, shape, dtype):
    if "dst" in name and shape not in LONG_ENOUGH:
        pytest.skip("SciPy has no DST-I of one sample")
    ours, twin = TWINS[name]
    x = draw(*shape)
    expected = twin(x, (0, 1))
    with jax.enable_x64(True):
        result = jax.jit(ours)(jnp.asarray(x, dtype))
    assert result.dtype == dtype
    error = np.abs(np.asarray(result) - expected).max() / np.abs(expected).max()
    assert error < (1e-6 if dtype == np.float32 else 1e-14)


@pytest.mark.parametrize("axes", [(1,), (2, 0), (0, -1, 1)])
@pytest.mark.parametrize("name", TWINS)
def test_any_axes(name, axes):
    ours, twin = TWINS[name]
    x = draw(30, 17, 20)
    expected = twin(x, axes)
    result = jax.jit(ours, static_argnames="axes")(x.astype(np.float32), axes=axes)
    np.testing.assert_allclose(result, expected, atol=2e-6 * np.abs(expected).max())


@pytest.mark.parametrize("pair", [("dct", "idct"), ("dst", "idst")])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_round_trip(pair, shape):
    forward, backward = (TWINS[name][0] for name in pair)
    x = draw(*shape).astype(np.float32)
    back = jax.jit(lambda x: backward(forward(x)))(x)
    np.testing.assert_allclose(back, x, atol=5e-6)


@pytest.mark.parametrize("shape", [(9, 12)], ids=str)
@pytest.mark.parametrize("name", TWINS)
def test_the_gradient_is_the_transposed_transform(name, shape):
    ours, twin = TWINS[name]
    x, y = draw(*shape), draw(*shape[::-1]).T
    product = jax.jit(lambda x: jnp.vdot(ours(x), jnp.asarray(y, x.dtype)))
    gradient = jax.grad(product)(jnp.asarray(x, jnp.float32))
    # <F u, y> = <u, F^T y> for a few unit vectors u.
    for index in [(0, 0), (3, 5), (shape[0] - 1, shape[1] - 1)]:
        unit = np.zeros(shape)
        unit[index] = 1
        expected = np.vdot(twin(unit, (0, 1)), y)
        np.testing.assert_allclose(
            gradient[index], expected, rtol=1e-4, atol=1e-5 * np.abs(gradient).max()
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", TWINS)
def test_vmap_and_jit_equal_a_loop(name):
    ours, _ = TWINS[name]
    x = draw(3, 7, 10).astype(np.float32)
    expected = jnp.stack([ours(row) for row in x])
    scale = float(np.abs(expected).max())
    np.testing.assert_allclose(jax.vmap(ours)(x), expected, atol=1e-6 * scale)
    np.testing.assert_allclose(jax.jit(jax.vmap(ours))(x), expected, atol=1e-6 * scale)


def test_invalid_input_raises():
    x = np.ones((4, 4), np.float32)
    with refuses("`x` must be a floating array"):
        poisson.dct(np.ones((4, 4), int))
    with refuses("`axes` must be axes of an array of rank 2"):
        poisson.dct(x, axes=(0, 2))
    with refuses("`axes` must be different"):
        poisson.dst(x, axes=(0, -2))
    with refuses("`x` must be non-empty"):
        poisson.dct(x[:0])
