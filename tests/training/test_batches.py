import functools
import itertools
from typing import get_args

import jax
import numpy as np
import pytest
from scipy import ndimage
from support import refuses

from inr import coords, training


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


point_batch = jax.jit(
    training.point_batch,
    static_argnames=("size", "num_points", "points", "gray", "cells", "interpolation"),
)


@pytest.mark.slow
def test_colors_are_those_of_the_crop_at_the_points(key):
    crops = np.random.default_rng(2).integers(0, 256, (3, 12, 16, 3), np.uint8)
    for points in get_args(training.Points):
        batch = point_batch(key, crops, size=(6, 8), num_points=64, points=points)
        position = (np.asarray(batch.coords) + 1) / 2 * [12, 16] - 0.5
        for i, channel in itertools.product(range(3), range(3)):
            expected = ndimage.map_coordinates(
                crops[i, ..., channel] / 255, position[i].T, order=1, mode="nearest"
            )
            np.testing.assert_allclose(batch.colors[i, :, channel], expected, atol=2e-5)


@pytest.mark.slow
def test_cubic_colors_reproduce_a_parabola(key):
    """Keys' kernel reproduces polynomials of degree 2; bilinear means do not."""
    x = np.arange(12) / 11
    crops = np.broadcast_to((x**2)[:, None, None], (1, 12, 12, 3)).astype(np.float32)
    options = {"size": (6, 6), "num_points": 200}
    batch = point_batch(key, crops, interpolation="cubic", **options)
    position = ((np.asarray(batch.coords[0, :, 0]) + 1) * 6 - 0.5) / 11
    inner = (position > 1 / 11) & (position < 10 / 11)
    expected = position[inner] ** 2
    np.testing.assert_allclose(batch.colors[0, inner, 0], expected, atol=1e-5)
    linear = point_batch(key, crops, **options).colors[0, inner, 0]
    assert np.abs(linear - expected).max() > 1e-3
    with refuses("`interpolation` must be one of"):
        point_batch(key, crops, interpolation="nearest", **options)


def test_inputs_are_the_luma_of_the_reduced_crops(key):
    crops = noise(2, 16, 16, 3)
    options = {"size": (4, 8), "num_points": 4}
    gray = point_batch(key, crops, **options).inputs
    luma = crops.reshape(2, 4, 4, 8, 2, 3).mean((2, 4)) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(gray[..., 0], luma, atol=1e-6)
    color = point_batch(key, crops, gray=False, **options).inputs
    np.testing.assert_allclose(color, training.reduce_images(crops, (4, 8)), atol=1e-6)


@pytest.mark.long
@pytest.mark.slow
def test_points_differ_between_images_and_keys_and_jit_changes_nothing(key):
    crops = noise(3, 16, 16, 3)
    options = {"size": (8, 8), "num_points": 16, "points": "halton", "cells": 4}
    draw = lambda key: training.point_batch(key, crops, **options)  # noqa: E731
    plain, compiled = draw(key), jax.jit(draw)(key)
    for a, b in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    other = draw(jax.random.key(9))
    first = [*np.asarray(plain.coords[:, 0, 0]), float(other.coords[0, 0, 0])]
    assert len(set(first)) == 4


def test_integer_crops_other_than_uint8_are_refused(key):
    with refuses("`crops`"):
        training.point_batch(
            key, np.zeros((2, 8, 8, 3), int), size=(4, 4), num_points=4
        )


@pytest.mark.long
@pytest.mark.slow
def test_each_example_has_its_own_interpolation():
    crops = noise(16, 32, 32, 3)
    draw = functools.partial(
        training.scale_batch, jax.random.key(3), crops, side=8, num_points=4
    )
    mixed, cubic, area = (
        draw(interpolations=names).inputs
        for names in (("bicubic", "area"), ("bicubic",), ("area",))
    )
    is_cubic = np.abs(mixed - cubic).max((1, 2, 3)) < 1e-6
    is_area = np.abs(mixed - area).max((1, 2, 3)) < 1e-6
    assert (is_cubic | is_area).all()
    assert 2 < is_area.sum() < 14
    for interpolations in ((), ("nearest",)):
        with refuses("`interpolation"):
            draw(interpolations=interpolations)


@pytest.mark.long
@pytest.mark.slow
def test_colors_lie_at_their_coords_in_the_input():
    """A ramp, which cubic interpolation reduces and enlarges exactly."""
    y, x = np.mgrid[:64, :64] / 64
    crops = np.broadcast_to(np.stack([y, x, 0.5 * y], -1), (12, 64, 64, 3))
    crops = crops.astype(np.float32)
    batch = training.scale_batch(jax.random.key(0), crops, side=16, num_points=200)
    assert batch.inputs.shape == (12, 16, 16, 3)
    assert batch.coords.shape == (12, 200, 2)
    scale = 2 / 16 / batch.cells[:, 0]
    assert ((scale >= 1) & (scale <= 4)).all()
    assert len(np.unique(np.asarray(scale))) > 4
    assert np.isin([2.0, 3.0, 4.0], np.round(scale, 4)).any()
    for image, points, colors in zip(
        batch.inputs, batch.coords, batch.colors, strict=True
    ):
        assert np.abs(points).max() <= 1
        inner = np.abs(points).max(-1) < 0.7
        values = coords.sample_grid(image, points, interpolation="cubic")
        # Half of an 8-bit level, and the overshoot of the kernel.
        np.testing.assert_allclose(values[inner], colors[inner], atol=0.8 / 255)
    # Examples differ in their position, and their colors are pixels of the crops.
    assert len(np.unique(np.asarray(batch.inputs[:, 0, 0, 0]))) > 4
    levels = np.round(64 * np.asarray(batch.colors[..., :2]))
    np.testing.assert_allclose(levels / 64, batch.colors[..., :2], atol=1e-6)


@pytest.mark.long
@pytest.mark.slow
def test_inputs_of_scale_batches_have_8_bits():
    batch = training.scale_batch(
        jax.random.key(1), noise(3, 32, 32, 3), side=8, num_points=4
    )
    levels = 255 * np.asarray(batch.inputs)
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-3)
    assert levels.min() >= 0
    assert levels.max() <= 255


def test_invalid_options_of_scale_batches_are_refused():
    with refuses("`crops` must be at least 64 pixels a side"):
        training.scale_batch(
            jax.random.key(0), noise(1, 63, 80, 3), side=16, num_points=4
        )
    with refuses("`max_scale` must be at least 2"):
        training.scale_batch(
            jax.random.key(0), noise(1, 64, 64, 3), side=4, num_points=4, max_scale=1.5
        )
