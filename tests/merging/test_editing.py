import numpy as np
import pytest
from support import refuses

import inr
from inr import merging, poisson


def image(h=14, w=16, c=3, seed=0):
    return np.random.default_rng(seed).uniform(0.1, 0.9, (h, w, c)).astype(np.float32)


def disc(h=14, w=16):
    y, x = np.mgrid[:h, :w]
    return np.hypot((y + 0.5) / h - 0.5, (x + 0.5) / w - 0.5) < 0.4


EDITS = {
    "color": lambda x, m: merging.change_color(x, m, np.array([1.5, 0.5, 0.7])),
    "illumination": merging.change_illumination,
    "texture": lambda x, m: merging.flatten_texture(x, m, threshold=0.3),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_nothing_outside_the_mask_changes(edit):
    x, mask = image(), disc()
    found = np.asarray(edit(x, mask))
    np.testing.assert_array_equal(found[~mask], x[~mask])
    assert (found[mask] != x[mask]).mean() > 0.9


def test_color_is_a_clone_of_the_image_in_other_colors():
    x, mask, factors = image(), disc(), np.array([1.5, 0.5, 0.7], np.float32)
    found = merging.change_color(x, mask, factors)
    np.testing.assert_allclose(found, inr.clone(x * factors, x, mask), atol=3e-6)


def test_factors_of_one_and_beta_zero_change_nothing():
    x, mask = image(), disc()
    np.testing.assert_array_equal(merging.change_color(x, mask, np.ones(3)), x)
    lit = merging.change_illumination(x, mask, beta=0.0)
    np.testing.assert_allclose(lit, x, atol=1e-5)


@pytest.mark.slow
def test_a_highlight_is_compressed():
    """A bump on flat ground shrinks, the more the larger beta."""
    y, x = np.mgrid[:24, :24]
    bump = np.exp(-((y - 12.0) ** 2 + (x - 12.0) ** 2) / 16)
    picture = (0.2 + 0.6 * bump)[..., None].astype(np.float32)
    mask = np.zeros((24, 24), bool)
    mask[3:-3, 3:-3] = True
    heights = [
        float(merging.change_illumination(picture, mask, beta=beta)[12, 12, 0])
        for beta in (0.0, 0.2, 0.4)
    ]
    assert heights[0] > heights[1] + 0.02 > heights[2] + 0.04


def test_illumination_against_the_equation():
    x, mask = image(12, 14), disc(12, 14)
    log = np.log(x.astype(np.float64))
    gradient = np.asarray(poisson.grid_gradient(log.astype(np.float32)))
    norm = np.sqrt((gradient**2).sum(2, keepdims=True))
    mean = norm[mask].mean(0)
    field = (0.3 * mean) ** 0.5 * np.where(norm > 0, norm, 1) ** -0.5 * gradient
    solved = poisson.integrate_masked(field, mask, log.astype(np.float32)).value
    found = merging.change_illumination(x, mask, alpha=0.3, beta=0.5)
    np.testing.assert_allclose(found, np.exp(solved), rtol=1e-4)


def test_texture_below_the_threshold_goes_and_an_edge_stays():
    rng = np.random.default_rng(0)
    step = np.where(np.arange(40) < 20, 0.2, 0.8)[None, :, None]
    picture = (step + rng.uniform(-0.02, 0.02, (30, 40, 1))).astype(np.float32)
    mask = np.zeros((30, 40), bool)
    mask[4:-4, 4:-4] = True
    flat = np.asarray(merging.flatten_texture(picture, mask, threshold=0.3))
    inner = (slice(8, -8), slice(8, 17))
    assert flat[inner].std() < picture[inner].std() / 3
    np.testing.assert_allclose(
        flat[8:-8, 22].mean() - flat[8:-8, 17].mean(), 0.6, atol=0.02
    )
    edges = np.zeros((30, 40), bool)
    edges[:, 20] = True
    given = merging.flatten_texture(picture, mask, edges=edges)
    # An edge pixel keeps the differences to both of its neighbors.
    gradient = poisson.grid_gradient(picture)
    kept = np.zeros((30, 40, 2, 1), bool)
    kept[:, 19:21, 1] = kept[:, 20, 0:1] = True
    expected = poisson.integrate_masked(np.where(kept, gradient, 0), mask, picture)
    np.testing.assert_allclose(given, expected.value, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, m: merging.change_color(x, m, np.ones(2)), "`factors`"),
        (lambda x, m: merging.change_color(x, m[:3], np.ones(3)), "`mask`"),
        (lambda x, m: merging.change_illumination(x, m, alpha=0.0), "`alpha`"),
        (lambda x, m: merging.change_illumination(x, m, beta=1.5), "`beta`"),
        (lambda x, m: merging.flatten_texture(x, m, edges=x[..., 0]), "`edges`"),
        (lambda x, m: merging.flatten_texture(x, m & False), "an empty mask"),
        (lambda x, m: merging.change_illumination(x, m[:3]), "`mask`"),
    ],
)
def test_bad_input_is_refused(call, message):
    with refuses(message):
        call(image(), disc())
