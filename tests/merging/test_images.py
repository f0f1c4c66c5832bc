import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import count_compilations, refuses

import inr
from inr import merging, poisson


def draw(n, h=12, w=17, c=3, seed=0):
    return np.random.default_rng(seed).random((n, h, w, c))


def least_squares(field, mean):
    """The integral of a gradient field `[h, w, 2]`, by dense least squares."""
    h, w = field.shape[:2]
    rows, differences = [], []
    for i in range(h):
        for j in range(w):
            for axis, (k, m) in enumerate(((i + 1, j), (i, j + 1))):
                if k < h and m < w:
                    row = np.zeros((h, w))
                    row[i, j], row[k, m] = -1, 1
                    rows.append(row.ravel())
                    differences.append(field[i, j, axis])
    u = np.linalg.lstsq(np.array(rows), np.array(differences), rcond=1e-9)[0]
    return (u - u.mean() + mean).reshape(h, w)


def strongest_by_loop(images, select, joint):
    """Strongest gradients, computed edge by edge."""
    gradients = np.stack([np.asarray(poisson.grid_gradient(x)) for x in images])
    n, h, w, _, c = gradients.shape
    field = np.zeros((h, w, 2, c))
    for i, j, axis, k in np.ndindex(h, w, 2, c):
        axes = [0, 1] if select == "pixel" else [axis]
        channels = range(c) if joint else [k]
        strength = [
            sum(gradients[m, i, j, a, b] ** 2 for a in axes for b in channels)
            for m in range(n)
        ]
        field[i, j, axis, k] = gradients[int(np.argmax(strength)), i, j, axis, k]
    return field


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("select", ["edge", "pixel"])
def test_the_strongest_gradient_equals_dense_least_squares(select, joint):
    images = draw(3, 9, 11, 2)
    with jax.enable_x64(True):
        guidance = merging.Strongest(select=select, joint_channels=joint)
        merged = inr.merge(images, guidance=guidance)
        field = strongest_by_loop(images, select, joint)
    for k in range(2):
        expected = least_squares(field[..., k], images[..., k].mean())
        np.testing.assert_allclose(merged[..., k], expected, atol=1e-12)


def test_the_default_is_the_strongest_edge_with_joint_channels():
    images = draw(2)
    guidance = merging.Strongest(select="edge", joint_channels=True)
    expected = inr.merge(images, guidance=guidance)
    np.testing.assert_array_equal(inr.merge(images), expected)


def test_the_integral_of_mean_gradients_is_the_mean_image():
    images = draw(4).astype(np.float32)
    merged = inr.merge(list(images), guidance="mean")
    np.testing.assert_allclose(merged, images.mean(0), atol=2e-6)


@pytest.mark.parametrize("guidance", ["strongest", "mean"])
def test_one_image_and_equal_images_are_unchanged(guidance):
    (image,) = draw(1).astype(np.float32)
    for images in ([image], [image, image], [image, np.full_like(image, 0.3)]):
        if guidance == "mean" and len(images) == 2 and images[1] is not image:
            continue
        merged = inr.merge(images, guidance=guidance)
        level = np.mean([x.mean((0, 1)) for x in images], 0) - image.mean((0, 1))
        np.testing.assert_allclose(merged, image + level, atol=3e-6)


def test_weights_select_an_image():
    images = draw(2).astype(np.float32)
    weights = np.stack([np.ones((12, 17)), np.zeros((12, 17))])
    for guidance in ("mean", "strongest"):
        merged = inr.merge(images, guidance=guidance, weights=weights)
        np.testing.assert_allclose(merged, images[0], atol=3e-6)


def test_a_weighted_mean_equals_dense_least_squares():
    images, weights = draw(2, 8, 9, 1), np.random.default_rng(1).random((2, 8, 9))
    gradients = np.stack([np.asarray(poisson.grid_gradient(x)) for x in images])
    field = np.zeros((8, 9, 2))
    for i, j, axis in np.ndindex(8, 9, 2):
        k, m = min(i + (axis == 0), 7), min(j + (axis == 1), 8)
        at_edge = (weights[:, i, j] + weights[:, k, m]) / 2
        field[i, j, axis] = at_edge @ gradients[:, i, j, axis, 0] / at_edge.sum()
    level = ((weights * images[..., 0]).sum(0) / weights.sum(0)).mean()
    merged = inr.merge(images.astype(np.float32), guidance="mean", weights=weights)
    np.testing.assert_allclose(merged[..., 0], least_squares(field, level), atol=5e-6)


def flipped(gradients, weights):
    return -gradients[0]


def test_guidance_is_any_function():
    (image,) = draw(1).astype(np.float32)
    merged = inr.merge([image], guidance=flipped)
    expected = 2 * image.mean((0, 1)) - image
    np.testing.assert_allclose(merged, expected, atol=3e-6)


def test_images_of_8_bits():
    levels = np.rint(255 * draw(2)).astype(np.uint8)
    expected = inr.merge(levels / np.float32(255))
    np.testing.assert_array_equal(inr.merge(list(levels)), expected)


def test_linear_light():
    images = draw(2).astype(np.float32)
    merged = inr.merge(images, guidance="mean", linear_light=True)
    light = inr.color.srgb_to_linear(images).mean(0)
    np.testing.assert_allclose(merged, inr.color.linear_to_srgb(light), atol=1e-5)


def test_stitching_removes_a_step_of_exposure():
    """Both images show one scene, and one is brighter."""
    y, x = np.mgrid[:40, :60]
    scene = (0.4 + 0.1 * np.sin(x / 5) * np.cos(y / 7))[..., None].astype(np.float32)
    labels = (x >= 30).astype(np.int32)
    merged = merging.stitch([scene, scene + 0.2], labels)
    level = np.where(labels[..., None] == 1, scene + 0.2, scene).mean()
    np.testing.assert_allclose(merged, scene - scene.mean() + level, atol=1e-5)


def test_a_tileable_image_has_no_seam_and_the_same_mean():
    y, x = np.mgrid[:32, :48] / 32
    image = (0.3 + 0.3 * x + 0.1 * np.sin(20 * y))[..., None].astype(np.float32)
    tile = np.asarray(merging.make_tileable(image))
    step = np.abs(poisson.grid_gradient(image)).max()
    wrapped = np.abs(poisson.grid_gradient(tile, boundary="periodic"))
    assert np.abs(image[:, -1] - image[:, 0]).max() > 0.4
    assert wrapped.max() < 3 * step
    np.testing.assert_allclose(tile.mean(), image.mean(), atol=1e-6)
    periodic = np.sin(2 * np.pi * np.mgrid[:32, :48][1] / 48)[..., None]
    tile = merging.make_tileable(periodic.astype(np.float32))
    assert np.abs(tile - periodic).max() < 0.1


def test_jit_and_vmap_equal_a_loop():
    batch = draw(6).astype(np.float32).reshape(3, 2, 12, 17, 3)
    loop = np.stack([inr.merge(images) for images in batch])
    np.testing.assert_allclose(jax.vmap(inr.merge)(batch), loop, atol=1e-5)
    np.testing.assert_allclose(jax.jit(inr.merge)(batch[0]), loop[0], atol=1e-5)


@pytest.mark.slow
def test_the_derivative_with_respect_to_the_images():
    images = jnp.asarray(draw(2), jnp.float32)
    gradient = jax.grad(lambda x: jnp.sum(inr.merge(x) ** 2))(images)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max(axis=(1, 2, 3)).min() > 0


def test_equal_guidances_do_not_recompile():
    inr.merge(draw(2), guidance=merging.Strongest(select="pixel"))
    with count_compilations() as count:
        inr.merge(draw(2, seed=1), guidance=merging.Strongest(select="pixel"))
    assert count() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: inr.merge([]), "`images` must be at least one image"),
        (lambda x: inr.merge([x[0], x[1, :5]]), "`images` must be of one shape"),
        (
            lambda x: inr.merge((255 * x).astype(int)),
            r"`images\[0\]` must be a floating",
        ),
        (lambda x: inr.merge(x * np.nan), r"`images\[0\]` must be finite"),
        (lambda x: inr.merge(x, guidance="max"), "'strongest', 'mean', or a function"),
        (
            lambda x: inr.merge(x, guidance=lambda g, w: g),
            r"array of shape \(12, 17, 2",
        ),
        (lambda x: inr.merge(x, guidance=lambda g, w: None), "got NoneType"),
        (lambda x: inr.merge(x, weights=x[..., 0][:1]), "`weights` must be of shape"),
        (lambda x: inr.merge(x, weights=-x[..., 0]), "`weights` must be not negative"),
        (lambda x: inr.merge(x, weights=0 * x[..., 0]), "above 0 somewhere"),
        (lambda x: merging.stitch(x, x[0, ..., 0]), "`labels` must be an integer"),
        (lambda x: merging.stitch(x, np.full((12, 17), 2)), r"in \[0, 2\)"),
        (lambda x: merging.stitch(x, np.zeros((3, 3), int)), "`labels` must be of"),
        (lambda x: merging.Strongest(select="row"), "`select` must be one of"),
    ],
)
def test_invalid_input_raises(call, message):
    with refuses(message):
        call(draw(2))
