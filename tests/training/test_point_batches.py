import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage, stats
from support import refuses

from inr import training
from inr.training.points import SAMPLERS


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


point_batch = jax.jit(
    training.point_batch,
    static_argnames=(
        "size",
        "num_points",
        "sampler",
        "interpolation",
        "gray",
        "cells",
        "interpolation",
    ),
)


def pillow(image, size, interpolation):
    planes = [
        Image.fromarray(image[..., i]).resize(size[::-1], interpolation)
        for i in range(image.shape[-1])
    ]
    return np.stack([np.asarray(plane) for plane in planes], -1)


def test_area_is_the_box_of_pillow_for_whole_factors():
    images = noise(2, 12, 20, 3)
    reduced = training.reduce_images(images, (4, 5))
    expected = [pillow(image, (4, 5), Image.Resampling.BOX) for image in images]
    np.testing.assert_allclose(reduced, expected, atol=1e-6)


def test_area_counts_parts_of_pixels():
    image = noise(11, 7, 3)
    # Each pixel repeated until whole numbers of its copies make a new one.
    fine = image.repeat(4, axis=0).repeat(5, axis=1)
    expected = fine.reshape(4, 11, 5, 7, 3).mean((1, 3))
    np.testing.assert_allclose(
        training.reduce_images(image, (4, 5)), expected, atol=1e-6
    )


@pytest.mark.parametrize("size", [(8, 8), (7, 13)])
def test_bicubic_is_that_of_pillow(size):
    image = noise(32, 32, 1)
    reduced = training.reduce_images(image, size, interpolation="bicubic")
    expected = pillow(image, size, Image.Resampling.BICUBIC)
    np.testing.assert_allclose(reduced, expected, atol=1e-5)


@pytest.mark.parametrize("interpolation", ["area", "bicubic"])
def test_reductions_keep_constants_and_do_not_alias(interpolation):
    constant = training.reduce_images(np.full((9, 9, 1), 0.3, "f4"), (4, 4))
    np.testing.assert_allclose(constant, 0.3, atol=1e-6)
    stripes = np.zeros((32, 32, 1), np.float32)
    stripes[::2] = 1
    reduced = training.reduce_images(stripes, (8, 8), interpolation=interpolation)
    np.testing.assert_allclose(reduced[2:-2], 0.5, atol=0.02)


def test_bytes_count_as_values_in_the_unit_range():
    levels = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), np.uint8)
    from_bytes = training.reduce_images(levels, (4, 4))
    np.testing.assert_allclose(
        from_bytes, training.reduce_images(levels / np.float32(255), (4, 4)), atol=1e-6
    )


def test_colors_are_those_of_the_crop_at_the_points(key):
    crops = np.random.default_rng(2).integers(0, 256, (3, 12, 16, 3), np.uint8)
    for sampler in SAMPLERS:
        batch = point_batch(key, crops, size=(6, 8), num_points=64, sampler=sampler)
        position = (np.asarray(batch.coords) + 1) / 2 * [12, 16] - 0.5
        for i, channel in itertools.product(range(3), range(3)):
            expected = ndimage.map_coordinates(
                crops[i, ..., channel] / 255, position[i].T, order=1, mode="nearest"
            )
            np.testing.assert_allclose(batch.colors[i, :, channel], expected, atol=2e-5)


def test_cubic_colors_keep_what_a_parabola_has(key):
    """Keys' kernel reproduces polynomials of degree 2; the bilinear mean does not."""
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


def test_inputs_are_the_gray_of_the_reduced_crop(key):
    crops = noise(2, 16, 16, 3)
    options = {"size": (4, 8), "num_points": 4}
    gray = point_batch(key, crops, **options).inputs
    luma = crops.reshape(2, 4, 4, 8, 2, 3).mean((2, 4)) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(gray[..., 0], luma, atol=1e-6)
    color = point_batch(key, crops, gray=False, **options).inputs
    np.testing.assert_allclose(color, training.reduce_images(crops, (4, 8)), atol=1e-6)


@pytest.mark.slow
def test_points_differ_between_images_and_steps_and_jit_changes_nothing(key):
    crops = noise(3, 16, 16, 3)
    options = {"size": (8, 8), "num_points": 16, "sampler": "halton", "cells": 4}
    make = lambda key: training.point_batch(key, crops, **options)  # noqa: E731
    plain, compiled = make(key), jax.jit(make)(key)
    for a, b in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    other = make(jax.random.key(9))
    first = [*np.asarray(plain.coords[:, 0, 0]), float(other.coords[0, 0, 0])]
    assert len(set(first)) == 4


mask_cells = jax.jit(training.mask_cells, static_argnames="cells")


def covered_by(cells, *, b=64, size=(64, 64), key=0):
    images = noise(b, *size, 1) * 0.4
    masked = mask_cells(jax.random.key(key), images, cells=cells)
    covered = np.asarray(masked == 0.5)
    np.testing.assert_array_equal(np.where(covered, 0.5, images), masked)
    return covered[..., 0]


def spread(cells, size):
    """Masks `[b, G, G]` enlarged by taking the nearest, as Pillow does it."""
    nearest = Image.Resampling.NEAREST
    return np.stack(
        [
            np.asarray(Image.fromarray(x).resize(size[::-1], nearest), bool)
            for x in cells
        ]
    )


def cells_of(covered, number):
    """What the masks are in the middle of each of G x G cells."""
    h, w = covered.shape[1:]
    rows, columns = (((2 * np.arange(number) + 1) * n) // (2 * number) for n in (h, w))
    return covered[:, rows[:, None], columns[None]]


@pytest.mark.parametrize("number", [4, 7, 8, 16, 32, 61])
@pytest.mark.parametrize("size", [(64, 64), (64, 96)])
def test_cells_are_whole_and_as_the_nearest_says(number, size):
    # Sizes at which no pixel's center lies on the border of a cell.
    covered = covered_by(number, b=8, size=size)
    np.testing.assert_array_equal(spread(cells_of(covered, number), size), covered)


def test_up_to_three_quarters_are_covered_each_number_equally_often():
    counts = cells_of(covered_by(3, b=7000, size=(6, 6)), 3).sum((1, 2))
    frequency = np.bincount(counts, minlength=7)
    assert len(frequency) == 7  # 0, ..., floor(0.75 * 9)
    assert stats.chisquare(frequency).pvalue > 1e-3


def test_cells_are_covered_equally_often():
    cells = cells_of(covered_by(4, b=4000, size=(8, 8)), 4)
    share = cells.mean(0)
    np.testing.assert_allclose(share, 6 / 16, atol=4 * np.sqrt(0.25 / 4000))
    # Two cells are independent but for their common count.
    assert len({x.tobytes() for x in cells}) > 2000


def coarsest(covered):
    """The smallest G whose cells the masks of a batch consist of."""
    size = covered.shape[1:]
    return next(
        g
        for g in range(1, 65)
        if np.array_equal(spread(cells_of(covered, g), size), covered)
    )


@pytest.mark.parametrize("kind", ["uniform", "dynamic"])
def test_the_number_of_cells_varies_from_batch_to_batch(kind):
    found = {coarsest(covered_by(kind, b=8, key=key)) for key in range(24)}
    primes = {g for g in range(5, 64) if all(g % i for i in range(2, g))}
    if kind == "dynamic":
        assert found <= primes | {64}
    else:
        assert found <= set(range(5, 65))
        assert found - primes - {64}
    assert len(found) > 8


def test_every_batch_of_a_varying_kind_keeps_the_count():
    for key in range(6):
        covered = covered_by("uniform", b=32, key=key)
        share = cells_of(covered, coarsest(covered)).mean((1, 2))
        assert share.max() <= 0.75
        assert share.std() > 0.1


@pytest.mark.parametrize("cells", [4, "dynamic"])
def test_masking_under_jit_is_the_same(key, cells):
    images = jnp.asarray(noise(4, 16, 16, 1))
    mask = lambda k: training.mask_cells(k, images, cells=cells)  # noqa: E731
    np.testing.assert_array_equal(mask(key), jax.jit(mask)(key))


def test_options_of_batches_are_checked(key):
    images = noise(2, 8, 8, 3)
    with refuses("`size`"):
        training.reduce_images(images, (9, 4))
    with refuses("`interpolation`"):
        training.reduce_images(images, (4, 4), interpolation="nearest")
    with refuses("`cells`"):
        training.mask_cells(key, images, cells="primes")
    with refuses("`cells`"):
        training.mask_cells(key, images, cells=0)
    with refuses("`images`"):
        training.reduce_images(images[0, 0], (4, 4))
    with refuses("`crops`"):
        training.point_batch(
            key, np.zeros((2, 8, 8, 3), int), size=(4, 4), num_points=4
        )
