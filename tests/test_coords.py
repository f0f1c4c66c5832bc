import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
from hypothesis import given, settings, strategies as st
from support import refuses

from inr import coords


def test_grid_is_the_closed_form_of_pixel_centers():
    grid = coords.grid((4, 6))
    i, j = np.mgrid[:4, :6]
    expected = np.stack([(2 * i + 1) / 4 - 1, (2 * j + 1) / 6 - 1], -1)
    np.testing.assert_allclose(grid, expected, atol=1e-7)
    assert grid.dtype == jnp.float32


@pytest.mark.slow
@given(st.lists(st.integers(1, 9), min_size=1, max_size=3))
@settings(max_examples=20, deadline=None)
def test_grid_is_symmetric_with_one_axis_per_size(size):
    grid = np.asarray(coords.grid(tuple(size)))
    assert grid.shape == (*size, len(size))
    flipped = grid[tuple(slice(None, None, -1) for _ in size)]
    np.testing.assert_allclose(grid, -flipped, atol=1e-7)


def test_a_coordinate_is_the_same_place_in_grids_of_any_size():
    fine = np.asarray(coords.grid((8, 12)))
    coarse = fine.reshape(4, 2, 6, 2, 2).mean((1, 3))
    np.testing.assert_allclose(coarse, coords.grid((4, 6)), atol=1e-6)


def test_a_region_equals_that_part_of_the_full_grid():
    full = coords.grid((10, 20))
    part = coords.grid((2, 5), region=((0.2, 0.25), (0.4, 0.5)))
    np.testing.assert_allclose(part, full[2:4, 5:10], atol=1e-6)


def test_pitch_is_the_distance_between_neighbors():
    region = ((0.1, 0.3), (0.7, 0.5))
    grid = coords.grid((5, 8), region=region)
    pitch = coords.pitch((5, 8), region=region)
    np.testing.assert_allclose(grid[1, 0, 0] - grid[0, 0, 0], pitch[0], rtol=1e-5)
    np.testing.assert_allclose(grid[0, 1, 1] - grid[0, 0, 1], pitch[1], rtol=1e-5)
    np.testing.assert_allclose(coords.pitch((4, 8)), [0.5, 0.25])


def test_random_points_fill_the_region_and_follow_the_key(key):
    region = ((0.0, 0.5), (0.25, 1.0))
    points = np.asarray(coords.random_points(key, 4000, region=region))
    low, high = np.array([-1.0, 0.0]), np.array([-0.5, 1.0])
    assert (points >= low).all()
    assert (points <= high).all()
    np.testing.assert_allclose(points.mean(0), (low + high) / 2, atol=0.02)
    again = coords.random_points(key, 4000, region=region)
    np.testing.assert_array_equal(points, again)
    different = coords.random_points(jax.random.fold_in(key, 1), 4000, region=region)
    assert not np.array_equal(points, different)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_quasirandom_points_are_spread_evenly(key, ndim):
    points = np.asarray(coords.quasirandom_points(key, 512, ndim=ndim))
    assert points.min() >= -1
    assert points.max() < 1
    unit = (points + 1) / 2
    discrepancy = scipy.stats.qmc.discrepancy(unit)
    random = np.random.default_rng(0).random((20, 512, ndim))
    assert discrepancy < min(map(scipy.stats.qmc.discrepancy, random)) / 2
    # The golden ratio and its relatives solve p^(d + 1) = p + 1.
    p = 1 / ((unit[1, 0] - unit[0, 0]) % 1)
    np.testing.assert_allclose(p ** (ndim + 1), p + 1, rtol=1e-5)


def test_parts_of_a_quasirandom_sequence_follow_each_other(key):
    both = coords.quasirandom_points(key, 12, ndim=3)
    second = jax.jit(lambda i: coords.quasirandom_points(key, 5, start=i, ndim=3))(7)
    np.testing.assert_array_equal(both[7:], second)
    late = coords.quasirandom_points(key, 4, start=2**32 - 2)
    np.testing.assert_array_equal(late[2:], coords.quasirandom_points(key, 2))


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_sampling_at_the_centers_returns_the_samples(key, interpolation):
    image = jax.random.uniform(key, (5, 7, 3))
    sampled = coords.sample_grid(
        image, coords.grid((5, 7)), interpolation=interpolation
    )
    np.testing.assert_allclose(sampled, image, atol=1e-5)


def test_linear_sampling_agrees_with_scipy(key):
    image = jax.random.uniform(key, (6, 9, 1))
    points = np.asarray(coords.random_points(key, 200))
    index = (points + 1) * np.array([6, 9]) / 2 - 0.5
    expected = scipy.ndimage.map_coordinates(
        np.asarray(image[..., 0]), index.T, order=1, mode="nearest"
    )
    sampled = coords.sample_grid(image, points)
    np.testing.assert_allclose(sampled[:, 0], expected, atol=1e-5)


@pytest.mark.slow
def test_cubic_sampling_agrees_with_jax_image_resize(key):
    image = jax.random.uniform(key, (8, 8, 2))
    expected = jax.image.resize(image, (16, 16, 2), "cubic")
    sampled = coords.sample_grid(image, coords.grid((16, 16)), interpolation="cubic")
    # The two pad images differently.
    inner = (slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(sampled[inner], expected[inner], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("interpolation", "degree"), [("linear", 1), ("cubic", 2)])
def test_sampling_reproduces_polynomials(interpolation, degree):
    volume = coords.grid((12, 11, 10)).sum(-1, keepdims=True) ** degree
    points = 0.5 * coords.random_points(jax.random.key(3), 50, ndim=3)
    sampled = coords.sample_grid(volume, points, interpolation=interpolation)
    np.testing.assert_allclose(
        sampled, points.sum(-1, keepdims=True) ** degree, atol=1e-5
    )


@pytest.mark.long
@pytest.mark.slow
def test_sampling_is_differentiable_and_jits(key):
    image = jax.random.uniform(key, (6, 6, 1))
    points = coords.random_points(key, 20)

    def total(image, points):
        return coords.sample_grid(image, points, interpolation="cubic").sum()

    gradients = jax.grad(total, argnums=(0, 1))(image, points)
    assert all(bool(jnp.isfinite(g).all()) for g in gradients)
    np.testing.assert_allclose(
        jax.jit(total)(image, points), total(image, points), rtol=1e-5
    )


@pytest.mark.parametrize("size", [(0, 4), (4, -1), (2.5, 2), "44", (), 7])
def test_bad_sizes_are_refused(size):
    with refuses("`size`"):
        coords.grid(size)


@pytest.mark.parametrize(
    "region",
    [((0.0, 0.0), (1.2, 1.0)), ((0.5, 0.5), (0.5, 0.9)), ((0.0,), (1.0,)), (0.1, 0.2)],
)
def test_bad_regions_are_refused(region):
    with refuses("`region`"):
        coords.grid((4, 4), region=region)


def test_bad_samplings_are_refused():
    image = jnp.zeros((4, 4, 1))
    with refuses("`coords`"):
        coords.sample_grid(image, jnp.zeros((5, 3)))
    with refuses("`interpolation`"):
        coords.sample_grid(image, jnp.zeros((5, 2)), interpolation="lanczos")
    with refuses("`values`"):
        coords.sample_grid(jnp.zeros((4, 0, 1)), jnp.zeros((5, 2)))


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_values_between_samples_keep_their_dtype(interpolation):
    """The dtype does not depend on the default, float64 under x64."""
    values, points = np.zeros((4, 5, 2), np.float32), np.zeros((3, 2), np.float32)
    sampled = coords.sample_grid(values, points, interpolation=interpolation)
    assert sampled.dtype == np.float32
    weight, _, distance = next(
        coords.neighbors(points, (4, 5), interpolation=interpolation)
    )
    assert weight.dtype == distance.dtype == np.float32


def test_cell_offsets_subdivide_a_cell():
    offsets = coords.cell_offsets((2, 3))
    assert offsets.shape == (2, 3, 2)
    np.testing.assert_allclose(offsets[:, 0, 0], [-1 / 4, 1 / 4])
    np.testing.assert_allclose(offsets[0, :, 1], [-1 / 3, 0, 1 / 3], atol=1e-12)
    # The subdivided cells of a grid are a finer grid.
    fine = coords.grid((4, 4))[:, None] + 2 / 4 * offsets.reshape(-1, 2)[None, :, None]
    expected = coords.grid((8, 12)).reshape(4, 2, 4, 3, 2).transpose(0, 1, 3, 2, 4)
    np.testing.assert_allclose(fine, expected.reshape(4, 6, 4, 2), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, (10, 20)),
        ({"scale": 2.5}, (25, 50)),
        ({"scale": (2, 3)}, (20, 60)),
        ({"region": ((0.2, 0.5), (0.5, 1.0))}, (3, 10)),
        ({"region": ((0.2, 0.5), (0.21, 1.0)), "scale": 2}, (1, 20)),
    ],
)
def test_region_size_is_in_samples_of_the_region(options, size):
    assert coords.region_size((10, 20), **options) == size


def test_region_size_needs_positive_scales():
    for scale in (0, -1.0, (1.0,), float("inf")):
        with refuses("`scale` must be a .*number above 0"):
            coords.region_size((10, 20), scale=scale)
