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
def test_pixels_outside_the_mask_are_unchanged(edit):
    x, mask = image(), disc()
    result = np.asarray(edit(x, mask))
    np.testing.assert_array_equal(result[~mask], x[~mask])
    assert (result[mask] != x[mask]).mean() > 0.9


def test_change_color_equals_cloning_the_multiplied_image():
    x, mask, factors = image(), disc(), np.array([1.5, 0.5, 0.7], np.float32)
    result = merging.change_color(x, mask, factors)
    np.testing.assert_allclose(
        result, inr.seamless_clone(x * factors, x, mask), atol=3e-6
    )


def test_factors_of_one_and_beta_zero_have_no_effect():
    x, mask = image(), disc()
    np.testing.assert_array_equal(merging.change_color(x, mask, np.ones(3)), x)
    result = merging.change_illumination(x, mask, beta=0.0)
    np.testing.assert_allclose(result, x, atol=1e-5)


@pytest.mark.slow
def test_a_highlight_is_compressed():
    """A larger beta makes a bump on a flat background lower."""
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


@pytest.mark.slow
def test_change_illumination_equals_the_equation():
    x, mask = image(12, 14), disc(12, 14)
    log = np.log(x.astype(np.float64))
    gradient = np.asarray(poisson.grid_gradient(log.astype(np.float32)))
    norm = np.sqrt((gradient**2).sum(2, keepdims=True))
    mean = norm[mask].mean(0)
    field = (0.3 * mean) ** 0.5 * np.where(norm > 0, norm, 1) ** -0.5 * gradient
    value = poisson.integrate_masked(field, mask, log.astype(np.float32)).value
    result = merging.change_illumination(x, mask, alpha=0.3, beta=0.5)
    np.testing.assert_allclose(result, np.exp(value), rtol=1e-4)


@pytest.mark.slow
def test_texture_below_the_threshold_is_removed_and_edges_are_not():
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
    result = merging.flatten_texture(picture, mask, edges=edges)
    # The differences of an edge pixel to both of its neighbors are retained.
    gradient = poisson.grid_gradient(picture)
    is_edge = np.zeros((30, 40, 2, 1), bool)
    is_edge[:, 19:21, 1] = is_edge[:, 20, 0:1] = True
    guidance = np.where(is_edge, gradient, 0)
    expected = poisson.integrate_masked(guidance, mask, picture)
    np.testing.assert_allclose(result, expected.value, atol=1e-6)


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
def test_invalid_input_raises(call, message):
    with refuses(message):
        call(image(), disc())
