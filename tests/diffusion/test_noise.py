import functools
import math

import jax
import numpy as np
import oracle
import pytest
from support import refuses

import inr
from inr import coords, diffusion

draw = functools.partial(diffusion.draw_noise_field, features=2, length_scale=0.3)


def sample_values(key, points, number=4000, **options):
    """`[number, points, k]`: values at the same points for many keys."""
    options = {"features": 2, "length_scale": 0.3, **options}
    noise = diffusion.field_noise(points, **options)
    return np.asarray(jax.vmap(noise)(jax.random.split(key, number)), np.float64)


@pytest.mark.slow
def test_each_point_is_a_standard_normal(key):
    points = np.array([[0.0, 0.0], [0.9, -0.7], [-5.0, 3.0]], np.float32)
    values = sample_values(key, points)
    n = len(values)
    assert (np.abs(values.mean(0)) < 5 / math.sqrt(n)).all()
    assert (np.abs(values.var(0) - 1) < 5 * math.sqrt(2 / n)).all()
    # The fourth moment of a standard normal is 3; its estimate has variance 96 / n.
    assert (np.abs((values**4).mean(0) - 3) < 5 * math.sqrt(96 / n)).all()
    covariance = (values[..., 0] * values[..., 1]).mean(0)
    assert (np.abs(covariance) < 5 / math.sqrt(n)).all()


@pytest.mark.parametrize("distance", [0.1, 0.3, 0.9])
def test_the_correlation_of_points_matches_its_formula(key, distance):
    points = np.array([[0.2, 0.1], [0.2, 0.1 + distance]], np.float32)
    values = sample_values(key, points)
    correlation = (values[:, 0] * values[:, 1]).mean(0)
    expected = math.exp(-(distance**2) / (2 * 0.3**2))
    np.testing.assert_allclose(correlation, expected, atol=5 * math.sqrt(2 / 4000))


def test_waves_cosines_and_sines_are_independent(key):
    """Otherwise each point is still N(0, 1), but two points are not jointly normal."""
    field = draw(key, num_waves=4000)
    columns = [0.3 * field.waves, field.cosines, field.sines]
    values = np.concatenate(columns, -1).astype(np.float64)
    deviation = 5 / math.sqrt(len(values))
    correlation = np.corrcoef(values, rowvar=False)
    np.testing.assert_allclose(correlation, np.eye(6), atol=deviation)
    np.testing.assert_allclose(values.std(0), 1, atol=deviation)


@pytest.mark.slow
def test_a_coordinate_has_the_same_value_on_every_grid(key):
    field = draw(key)
    coarse = diffusion.field_noise(coords.grid((5, 5)), features=2, length_scale=0.3)
    fine = diffusion.field_noise(coords.grid((15, 15)), features=2, length_scale=0.3)
    np.testing.assert_allclose(coarse(key), fine(key)[1::3, 1::3], atol=1e-5)
    np.testing.assert_allclose(coarse(key), field(coords.grid((5, 5))), atol=1e-5)
    np.testing.assert_allclose(
        coarse(key), inr.render(field, (5, 5), progress=False), atol=1e-5
    )


def test_long_and_short_length_scales(key):
    grid = coords.grid((32, 32))
    constant = diffusion.field_noise(grid, features=3, length_scale=math.inf)(key)
    assert np.ptp(constant, axis=(0, 1)).max() < 1e-5
    nearly_constant = diffusion.field_noise(grid, features=3, length_scale=1e4)(key)
    assert np.ptp(nearly_constant, axis=(0, 1)).max() < 1e-2
    grain = diffusion.field_noise(grid, features=1, length_scale=1e-3)(key)[..., 0]
    neighbors = np.corrcoef(np.ravel(grain[:, 1:]), np.ravel(grain[:, :-1]))[0, 1]
    assert abs(neighbors) < 0.15
    assert 0.9 < np.std(grain) < 1.1


@pytest.mark.slow
def test_a_point_wise_denoiser_samples_the_same_image_at_any_size(key):
    schedule = diffusion.linear_schedule(1000)
    images = []
    for n in (9, 27):
        noise = diffusion.field_noise(coords.grid((n, n)), features=3, length_scale=0.5)
        key_start, key_steps = jax.random.split(key)
        images.append(
            diffusion.sample(
                key_steps,
                oracle.denoiser(schedule),
                noise(key_start),
                schedule=schedule,
                sampler=diffusion.ddim(eta=1.0, num_steps=10),
                predicts="eps",
                noise=noise,
            )
        )
    np.testing.assert_allclose(images[0], images[1][1::3, 1::3], atol=1e-4)
    assert np.std(images[0]) > 0.1


def test_shared_and_independent_noise(key):
    shared = diffusion.shared_noise((6, 7, 3))(key)
    assert shared.shape == (6, 7, 3)
    np.testing.assert_array_equal(shared, np.broadcast_to(shared[0, 0], (6, 7, 3)))
    assert len(np.unique(shared)) == 3
    independent = diffusion.independent_noise((6, 7, 3))(key)
    assert len(np.unique(independent)) == 6 * 7 * 3
    assert diffusion.shared_noise((6, 3)) == diffusion.shared_noise((6, 3))


def test_invalid_noise_is_refused(key):
    with refuses("`length_scale` must be a number above 0"):
        draw(key, length_scale=0.0)
    with refuses("`features` must be at least 1"):
        draw(key, features=0)
    with refuses("`num_waves` must be at least 1"):
        draw(key, num_waves=0)
    with refuses("`coords` must be a floating array"):
        diffusion.field_noise(np.zeros((4, 2), int), features=1, length_scale=1.0)
    with refuses("`shape` must be a tuple"):
        diffusion.shared_noise(5)
