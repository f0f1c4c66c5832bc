"""The loss of a restorer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import SMALL, random_params
from support import refuses

import inr
from inr import color
from inr.colorization import restorer_loss
from inr.training import point_batch


@pytest.fixture(scope="module")
def params():
    return jax.tree.map(lambda x: np.float32(np.float16(x)), random_params())


def crops(count=3, side=32):
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (count, side, side, 3), np.uint8)


@pytest.mark.long
@pytest.mark.slow
def test_the_loss_is_the_squared_error_of_bound_fields(params):
    """Image by image, for both uses of the model."""
    images, key = crops(), jax.random.key(5)
    loss = restorer_loss(SMALL, num_points=16, luma_weight=3.0)
    total, parts = jax.jit(loss)(params, key, images)
    options = {"size": (16, 16), "num_points": 16, "points": "jittered"}
    points_key = jax.random.split(jax.random.split(key)[0], 4)[0]
    batch = point_batch(points_key, images, interpolation="cubic", **options)
    errors = {"restored": [], "colorized": []}
    for i, image in enumerate(images):
        luma = color.rgb_to_luma(np.float32(image) / 255)
        exact = SMALL.clone(exact_luma=True)
        for use, model, gray in (
            ("restored", SMALL, batch.inputs[i]),
            ("colorized", exact, luma),
        ):
            field = inr.bind(model, params, gray)
            errors[use].append(field(batch.coords[i]) - batch.colors[i])
    expected = {use: np.mean(np.square(x)) for use, x in errors.items()}
    luma = color.rgb_to_luma(jnp.stack(errors["restored"]))
    expected["luma"] = np.mean(np.square(luma))
    for name, value in expected.items():
        np.testing.assert_allclose(parts[name], value, rtol=1e-4)
    expected_total = expected["restored"] + expected["colorized"] + 3 * expected["luma"]
    np.testing.assert_allclose(total, expected_total, rtol=1e-4)


@pytest.mark.long
@pytest.mark.slow
def test_the_pseudo_huber_loss_is_square_near_zero_and_linear_far_away(params):
    """A large `delta` is squared error; for a small one the loss is linear in it."""
    images, key = crops(), jax.random.key(5)

    def value(delta):
        loss = restorer_loss(SMALL, num_points=16, delta=delta)
        return float(jax.jit(loss)(params, key, images)[0])

    square = value(None)
    np.testing.assert_allclose(value(1e3), square, rtol=1e-4)
    np.testing.assert_allclose(value(2e-5) / 2, value(1e-5), rtol=1e-3)
    with refuses("`delta`"):
        value(0.0)


@pytest.mark.long
@pytest.mark.slow
def test_feature_offsets_change_half_of_the_points(params):
    """Not where features are constant, and little with small offsets."""
    images, key = crops(), jax.random.key(5)

    def value(params, **options):
        loss = restorer_loss(SMALL, num_points=16, **options)
        return float(jax.jit(loss)(params, key, images)[0])

    plain = value(params)
    assert value(params, feature_offset=0.5) != pytest.approx(plain, rel=1e-4)
    assert value(params, feature_offset=1e-6) == pytest.approx(plain, rel=1e-4)
    assert value(params, points="halton") != pytest.approx(plain, rel=1e-4)
    # A decoder that ignores the features.
    ignoring = jax.tree.map(lambda x: x, params)
    features = ignoring["params"]["decoder"]["features"]
    features["kernel"] = 0 * features["kernel"]
    with_offset = value(ignoring, feature_offset=0.5)
    assert with_offset == pytest.approx(value(ignoring), rel=1e-6)


@pytest.mark.long
@pytest.mark.slow
def test_augmentations_change_the_loss(params):
    images, key = crops(side=48), jax.random.key(5)

    def value(**options):
        loss = restorer_loss(SMALL, num_points=16, **options)
        return float(jax.jit(loss)(params, key, images)[0])

    plain = value()
    for options in ({"resized_crops": True}, {"views": 0.1}, {"cells": 4}):
        assert value(**options) != pytest.approx(plain, rel=1e-4)


@pytest.mark.long
@pytest.mark.slow
def test_the_loss_falls_along_its_gradient(params):
    images = crops(1)
    loss = restorer_loss(SMALL, num_points=64)
    step = jax.jit(jax.value_and_grad(lambda p: loss(p, jax.random.key(0), images)[0]))
    before, gradient = step(params)
    after, _ = step(jax.tree.map(lambda p, g: p - 1e-3 * g, params, gradient))
    decrease = 1e-3 * sum(np.sum(np.square(g)) for g in jax.tree.leaves(gradient))
    np.testing.assert_allclose(before - after, decrease, rtol=0.2)


def test_bad_input_is_refused(params):
    with refuses("`num_points`"):
        restorer_loss(SMALL, num_points=0)
    with refuses("`feature_offset`"):
        restorer_loss(SMALL, feature_offset=-0.1)
    loss = restorer_loss(SMALL, num_points=16)
    with refuses("`size` must be \\(h, w\\), at most"):
        loss(params, jax.random.key(0), crops(side=8))
    pairs = np.concatenate([crops(), crops()], -1)
    with refuses("`crops` must be .* for `diffusion_loss` only"):
        loss(params, jax.random.key(0), pairs)
