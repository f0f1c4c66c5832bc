"""Hints against paths found by a plain search, and their limit cases."""

import heapq

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import SMALL, gray_image, random_params
from support import refuses

import inr
from inr import color, coords
from inr.colorization import HintedField, LumaChromaField, colorization_field
from inr.colorization.hints import as_hints, spread, with_hints
from inr.models import LoadedModel

RED = np.float32([0.8, 0.2, 0.2])


def two_halves(h=24, w=32):
    """Luma `[h, w, 1]` with a step of 0.4 in the middle."""
    luma = np.full((h, w, 1), 0.3, np.float32)
    luma[:, w // 2 :] = 0.7
    return luma


def hints_at(size, points, rgb=RED):
    hints = np.zeros((*size, 4), np.float32)
    for y, x in points:
        hints[y, x] = (*rgb, 1.0)
    return hints


def no_color(coords):
    """A field of the luma of `two_halves`."""
    luma = jnp.where(coords[..., 1:] < 0, 0.3, 0.7)
    return jnp.broadcast_to(luma, (*luma.shape[:-1], 3))


def chroma(rgb):
    return np.asarray(color.rgb_to_ycbcr(rgb))[..., 1:]


def distances(luma, source):
    """From one cell, by Dijkstra's algorithm with a heap."""
    h, w = luma.shape
    best, queue = {source: 0.0}, [(0.0, source)]
    while queue:
        distance, (y, x) = heapq.heappop(queue)
        if distance > best[y, x]:
            continue
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            j, i = y + dy, x + dx
            if 0 <= j < h and 0 <= i < w:
                change = (luma[j, i] - luma[y, x]) / 0.12
                new = distance + 2 / max(h, w) + change**2
                if new < best.get((j, i), np.inf):
                    best[j, i] = new
                    heapq.heappush(queue, (new, (j, i)))
    return np.array([[best[y, x] for x in range(w)] for y in range(h)])


def test_a_hint_fades_with_the_distance_of_the_cheapest_path():
    rng = np.random.default_rng(0)
    luma = rng.uniform(0.2, 0.8, (9, 11)).astype(np.float32)
    known = np.zeros((9, 11), bool)
    known[4, 2] = True
    correction = np.array([[0.2, -0.1]])
    result = spread(luma, known, correction, correction)
    weight = np.maximum(distances(luma, (4, 2)), 1e-3) ** -4.0
    expected = (weight / (weight + 2.0**-4))[..., None] * correction[0]
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_hints_of_two_colors_share_the_space_between_them():
    luma = np.full((5, 21), 0.5, np.float32)
    known = np.zeros((5, 21), bool)
    known[2, [0, 20]] = True
    corrections = np.array([[0.2, 0.0], [-0.2, 0.0]])
    result = spread(luma, known, corrections, corrections)[..., 0]
    np.testing.assert_allclose(result[2, [0, 20]], [0.2, -0.2], atol=1e-6)
    np.testing.assert_allclose(result, -result[:, ::-1], atol=1e-6)
    assert (np.diff(result[2]) < 0).all()


def test_of_one_color_the_nearest_hint_counts():
    luma = np.full((1, 9), 0.5, np.float32)
    known = np.zeros((1, 9), bool)
    known[0, [0, 8]] = True
    alike = np.array([[0.2, 0.0], [0.201, 0.0]])
    corrections = np.array([[0.3, 0.0], [0.1, 0.0]])
    result = spread(luma, known, alike, corrections)[0, :, 0]
    assert (result[:4] > 0.25).all()
    assert (result[5:] < 0.11).all()


@pytest.mark.slow
def test_hints_are_met_and_stay_on_their_side_of_an_edge():
    gray = two_halves()
    hints = hints_at((24, 32), [(12, 5)])
    field = with_hints(jax.tree_util.Partial(no_color), jnp.asarray(gray), hints)
    pixels = jax.jit(lambda f, x: f(x))(field, coords.grid((24, 32)))
    expected = chroma(RED)
    np.testing.assert_allclose(chroma(pixels)[12, 5], expected, atol=2e-3)
    left, right = chroma(pixels)[:, :14], chroma(pixels)[:, 18:]
    assert (np.abs(left / expected) > 0.8).all()
    assert (np.abs(right / expected) < 0.02).all()
    np.testing.assert_allclose(color.rgb_to_luma(pixels), gray, atol=1e-5)


def test_a_dot_beside_a_large_stroke_counts_in_an_image_above_the_grid():
    gray = two_halves(8, 1200)
    stroke = [(y, x) for y in range(8) for x in range(300)]
    blue = RED[::-1]
    hints = hints_at((8, 1200), stroke) + hints_at((8, 1200), [(4, 900)], blue)
    field = with_hints(jax.tree_util.Partial(no_color), jnp.asarray(gray), hints)
    pixels = field(coords.grid((8, 1200)))[4]
    np.testing.assert_allclose(chroma(pixels)[900], chroma(blue), atol=0.02)
    np.testing.assert_allclose(chroma(pixels)[150], chroma(RED), atol=0.02)


@pytest.mark.slow
def test_colorize_renders_the_hinted_field_at_every_size():
    gray = np.asarray(gray_image(40, 80))
    options = {"model": LoadedModel(SMALL, random_params())}
    hints = hints_at((40, 80), [(y, x) for y in range(20, 23) for x in range(30, 33)])
    field = colorization_field(gray, **options)
    hinted = with_hints(field, jnp.asarray(gray), hints)
    for size in ((40, 80), (60, 120)):
        result = inr.colorize(gray, hints=hints, size=size, progress=False, **options)
        expected = inr.render(hinted, size, progress=False)
        np.testing.assert_allclose(result, expected, atol=1e-5)
        plain = inr.colorize(gray, size=size, progress=False, **options)
        np.testing.assert_allclose(
            color.rgb_to_luma(result), color.rgb_to_luma(plain), atol=1e-4
        )


@pytest.mark.slow
def test_small_images_gain_detail_with_hints():
    gray = np.asarray(gray_image(12, 16))
    model = LoadedModel(SMALL.clone(side=64), random_params())
    hints = hints_at((12, 16), [(6, 8)])
    field = colorization_field(gray, model=model, hints=hints)
    assert isinstance(field, LumaChromaField)
    assert isinstance(field.chroma, HintedField)


@pytest.mark.slow
def test_a_hint_that_the_model_agrees_with_changes_nothing():
    gray = jnp.asarray(gray_image(12, 80))
    field = colorization_field(gray, model=LoadedModel(SMALL, random_params()))
    pixels = np.asarray(inr.render(field, (12, 80), progress=False))
    hints = np.concatenate([pixels, np.ones((12, 80, 1), np.float32)], -1)
    same = with_hints(field, gray, hints)
    assert isinstance(same, HintedField)
    np.testing.assert_allclose(same.coefficients, 0, atol=1e-4)


def test_hints_of_another_size_or_without_alpha_are_refused():
    with refuses("`hints` must be shape .4, 6, 4."):
        as_hints(np.ones((4, 5, 4), np.float32), (4, 6))
    with refuses("`hints` must be shape .4, 6, 4."):
        as_hints(np.ones((4, 6, 3), np.float32), (4, 6))
    with refuses("`hints` must be an alpha above 0 somewhere"):
        as_hints(np.zeros((4, 6, 4), np.float32), (4, 6))
