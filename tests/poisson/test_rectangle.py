import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import count_compilations, refuses

from inr import poisson

SIZES = [(9, 13), (1, 8)]


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def laplacian_1d(n, boundary):
    """Tridiagonal second difference, written entry by entry."""
    matrix = np.zeros((n, n))
    for i in range(n):
        for j in (i - 1, i + 1):
            if boundary == "periodic":
                matrix[i, j % n] += 1
                matrix[i, i] -= 1
            elif 0 <= j < n:
                matrix[i, j] += 1
                matrix[i, i] -= 1
            elif boundary == "dirichlet":
                matrix[i, i] -= 1
    return matrix


def laplacian(size, boundary):
    first, second = (laplacian_1d(n, boundary) for n in size)
    return np.kron(first, np.eye(size[1])) + np.kron(np.eye(size[0]), second)


@pytest.mark.parametrize("screening", [0.0, 0.3])
@pytest.mark.parametrize("boundary", ["neumann", "dirichlet", "periodic"])
@pytest.mark.parametrize("size", [(9, 13), (1, 8), (5, 2)], ids=str)
def test_equals_dense_least_squares(size, boundary, screening):
    rhs = draw(*size, 2)
    matrix = laplacian(size, boundary) - screening * np.eye(np.prod(size))
    expected = np.linalg.lstsq(matrix, rhs.reshape(-1, 2), rcond=1e-9)[0]
    with jax.enable_x64(True):
        u = poisson.solve(rhs, boundary=boundary, screening=screening)
    np.testing.assert_allclose(u.reshape(-1, 2), expected, atol=1e-12)


@pytest.mark.parametrize("boundary", ["neumann", "periodic"])
@pytest.mark.parametrize("size", [*SIZES, (256, 257)], ids=str)
def test_integration_inverts_differences(size, boundary):
    image = 255 * np.random.default_rng(0).random((*size, 3))
    with jax.enable_x64(True):
        gradient = poisson.grid_gradient(image, boundary=boundary)
        mean = image.mean((0, 1))
        back = poisson.integrate(gradient, boundary=boundary, mean=mean)
    np.testing.assert_allclose(back, image, atol=1e-11)


@pytest.mark.parametrize("side", [256, 1024])
def test_float32_error_in_the_unit_range(side):
    y, x = np.mgrid[:side, :side] / side
    image = (0.5 + 0.4 * np.sin(7 * x + 3 * y * y) * np.cos(11 * y))[..., None]
    image = (image + 0.1 * draw(side, side, 1)).clip(0, 1).astype(np.float32)
    gradient = poisson.grid_gradient(image)
    back = poisson.integrate(gradient, mean=image.mean((0, 1), dtype=np.float64))
    assert np.abs(back - image).max() < 1e-5


def test_integration_of_a_field_that_is_not_a_gradient_is_least_squares():
    size = (7, 6)
    field = draw(*size, 2, 1)
    rows = []
    for axis, (h, w) in enumerate(((size[0] - 1, size[1]), (size[0], size[1] - 1))):
        for i in range(h):
            for j in range(w):
                row = np.zeros(size)
                row[i, j], row[i + (axis == 0), j + (axis == 1)] = -1, 1
                rows.append((row.ravel(), field[i, j, axis, 0]))
    matrix, differences = (np.array(x) for x in zip(*rows, strict=True))
    expected = np.linalg.lstsq(matrix, differences, rcond=1e-9)[0]
    with jax.enable_x64(True):
        u = poisson.integrate(field)
    np.testing.assert_allclose(u.ravel(), expected - expected.mean(), atol=1e-12)


def test_dirichlet_boundary_values():
    u = draw(12, 70, 2)
    rhs = poisson.grid_laplacian(u)[1:-1, 1:-1]
    frame = u.copy()
    frame[1:-1, 1:-1] = np.nan  # Only the frame is read.
    result = poisson.solve(rhs, boundary="dirichlet", boundary_values=frame)
    np.testing.assert_allclose(result, u[1:-1, 1:-1], atol=2e-4)


def test_screening_interpolates_between_gradient_and_data():
    guidance, data = draw(8, 9, 2, 1), draw(8, 9, 1)
    with jax.enable_x64(True):
        near = poisson.integrate_screened(guidance, data, 1e9)
        far = poisson.integrate_screened(guidance, data, 1e-8)
        free = poisson.integrate(guidance, mean=data.mean())
        exact = poisson.integrate_screened(poisson.grid_gradient(data), data, 0.7)
    np.testing.assert_allclose(near, data, atol=1e-7)
    np.testing.assert_allclose(far, free, atol=1e-6)
    np.testing.assert_allclose(exact, data, atol=1e-12)


@pytest.mark.parametrize("boundary", ["neumann", "dirichlet", "periodic"])
def test_vmap_and_jit_equal_a_loop(boundary):
    rhs = draw(3, 9, 70, 2).astype(np.float32)

    def f(rhs):
        return poisson.solve(rhs, boundary=boundary)

    loop = jnp.stack([f(x) for x in rhs])
    np.testing.assert_allclose(jax.vmap(f)(rhs), loop, atol=1e-4)
    np.testing.assert_allclose(jax.jit(jax.vmap(f))(rhs), loop, atol=1e-4)


@pytest.mark.parametrize("boundary", ["neumann", "dirichlet", "periodic"])
def test_the_derivative_is_the_solve_of_the_cotangent(boundary):
    """Delta and its (pseudo-)inverse are symmetric."""
    rhs, y = draw(9, 70, 1), draw(9, 70, 1, seed=1)
    with jax.enable_x64(True):
        gradient = jax.grad(
            lambda rhs: jnp.vdot(poisson.solve(rhs, boundary=boundary), y)
        )(jnp.asarray(rhs))
        expected = poisson.solve(y, boundary=boundary)
    np.testing.assert_allclose(gradient, expected, atol=1e-10)


def test_the_derivative_with_respect_to_screening():
    rhs = draw(6, 7, 1)
    rhs -= rhs.mean()
    with jax.enable_x64(True):

        def f(s):
            return jnp.sum(poisson.solve(rhs, screening=s) ** 2)

        result = jax.grad(f)(0.4)
        expected = (f(0.4 + 1e-6) - f(0.4 - 1e-6)) / 2e-6
        at_zero = jax.grad(f)(0.0)
    np.testing.assert_allclose(result, expected, rtol=1e-6)
    assert np.isfinite(at_zero)


def test_another_image_and_screening_do_not_recompile():
    a, b = (draw(20, 30, 3, seed=s).astype(np.float32) for s in (1, 2))
    poisson.solve(a, screening=0.1)
    with count_compilations() as count:
        poisson.solve(b, screening=0.2)
    assert count() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: poisson.solve(r[..., 0]), r"`rhs` must be \[h, w, c\]"),
        (lambda r: poisson.solve(r * np.nan), "`rhs` must be finite"),
        (lambda r: poisson.solve(r, boundary="open"), "`boundary` must be one of"),
        (lambda r: poisson.solve(r, screening=-1.0), "`screening`"),
        (
            lambda r: poisson.solve(r, boundary_values=r),
            "`boundary_values` must be None where",
        ),
        (
            lambda r: poisson.solve(r, boundary="dirichlet", boundary_values=r),
            r"`boundary_values` must be of shape \(6, 7, 1\)",
        ),
        (
            lambda r: poisson.integrate(np.zeros((4, 5, 2, 1)), mean=np.zeros(3)),
            "`mean`",
        ),
        (
            lambda r: poisson.integrate_screened(np.zeros((4, 5, 2, 1)), r[:3], 1.0),
            "`data`",
        ),
    ],
)
def test_invalid_input_raises(call, message):
    with refuses(message):
        call(draw(4, 5, 1))
