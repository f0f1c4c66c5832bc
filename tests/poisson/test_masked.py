import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from support import count_compilations, mostly_slow, refuses

from inr import poisson
from inr.poisson.conjugate_gradients import choose_solver

SOLVERS = ["cg", "dst", "multigrid"]


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def disc(h, w, radius=0.4):
    y, x = np.mgrid[:h, :w]
    return np.hypot((y + 0.5) / h - 0.5, (x + 0.5) / w - 0.5) < radius


def ring(h, w):
    return disc(h, w, 0.45) & ~disc(h, w, 0.2)


def holes(h, w):
    return np.random.default_rng(5).random((h, w)) > 0.35


def half(h, w):
    """Touches three sides of the image."""
    mask = np.zeros((h, w), bool)
    mask[:, : w // 2] = True
    return mask


def corner(h, w):
    mask = np.zeros((h, w), bool)
    mask[: h // 3, : w // 2] = True
    return mask


def specks(h, w):
    mask = np.zeros((h, w), bool)
    mask[::4, 1::5] = True
    return mask


MASKS = {f.__name__: f for f in (disc, ring, holes, half, corner, specks)}


def direct(rhs, mask, values, screening=0.0):
    """Sparse direct solve, assembled pixel by pixel."""
    h, w = mask.shape
    number = np.full((h, w), -1)
    number[mask] = np.arange(mask.sum())
    rows, columns, entries = [], [], []
    b = -np.array(rhs[mask])
    for y, x in zip(*np.nonzero(mask), strict=True):
        i, diagonal = number[y, x], np.broadcast_to(screening, (h, w))[y, x]
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if not (0 <= v < h and 0 <= u < w):
                continue
            diagonal += 1
            if mask[v, u]:
                rows.append(i), columns.append(number[v, u]), entries.append(-1.0)
            else:
                b[i] += values[v, u]
        rows.append(i), columns.append(i), entries.append(diagonal)
    matrix = scipy.sparse.csc_array((entries, (rows, columns)))
    result = np.array(values)
    result[mask] = scipy.sparse.linalg.splu(matrix).solve(b)
    return result


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("mask", mostly_slow(MASKS, "disc", "specks"))
def test_equals_a_sparse_direct_solve(mask, solver):
    h, w = 45, 60
    mask = MASKS[mask](h, w)
    rhs, values = draw(h, w, 2), draw(h, w, 2, seed=1)
    with jax.enable_x64(True):
        result = poisson.solve_masked(rhs, mask, values, solver=solver, rtol=1e-11)
    value, residual, num_steps = map(np.asarray, result)
    np.testing.assert_allclose(value, direct(rhs, mask, values), atol=1e-8)
    assert np.all(residual <= 1e-11)
    assert np.all(num_steps > 0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_screening_of_each_pixel(solver):
    h, w = 30, 41
    mask, screening = ring(h, w), np.random.default_rng(3).random((h, w))
    rhs, values = draw(h, w, 1), draw(h, w, 1, seed=1)
    with jax.enable_x64(True):
        result = poisson.solve_masked(
            rhs, mask, values, screening=screening, solver=solver, rtol=1e-11
        )
    expected = direct(rhs, mask, values, screening)
    np.testing.assert_allclose(result.value, expected, atol=1e-8)


@pytest.mark.slow
def test_with_screening_all_pixels_may_be_unknown():
    rhs = draw(20, 30, 1)
    values = np.zeros_like(rhs)
    mask = np.ones((20, 30), bool)
    with jax.enable_x64(True):
        options = {"screening": 0.2, "rtol": 1e-12}
        result = poisson.solve_masked(rhs, mask, values, **options)
        expected = poisson.solve(rhs, screening=0.2)
    np.testing.assert_allclose(result.value, expected, atol=1e-9)


def test_the_sine_transform_solves_a_rectangle():
    mask = np.zeros((33, 41), bool)
    mask[1:-1, 1:-1] = True
    values = np.zeros((33, 41, 1))
    rhs = draw(33, 41, 1)
    with jax.enable_x64(True):
        result = poisson.solve_masked(rhs, mask, values, solver="dst", rtol=1e-9)
        exact = poisson.solve(rhs[1:-1, 1:-1], boundary="dirichlet")
    np.testing.assert_allclose(result.value[1:-1, 1:-1], exact, atol=1e-8)


@pytest.mark.long
@pytest.mark.slow
def test_the_number_of_multigrid_steps_does_not_grow_with_size():
    counts = []
    for n in (64, 256):
        mask = ring(n, n)
        rhs, values = draw(n, n, 1).astype(np.float32), np.zeros((n, n, 1), np.float32)
        result = poisson.solve_masked(rhs, mask, values, solver="multigrid")
        counts.append(int(result.num_steps[0]))
    assert max(counts) <= 6
    assert counts[1] <= counts[0] + 1


def test_auto_is_multigrid_except_for_masks_of_small_holes():
    solvers = {name: choose_solver(f(45, 60), "auto") for name, f in MASKS.items()}
    assert solvers.pop("holes") == solvers.pop("specks") == "cg"
    assert set(solvers.values()) == {"multigrid"}


@pytest.mark.slow
def test_known_pixels_are_equal_bit_by_bit():
    mask = ring(40, 50)
    values = draw(40, 50, 3).astype(np.float32)
    result = poisson.solve_masked(np.zeros_like(values), mask, values)
    np.testing.assert_array_equal(result.value[~mask], values[~mask])
    assert not np.any(result.value[mask] == values[mask])


@pytest.mark.slow
def test_harmonic_functions_from_their_boundary():
    """The discrete Laplacian of x y and x^2 - y^2 is zero."""
    y, x = np.mgrid[:50, :60] / 50 - 0.5
    exact = np.stack([x * y, x * x - y * y], -1).astype(np.float32)
    mask = ring(50, 60)
    values = np.where(mask[..., None], 0, exact)
    result = poisson.solve_masked(np.zeros_like(exact), mask, values)
    np.testing.assert_allclose(result.value, exact, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_traced_mask_equals_a_concrete_mask(solver):
    mask = np.roll(disc(40, 50, 0.2), (8, -9), (0, 1))
    rhs, values = draw(40, 50, 2).astype(np.float32), draw(40, 50, 2, seed=1)
    values = values.astype(np.float32)
    f = functools.partial(poisson.solve_masked, solver=solver, rtol=1e-6)
    np.testing.assert_allclose(
        jax.jit(f)(rhs, mask, values).value, f(rhs, mask, values).value, atol=2e-4
    )


@pytest.mark.long
@pytest.mark.slow
def test_vmap_equals_a_loop():
    masks = np.stack([ring(30, 32), disc(30, 32), half(30, 32)])
    rhs, values = draw(3, 30, 32, 2), draw(3, 30, 32, 2, seed=1)
    with jax.enable_x64(True):
        f = functools.partial(poisson.solve_masked, solver="multigrid", rtol=1e-11)
        batch = jax.vmap(f)(rhs, jnp.asarray(masks), values)
        jitted = jax.jit(f)
        loop = [jitted(*x).value for x in zip(rhs, masks, values, strict=True)]
    np.testing.assert_allclose(batch.value, np.stack(loop), atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["cg", "multigrid"])
def test_derivatives_equal_finite_differences(solver):
    mask = ring(16, 18)
    rhs, values = draw(16, 18, 1), draw(16, 18, 1, seed=1)
    target = draw(16, 18, 1, seed=2)
    screening = np.full((16, 18), 0.3)
    directions = [draw(16, 18, 1, seed=s) for s in (3, 4)] + [draw(16, 18, seed=5)]

    with jax.enable_x64(True):

        def loss(rhs, values, screening):
            result = poisson.solve_masked(
                rhs, mask, values, screening=screening, solver=solver, rtol=1e-13
            )
            return jnp.sum((result.value - target) ** 2)

        arguments = [jnp.asarray(x) for x in (rhs, values, screening)]
        gradients = jax.grad(loss, argnums=(0, 1, 2))(*arguments)
        for i, direction in enumerate(directions):
            step = 1e-6 * direction
            ahead, behind = list(arguments), list(arguments)
            ahead[i], behind[i] = arguments[i] + step, arguments[i] - step
            expected = (loss(*ahead) - loss(*behind)) / 2
            np.testing.assert_allclose(np.vdot(gradients[i], step), expected, rtol=1e-4)


@pytest.mark.slow
def test_integration_of_a_gradient_changes_no_bit():
    """The first residual is zero, so that no step is needed."""
    image = draw(40, 50, 3).astype(np.float32)
    guidance = poisson.grid_gradient(image)
    result = poisson.integrate_masked(guidance, ring(40, 50), image)
    np.testing.assert_array_equal(result.value, image)
    np.testing.assert_array_equal(result.num_steps, 0)


@pytest.mark.slow
def test_integration_equals_the_solve_of_its_divergence():
    mask = ring(40, 50)
    guidance, values = draw(40, 50, 2, 2), draw(40, 50, 2, seed=1)
    with jax.enable_x64(True):
        result = poisson.integrate_masked(guidance, mask, values, rtol=1e-11)
        rhs = poisson.grid_divergence(guidance)
    expected = direct(np.asarray(rhs), mask, values)
    np.testing.assert_allclose(result.value, expected, atol=1e-8)


def test_the_error_without_convergence_has_the_solution():
    mask = disc(60, 60)
    rhs, values = draw(60, 60, 1).astype(np.float32), np.zeros((60, 60, 1), np.float32)
    with pytest.raises(poisson.NotConverged, match="max_steps") as info:
        poisson.solve_masked(rhs, mask, values, solver="cg", max_steps=3)
    assert info.value.solution.value.shape == (60, 60, 1)
    np.testing.assert_array_equal(info.value.solution.num_steps, 3)
    jitted = jax.jit(
        lambda rhs: poisson.solve_masked(rhs, mask, values, solver="cg", max_steps=3)
    )
    assert jitted(rhs).residual[0] > 1e-6


def test_nan_under_jit_gives_a_nan_residual():
    mask = disc(20, 20)
    values = jnp.zeros((20, 20, 1))
    f = jax.jit(lambda rhs: poisson.solve_masked(rhs, mask, values).residual)
    assert np.isnan(f(jnp.full((20, 20, 1), jnp.nan))).all()


def test_another_image_and_a_shifted_mask_do_not_recompile():
    rhs, values = draw(90, 90, 3).astype(np.float32), np.zeros((90, 90, 3), np.float32)
    mask = np.zeros((90, 90), bool)
    mask[10:40, 10:40] = True
    poisson.solve_masked(rhs, mask, values)
    mask = np.roll(mask, (20, 30), (0, 1))
    mask[35, 45] = False
    with count_compilations() as count:
        poisson.solve_masked(values, mask, rhs)
    assert count() == 0


MASK = disc(8, 9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": MASK.astype(np.uint8) * 255}, "`mask > 127`"),
        ({"mask": MASK[:4]}, r"`mask` must be of shape \(8, 9\)"),
        ({"mask": MASK & False}, "`mask` must be True somewhere"),
        ({"mask": MASK | True}, "inr.poisson.integrate"),
        ({"rhs": np.full((8, 9, 1), np.nan)}, "`rhs` must be finite"),
        ({"values": np.full((8, 9, 1), np.nan)}, "`values` must be finite"),
        ({"values": np.zeros((8, 9, 2))}, "`rhs` must be of shape"),
        ({"rhs": np.zeros((8, 9, 1), int)}, "`rhs` must be a floating array"),
        ({"solver": "jacobi"}, "`solver` must be one of"),
        ({"screening": np.zeros(9)}, "`screening`"),
        ({"max_steps": 0}, "`max_steps`"),
        ({"rtol": 0.0}, "`rtol` must be a finite number above 0"),
    ],
)
def test_invalid_input_raises(change, message):
    arguments = {
        "rhs": np.zeros((8, 9, 1)),
        "mask": MASK,
        "values": np.zeros((8, 9, 1)),
        **change,
    }
    with refuses(message):
        poisson.solve_masked(**arguments)
