"""Batches of grids, and the fits that draw them."""

import jax
import numpy as np
import pytest
from support import refuses

import inr
from inr import coords
from inr.fitting import GridSamples

RNG = np.random.default_rng(0)

CLIP = RNG.uniform(size=(6, 8, 12, 3)).astype(np.float32)
CENTERS = (2 * np.arange(37) + 1) / 37 - 1


def test_every_row_drawn_is_the_pixel_at_its_coordinate(key):
    levels = RNG.integers(0, 256, (3, 4, 5, 2)).astype(np.uint8)
    points, values = GridSamples(levels, 4096)(key, 0)
    t, y, x = np.rint(((np.asarray(points) + 1) * (3, 4, 5) - 1) / 2).astype(int).T
    np.testing.assert_array_equal(np.rint(255 * values), levels[t, y, x])
    np.testing.assert_array_equal(points, coords.grid((3, 4, 5))[t, y, x])
    counts = np.bincount(np.ravel_multi_index((t, y, x), (3, 4, 5)), minlength=60)
    # 60 pixels, 68 draws each on average: 5 standard deviations is 41.
    assert np.abs(counts - 4096 / 60).max() < 41


def test_batches_are_the_samples_at_their_centers(key):
    samples = np.random.default_rng(0).normal(size=(37, 2)).astype(np.float32)
    points, values = GridSamples(samples, 512)(key, 0)
    index = np.searchsorted(CENTERS, np.asarray(points[:, 0]) - 1e-4)
    np.testing.assert_array_equal(values, samples[index])
    np.testing.assert_array_equal(points, coords.grid((37,))[index])
    assert set(index) == set(range(37))


def test_each_step_draws_other_pixels(key):
    samples = GridSamples(CLIP, 64)
    a, b = (samples(jax.random.fold_in(key, i), i)[0] for i in range(2))
    assert not np.array_equal(a, b)


def test_the_samples_are_an_argument_of_the_program(key):
    """As constants, they would cause a compilation for each signal."""
    term = inr.Term(lambda field, batch: batch[1], GridSamples(CLIP, 16))
    assert any(np.shape(x) == CLIP.shape for x in jax.tree.leaves(term))
    drawn = jax.jit(lambda term: term.data(key, 0)[1])(term)
    np.testing.assert_array_equal(drawn, term.data(key, 0)[1])


@pytest.mark.long
@pytest.mark.slow
def test_a_volume_is_fitted_with_equal_frequencies_per_sample(key):
    volume = np.asarray(coords.grid((4, 6, 8)))[..., :1].astype(np.float32)
    model = inr.Siren(features=1, width=16, depth=1, omega=5.0)
    options = {"batch_size": 64, "progress": False}
    result = inr.fit_grid(key, model, volume, num_steps=150, **options)
    assert result.history[-1] < 1e-2 * result.history[0]
    scale = result.params["normalization"]["coords_scale"]
    np.testing.assert_allclose(scale, [0.5, 0.75, 1.0])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((4,), np.float32), r"`values` must be \[\*size, k\]"),
        (np.zeros((0, 1), np.float32), "`values` must be non-empty"),
        (np.full((4, 1), np.nan, np.float32), "`values` must be finite"),
        (np.zeros((4, 1), np.int16), "`values` must be a floating"),
        (np.zeros((4, 2), np.float32), "`model` must be one with features=2"),
    ],
)
def test_bad_grids_are_refused(key, values, message):
    model = inr.Siren(features=1, width=8, depth=1)
    with refuses(message):
        inr.fit_grid(key, model, values, progress=False)
