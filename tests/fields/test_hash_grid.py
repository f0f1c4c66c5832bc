import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import coords as _coords
from inr.fields import hash_grid

PRIMES = (1, 2654435761, 805459861)


def reference(table, resolution, smooth, point):
    """Features of one level at one point, with loops and exact integers."""
    rows, d = len(table), len(point)
    position = [min(max((x + 1) / 2, 0.0), 1.0) * resolution for x in point]
    cell = [min(int(p), resolution - 1) for p in position]
    t = [p - c for p, c in zip(position, cell, strict=True)]
    if smooth:
        t = [3 * u**2 - 2 * u**3 for u in t]
    total = np.zeros(table.shape[1])
    for corner in itertools.product((0, 1), repeat=d):
        weight, index, bits = 1.0, 0, 0
        for axis, upper in enumerate(corner):
            i = cell[axis] + upper
            weight *= t[axis] if upper else 1 - t[axis]
            index = index * (resolution + 1) + i
            bits ^= (i * PRIMES[axis]) % 2**32
        dense = (resolution + 1) ** d <= rows
        total += weight * table[index if dense else bits % rows]
    return total


def rows_of(resolution, ndim, log2_table_size=6):
    return min((resolution + 1) ** ndim, 2**log2_table_size)


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("resolution", [3, 40])
def test_a_level_equals_the_reference(ndim, resolution, smooth):
    rng = np.random.default_rng(0)
    table = rng.standard_normal((rows_of(resolution, ndim), 2), np.float32)
    points = rng.uniform(-1.2, 1.2, (20, ndim)).astype(np.float32)
    got = jax.jit(hash_grid._interpolate, static_argnums=(1, 2))(
        jnp.asarray(table), resolution, smooth, jnp.asarray(points)
    )
    expected = [
        reference(table, resolution, smooth, p.astype(np.float64)) for p in points
    ]
    np.testing.assert_allclose(got, expected, atol=2e-5)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_a_dense_level_has_a_row_for_every_vertex(ndim):
    vertices = np.indices((5,) * ndim, np.int32).reshape(ndim, -1)
    row = hash_grid._row(list(map(jnp.asarray, vertices)), 4, 5**ndim)
    np.testing.assert_array_equal(row, np.arange(5**ndim))
    assert row.dtype == jnp.int32


def test_hashes_are_spread_evenly_over_the_table():
    vertices = np.indices((65, 65), np.int32).reshape(2, -1)
    row = np.asarray(hash_grid._row(list(map(jnp.asarray, vertices)), 64, 256))
    counts = np.bincount(row, minlength=256)
    assert len(counts) == 256
    assert counts.min() > 0.5 * counts.mean()
    assert counts.max() < 2 * counts.mean()


@pytest.mark.slow
@pytest.mark.parametrize("smooth", [False, True])
def test_the_value_at_a_vertex_is_its_row(smooth):
    table = jnp.asarray(np.random.default_rng(0).standard_normal((25, 2), np.float32))
    axis = np.linspace(-1, 1, 5, dtype=np.float32)
    vertices = jnp.asarray(np.stack(np.meshgrid(axis, axis, indexing="ij"), -1))
    values = hash_grid._interpolate(table, 4, smooth, vertices.reshape(-1, 2))
    np.testing.assert_allclose(values, table, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("smooth", [False, True])
def test_levels_are_continuous_and_smooth_ones_have_continuous_slopes(smooth):
    table = jnp.asarray(np.random.default_rng(0).standard_normal((9, 1), np.float32))

    def level(x):
        return hash_grid._interpolate(table, 8, smooth, x[None])[0]

    vertices = np.linspace(-1, 1, 9)[1:-1].astype(np.float32)
    sides = jnp.asarray(vertices[None] + np.array([[-1e-4], [1e-4]], np.float32))
    values = jax.vmap(jax.vmap(level))(sides)
    slopes = jax.vmap(jax.vmap(jax.grad(level)))(sides)
    np.testing.assert_allclose(values[0], values[1], atol=5e-3)
    jumps = np.abs(np.diff(slopes, axis=0)).max()
    assert (jumps < 0.1) == smooth


@pytest.mark.slow
def test_the_border_value_continues_outside():
    model = inr.HashGrid(1, levels=2, base_resolution=3, log2_table_size=6)
    points = jnp.array(
        [[1.0, 0.2], [1.7, 0.2], [-1.0, -1.0], [-3.0, -2.0]], jnp.float32
    )
    field = inr.bind(model, model.init(jax.random.key(0, impl="rbg"), points))
    values = field(points)
    np.testing.assert_allclose(values[0], values[1], atol=1e-7)
    np.testing.assert_allclose(values[2], values[3], atol=1e-7)


@pytest.mark.parametrize(
    ("base", "growth", "levels", "expected"),
    [
        (16, 2.0, 4, (16, 32, 64, 128)),
        (3, 4 / 3, 3, (3, 4, 5)),
        (10, 1.1, 3, (10, 11, 12)),
        (16, 1.0, 2, (16, 16)),
    ],
)
def test_resolutions_grow_geometrically(base, growth, levels, expected):
    model = inr.HashGrid(base_resolution=base, growth=growth, levels=levels)
    assert model.resolutions == expected


@pytest.mark.slow
def test_tables_have_at_most_the_maximal_number_of_rows():
    model = inr.HashGrid(1, levels=3, growth=2.0, base_resolution=4, log2_table_size=6)
    key, coords = jax.random.key(0, impl="rbg"), jnp.zeros((1, 2), jnp.float32)
    params = model.init(key, coords)["params"]
    tables = [params[f"table_{i}"] for i in range(3)]
    assert [x.shape for x in tables] == [(25, 2), (64, 2), (64, 2)]
    assert max(float(jnp.abs(x).max()) for x in tables) <= 1e-4


def test_four_axes_raise_an_error():
    with refuses("`coords`.*d up to 3"):
        jax.eval_shape(inr.HashGrid().init, jax.random.key(0), jnp.zeros((1, 4)))


@pytest.mark.long
@pytest.mark.slow
def test_a_smooth_grid_is_trained_by_its_laplacian(key):
    """A Poisson problem with known values trains the tables."""
    coords = _coords.grid((12, 12)).reshape(-1, 2)
    wave = jnp.sin(2 * coords).prod(-1, keepdims=True)
    model = inr.HashGrid(1, 16, 1, 2, 2, 8, 4, 2.0, interpolation="smooth")
    terms = (
        inr.Term(laplacian_residual, (coords, -8 * wave), 0.01),
        inr.Term(value_residual, (coords[::7], wave[::7])),
    )
    result = inr.fit(key, model, terms, num_steps=150, optimizer=3e-2, progress=False)
    assert result.history[-1] < result.history[0] / 10


def laplacian_residual(field, batch):
    coords, laplacian = batch
    return field.streams(coords).laplacian - laplacian


def value_residual(field, batch):
    coords, value = batch
    return field(coords) - value
