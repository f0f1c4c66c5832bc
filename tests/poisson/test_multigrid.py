import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inr.poisson import multigrid

SIZE = (13, 18)


def masks():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return {
        "disc": np.hypot(y - 6, x - 9) < 5,
        "holes": rng.random(SIZE) > 0.4,
        "specks": (y % 4 == 1) & (x % 3 == 1),
        "border": x < 9,
    }


def dense(function, shape):
    """The matrix of a linear function of arrays of this shape."""
    units = jnp.eye(np.prod(shape)).reshape(-1, *shape)
    return np.array(jax.jit(jax.vmap(function))(units)).reshape(len(units), -1).T


@pytest.fixture(params=list(masks()))
def fine(request):
    mask = jnp.asarray(masks()[request.param])
    screening = 0.1 * jnp.ones(SIZE) if request.param == "holes" else jnp.zeros(())
    return multigrid.fine_operator(mask, screening)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(12, 17), (13, 18)], ids=str)
def test_restriction_is_the_adjoint_of_bilinear_interpolation(size):
    level = multigrid.fine_operator(jnp.ones(size, bool), jnp.zeros(()))
    shape = tuple(n // 2 + 1 for n in size)
    p = dense(lambda c: multigrid._prolong(level, c), shape)
    r = dense(lambda f: multigrid._restrict(level, f), size)
    np.testing.assert_array_equal(r, p.T)
    y, x = np.mgrid[: shape[0], : shape[1]]
    plane = multigrid._prolong(level, jnp.asarray(2.0 * y - 3.0 * x + 1))
    y, x = np.mgrid[: size[0], : size[1]]
    np.testing.assert_allclose(plane, y - 1.5 * x + 1, atol=1e-5)


@pytest.mark.slow
def test_coarse_operators_are_galerkin_products(fine):
    level = fine
    for _ in range(2):
        coarse = jax.jit(multigrid._coarsen)(level)
        a = dense(
            lambda u, level=level: multigrid._product(level, u), level.inverse_l1.shape
        )
        p = dense(
            lambda c, level=level: multigrid._prolong(level, c), coarse.inverse_l1.shape
        )
        result = dense(
            lambda u, coarse=coarse: multigrid.apply(coarse, u), coarse.inverse_l1.shape
        )
        np.testing.assert_allclose(result, p.T @ a @ p, atol=1e-5)
        level = coarse


@pytest.mark.slow
def test_the_smoother_is_stable(fine):
    """The eigenvalues of A / l1 lie in [0, 1] on every level."""
    for level in jax.jit(multigrid.build)(fine).levels:
        a = dense(
            lambda u, level=level: multigrid.apply(level, u), level.inverse_l1.shape
        )
        root = np.sqrt(np.asarray(level.inverse_l1)).ravel()
        if isinstance(level, multigrid.Fine):
            known = ~np.asarray(level.mask).ravel()
            a[:, known] = a[known] = 0
        eigenvalues = np.linalg.eigvalsh(root[:, None] * a * root)
        assert eigenvalues.min() > -1e-5
        assert eigenvalues.max() < 1 + 1e-5


def test_the_cycle_is_symmetric_and_close_to_the_inverse(fine):
    hierarchy = jax.jit(multigrid.build)(fine)
    cycle = dense(lambda b: multigrid.cycle(hierarchy, b), SIZE)
    unknown = np.asarray(fine.mask).ravel()
    cycle = cycle[np.ix_(unknown, unknown)]
    np.testing.assert_allclose(cycle, cycle.T, atol=1e-5)
    a = dense(lambda u: multigrid.apply(fine, u), SIZE)[np.ix_(unknown, unknown)]
    error_factors = np.linalg.eigvals(np.eye(len(a)) - cycle @ a)
    assert np.abs(error_factors).max() < 0.25
