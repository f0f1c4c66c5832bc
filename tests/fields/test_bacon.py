import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import count_compilations

import inr
from inr import coords as _coords

BANDS = (3, 5, 9)


@pytest.fixture(scope="module")
def field():
    model = inr.Bacon(2, width=32, bands=BANDS)
    params = model.init(jax.random.key(0, impl="rbg"), jnp.zeros((1, 2), jnp.float32))
    return inr.bind(model, params)


@jax.jit
def all_levels(field, coords):
    return field.model.apply(field.params, coords, method="levels")


@pytest.mark.slow
def test_the_spectrum_of_every_level_ends_at_its_band(field):
    n = 2 * BANDS[-1] + 6
    images = np.asarray(all_levels(field, _coords.grid((n, n))), np.float64)
    power = np.abs(np.fft.fft2(images, axes=(1, 2)))
    cycles = np.abs(np.fft.fftfreq(n, 1 / n))
    highest = np.maximum(cycles[:, None], cycles[None])
    for level, band in zip(power, BANDS, strict=True):
        inside, outside = level[highest <= band], level[highest > band]
        assert outside.max() < 1e-5 * inside.max()
        # The spectrum reaches the end of the band.
        assert level[highest == band].max() > 1e-3 * inside.max()


@pytest.mark.slow
def test_a_field_has_period_two(field):
    coords = _coords.random_points(jax.random.key(1), 20)
    shift = jnp.array([[2.0, -2.0]], jnp.float32)
    values, shifted = all_levels(field, coords), all_levels(field, coords + shift)
    np.testing.assert_allclose(values, shifted, atol=1e-4)


@pytest.mark.parametrize("level", [0, 1, 2, None])
def test_a_level_is_a_field_with_the_same_params(field, level):
    coords = _coords.random_points(jax.random.key(1), 20)
    coarse = inr.bind(field.model.clone(level=level), field.params)
    expected = all_levels(field, coords)[-1 if level is None else level]
    np.testing.assert_allclose(coarse(coords), expected, atol=1e-6)
    shapes = jax.eval_shape(coarse.model.init, jax.random.key(0), coords)
    assert jax.tree.map(jnp.shape, shapes) == jax.tree.map(jnp.shape, field.params)


def test_levels_have_the_units_of_the_data(field):
    coords = _coords.random_points(jax.random.key(1), 5)
    affine = {
        "features_scale": jnp.array([2.0, 4.0], jnp.float32),
        "features_shift": jnp.array([1.0, -1.0], jnp.float32),
    }
    normalization = {**field.params["normalization"], **affine}
    scaled = inr.bind(field.model, {**field.params, "normalization": normalization})
    expected = all_levels(field, coords) * affine["features_scale"][None, None]
    expected = expected + affine["features_shift"][None, None]
    np.testing.assert_allclose(all_levels(scaled, coords), expected, atol=1e-5)


@pytest.mark.long
@pytest.mark.slow
def test_mixes_are_standard_normal_and_products_have_half_the_variance(key):
    """The distribution at every depth that the paper states for its initialization."""
    model = inr.Bacon(1, width=512, bands=tuple(range(10, 60, 10)))
    coords = _coords.random_points(key, 500)

    params = model.init(jax.random.key(0, impl="rbg"), coords)
    _, state = model.apply(params, coords, capture_intermediates=True)
    mixes = [state["intermediates"][f"mix_{i}"]["__call__"][0] for i in range(1, 5)]
    for mix in mixes:
        np.testing.assert_allclose(mix.std(), 1.0, atol=0.1)
        kurtosis = float((mix**4).mean() / jnp.square(jnp.square(mix).mean()))
        np.testing.assert_allclose(kurtosis, 3.0, atol=0.3)


@pytest.mark.long
@pytest.mark.slow
def test_one_term_fits_all_levels_and_does_not_change_the_frequencies(key):
    coords = _coords.grid((16, 16)).reshape(-1, 2)
    # A coarse wave in the band of every level, and a fine wave of the last level only.
    coarse, fine = np.sin(2 * np.pi * coords[:, 0]), np.sin(7 * np.pi * coords[:, 1])
    features = jnp.asarray(0.5 * coarse + 0.2 * fine)[:, None]
    model = inr.Bacon(1, width=32, bands=BANDS)
    term = inr.Term(inr.bacon_residual, (coords, features))
    result = inr.fit(key, model, term, num_steps=150, optimizer=2e-2, progress=False)
    before = model.init(jax.random.split(key)[0], coords[:1])
    jax.tree.map(
        np.testing.assert_array_equal,
        result.params["frequencies"],
        before["frequencies"],
    )
    values = all_levels(result.field, coords)
    errors = np.square(np.asarray(values - features[None])).mean((1, 2))
    # The first levels cannot represent the fine wave, whose mean square remains.
    np.testing.assert_allclose(errors[:2], 0.2**2 / 2, rtol=0.4)
    assert errors[2] < 0.2 * errors[0]


def test_an_equal_model_compiles_nothing(field):
    coords = _coords.random_points(jax.random.key(1), 20)
    all_levels(field, coords)
    with count_compilations() as compilations:
        again = inr.Bacon(2, width=32, bands=BANDS)
        all_levels(inr.bind(again, field.params), coords)
    assert compilations() == 0
