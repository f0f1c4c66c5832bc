"""Each function of `streams` equals general differentiation of the same composite."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import coords as _coords
from inr.fields import cosine, sine, streams

RNG = np.random.default_rng(0)
KERNEL = jnp.asarray(RNG.standard_normal((3, 4), np.float32))
SQUARE = jnp.asarray(RNG.standard_normal((4, 4), np.float32))
BIAS = jnp.asarray(RNG.standard_normal(4, np.float32))


def hidden(x):
    """Features `[..., 4]` whose gradient and Laplacian depend on the point."""
    return streams.pointwise(jnp.sin, streams.affine(x, KERNEL, BIAS))


COMPOSITES = {
    "affine": lambda x: streams.affine(x, KERNEL, BIAS),
    "affine_without_bias": lambda x: streams.affine(x, KERNEL),
    "affine_of_features": lambda x: streams.affine(hidden(x), SQUARE, BIAS),
    "pointwise_of_coords": lambda x: streams.pointwise(jnp.tanh, x),
    "pointwise_of_features": lambda x: streams.pointwise(jnp.exp, hidden(x)),
    "sine": lambda x: streams.pointwise(sine, hidden(x)),
    "multiply_coords": lambda x: streams.multiply(x, x),
    "multiply_features": lambda x: streams.multiply(
        hidden(x), streams.affine(x, KERNEL)
    ),
    "multiply_by_constant": lambda x: streams.multiply(hidden(x), BIAS),
    "add": lambda x: streams.add(hidden(x), streams.affine(x, KERNEL)),
    "translate": lambda x: streams.translate(hidden(x), BIAS),
    "concatenate": lambda x: streams.concatenate(
        [x, hidden(x), streams.multiply(x, x)]
    ),
    "lift_of_coords": lambda x: streams.lift(_every_pair, x),
    "lift_of_features": lambda x: streams.lift(_every_pair, hidden(x)),
    "network": lambda x: streams.affine(
        streams.multiply(hidden(x), hidden(streams.multiply(x, x))), SQUARE
    ),
}


def _every_pair(u):
    """Not elementwise: products of neighboring features."""
    return jnp.sin(u) * jnp.roll(u, 1, axis=-1)


def test_width_is_the_number_of_features_of_every_kind():
    coords = jnp.zeros((5, 3))
    for x in (coords, streams.seed(coords), streams.seed_cells(coords, jnp.ones(3))):
        assert streams.width(x) == 3
        assert streams.width(streams.affine(x, KERNEL)) == 4


@pytest.fixture
def points(key):
    return _coords.random_points(key, 6, ndim=3)


def general(fn, points):
    """Value, gradient and Laplacian of a function of coords `[n, d]`."""
    gradient = jax.vmap(jax.jacfwd(fn))(points)
    hessian = jax.vmap(jax.hessian(fn))(points)
    return fn(points), jnp.moveaxis(gradient, -1, 0), jnp.trace(hessian, 0, -2, -1)


@pytest.mark.parametrize("name", COMPOSITES)
def test_rules_equal_general_differentiation(name, points):
    fn = COMPOSITES[name]
    got, expected = jax.jit(lambda x: (tuple(fn(streams.seed(x))), general(fn, x)))(
        points
    )
    for a, b in zip(got, expected, strict=True):
        # Leading axes of the derivatives may have length 1.
        a = np.broadcast_to(a, b.shape)
        np.testing.assert_allclose(a, b, atol=2e-5)


@pytest.mark.parametrize("name", ["affine", "network", "concatenate", "lift_of_coords"])
def test_leading_axes_are_arbitrary(name, points):
    @jax.jit
    def layouts(x):
        fn, shapes = COMPOSITES[name], ((6, 3), (2, 3, 3))
        return [fn(streams.seed(x.reshape(shape))) for shape in shapes]

    for a, b in zip(*layouts(points), strict=True):
        flat = b.reshape(*a.shape[:-2], -1, a.shape[-1])
        np.testing.assert_allclose(flat, a, atol=1e-6)


def test_derivatives_of_affine_maps_do_not_grow_with_the_points(points):
    y = streams.affine(streams.seed(points), KERNEL, BIAS)
    assert y.gradient.shape == (3, 1, 4)
    assert y.laplacian.shape == (1, 4)
    np.testing.assert_array_equal(y.gradient[:, 0], KERNEL)
    assert not y.laplacian.any()


def test_a_composite_is_differentiable_in_kernel_and_points(points):
    def loss(kernel, x):
        y = streams.pointwise(jnp.tanh, streams.affine(streams.seed(x), kernel))
        return jnp.square(y.laplacian).sum()

    def plain(kernel, x):
        hessian = jax.vmap(jax.hessian(lambda p: jnp.tanh(p @ kernel)))(x)
        return jnp.square(jnp.trace(hessian, 0, -2, -1)).sum()

    got = jax.jit(jax.grad(loss, argnums=(0, 1)))(KERNEL, points)
    expected = jax.jit(jax.grad(plain, argnums=(0, 1)))(KERNEL, points)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4), got, expected
    )


def test_low_precision_products_are_summed_in_float32(points):
    y = streams.affine(streams.seed(points), KERNEL, BIAS, dtype=jnp.bfloat16)
    assert {u.dtype for u in y} == {jnp.dtype("float32")}
    np.testing.assert_allclose(y.value, points @ KERNEL + BIAS[None], atol=0.05)


@jax.jit
def sampled_means(field, centers, cell):
    """Means over boxes by the midpoint rule."""
    samples = (np.arange(32, dtype=np.float32) + 0.5) / 32 - 0.5
    mesh = np.stack(np.meshgrid(samples, samples, indexing="ij"), -1).reshape(-1, 1, 2)
    return field(centers[None] + mesh * cell[None, None]).mean(0)


@pytest.mark.parametrize(
    "model",
    [
        inr.Siren(2, width=16, depth=0, omega=20.0),
        inr.FourierFeatures(2, depth=0, num_frequencies=16, sigma=3.0),
    ],
)
def test_cell_means_of_fields_linear_in_sines_are_exact(model, points):
    centers, cell = points[:, :2], jnp.array([0.3, 0.2], jnp.float32)
    params = model.init(jax.random.key(0, impl="rbg"), centers)
    affine = {
        "coords_scale": jnp.array([1.0, 0.6], jnp.float32),
        "coords_shift": jnp.array([0.1, 0.0], jnp.float32),
    }
    params = {**params, "normalization": {**params["normalization"], **affine}}
    field = inr.bind(model, params)
    got = field.cell_mean(centers, cell)
    np.testing.assert_allclose(got, sampled_means(field, centers, cell), atol=2e-3)
    assert float(jnp.abs(got - field(centers)).max()) > 0.01


def test_means_over_empty_cells_are_values(points):
    x = streams.seed_cells(points, jnp.zeros(3))
    mean = streams.pointwise(sine, streams.affine(x, KERNEL, BIAS)).value
    np.testing.assert_allclose(mean, hidden(points), atol=1e-6)


@pytest.mark.parametrize(
    ("fn", "operation"),
    [
        (lambda x: streams.pointwise(jnp.tanh, x), "tanh"),
        (lambda x: streams.pointwise(cosine, x), "cosine"),
        (lambda x: streams.pointwise(sine, streams.pointwise(sine, x)), "sine"),
        (lambda x: streams.multiply(x, x), "a product"),
        (lambda x: streams.lift(_every_pair, x), "_every_pair"),
    ],
)
def test_means_without_a_closed_form_raise_an_error(fn, operation, points):
    with refuses(f"{operation}.*antialias=4"):
        fn(streams.seed_cells(points, jnp.ones(3)))


def test_means_of_deep_fields_raise_an_error(key, points):
    model = inr.FourierFeatures(1, width=8, depth=1, num_frequencies=4)

    def mean(key, points):
        field = inr.bind(model, model.init(key, points))
        return field.cell_mean(points, jnp.ones(3))

    with refuses("antialias=4"):
        jax.eval_shape(mean, key, points)
