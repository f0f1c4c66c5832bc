import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file
from support import refuses

from inr import metrics

# (prefix, kernel sizes, output widths divided by 16, smallest image)
NETWORKS = {
    "VGG16_0": ([3] * 13, [4, 4, 8, 8, 16, 16, 16, 32, 32, 32, 32, 32, 32], 16),
    "AlexNet_0": ([11, 5, 3, 3, 3], [4, 12, 24, 16, 16], 31),
}
TAPS = {"VGG16_0": [1, 3, 6, 9, 12], "AlexNet_0": [0, 1, 2, 3, 4]}
FILES = ["vgg16_lpips.safetensors", "alexnet_lpips.safetensors"]


def random_weights(trunk):
    """Random weights of the right layout, at a sixteenth of the width."""
    rng = np.random.default_rng(1)
    sizes, widths, _ = NETWORKS[trunk]
    weights, c_in = {}, 3
    for i, (size, c_out) in enumerate(zip(sizes, widths, strict=True)):
        kernel = (
            rng.normal(size=(size, size, c_in, c_out)) * (2 / size**2 / c_in) ** 0.5
        )
        weights[f"{trunk}/Conv_{i}/kernel"] = kernel.astype(np.float16)
        weights[f"{trunk}/Conv_{i}/bias"] = rng.normal(size=c_out, scale=0.1)
        c_in = c_out
    for j, i in enumerate(TAPS[trunk]):
        weights[f"NetLinLayer_{j}/Conv_0/kernel"] = rng.uniform(
            size=(1, 1, widths[i], 1)
        )
    return {
        k: v if v.dtype == np.float16 else np.float32(v) for k, v in weights.items()
    }


def windows(x, size, stride, pad=0):
    """`[h, w, c]` to `[h', w', c, size, size]`."""
    x = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
    view = np.lib.stride_tricks.sliding_window_view(x, (size, size), (0, 1))
    return view[::stride, ::stride]


def reference_lpips(image, reference, weights, trunk):
    """LPIPS in float64 NumPy, written from the torchvision layouts."""
    features = []
    for x in (image, reference):
        x = (2 * x.astype(np.float64) - 1 - [-0.030, -0.088, -0.188]) / [
            0.458,
            0.448,
            0.45,
        ]
        taps = []
        for i, size in enumerate(NETWORKS[trunk][0]):
            first_alex = trunk == "AlexNet_0" and i == 0
            if trunk == "AlexNet_0" and i in (1, 2):
                x = windows(x, 3, 2).max((-1, -2))
            if trunk == "VGG16_0" and i in (2, 4, 7, 10):
                x = windows(x, 2, 2).max((-1, -2))
            stride, pad = (4, 2) if first_alex else (1, size // 2)
            kernel = weights[f"{trunk}/Conv_{i}/kernel"].astype(np.float64)
            x = np.einsum("hwcij,ijck->hwk", windows(x, size, stride, pad), kernel)
            x = np.maximum(x + weights[f"{trunk}/Conv_{i}/bias"], 0)
            if i in TAPS[trunk]:
                taps.append(x / (np.linalg.norm(x, axis=-1, keepdims=True) + 1e-10))
        features.append(taps)
    return sum(
        ((a - b) ** 2 @ weights[f"NetLinLayer_{j}/Conv_0/kernel"][0, 0]).mean()
        for j, (a, b) in enumerate(zip(*features, strict=True))
    )


def images(size, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(size=(2, *size, 3)).astype(np.float32)


@pytest.mark.parametrize("trunk", NETWORKS)
def test_lpips_agrees_with_a_numpy_reference(trunk):
    weights = random_weights(trunk)
    image, reference = images((37, 45))
    expected = reference_lpips(image, reference, weights, trunk)
    distance = metrics.lpips(image, reference, weights=weights)
    np.testing.assert_allclose(distance, expected, rtol=1e-4)
    assert distance.shape == ()
    assert distance.dtype == jnp.float32


@pytest.mark.slow
def test_lpips_jits_maps_and_differentiates():
    weights = random_weights("AlexNet_0")
    image, reference = (jnp.asarray(x) for x in images((33, 32)))

    def distance(image):
        return metrics.lpips(image, reference, weights=weights)

    # In a constant image, and in the reference itself, many features are zero.
    batch = jnp.stack([image, jnp.zeros_like(image), reference])
    scores, gradients = jax.jit(jax.vmap(jax.value_and_grad(distance)))(batch)
    expected = [distance(image) for image in batch]
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-12)
    assert bool(jnp.isfinite(gradients).all())
    assert bool((gradients[0] != 0).any())


def test_features_that_are_all_zero_have_a_finite_gradient():
    weights = random_weights("AlexNet_0")
    weights["AlexNet_0/Conv_4/bias"] = np.full(16, -1e3, np.float32)
    image, reference = (jnp.asarray(x) for x in images((32, 32)))
    gradient = jax.jit(jax.grad(metrics.lpips))(image, reference, weights=weights)
    assert bool(jnp.isfinite(gradient).all())
    assert bool((gradient != 0).any())


@pytest.mark.parametrize("trunk", NETWORKS)
def test_the_smallest_image_is_the_one_documented(trunk):
    weights, least = random_weights(trunk), NETWORKS[trunk][2]
    image, reference = images((least, least))
    assert metrics.lpips(image, reference, weights=weights) > 0
    with refuses(f"`image` must be at least {least} x {least} pixels"):
        metrics.lpips(image[1:], reference[1:], weights=weights)


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_real_weights_order_images_by_noise(data_folder, file):
    weights = load_file(data_folder / "weights" / file)
    y, x = np.mgrid[:64, :64] / 64
    image = np.stack([y, x, 0.5 + 0.4 * np.sin(9 * x * y)], -1).astype(np.float32)
    noise = images((64, 64))[0] - 0.5
    levels = [0, 0.02, 0.1, 0.3, 0.9]
    scores = [metrics.lpips(image + s * noise, image, weights=weights) for s in levels]
    assert abs(scores[0]) < 1e-12
    assert (np.diff(scores) > 0).all()
    assert 0.2 < scores[-1] < 2


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_real_weights_agree_with_the_numpy_reference(data_folder, file):
    weights = load_file(data_folder / "weights" / file)
    trunk = next(name for name in NETWORKS if f"{name}/Conv_0/kernel" in weights)
    image, reference = images((32, 32))
    expected = reference_lpips(image, reference, weights, trunk)
    distance = metrics.lpips(image, reference, weights=weights)
    np.testing.assert_allclose(distance, expected, rtol=1e-4)


@pytest.mark.slow
def test_weights_on_vgg16_come_with_the_library(data_folder):
    """In float16: three digits of the distance by the published file."""
    weights = load_file(data_folder / "weights" / FILES[0])
    image, reference = images((32, 32))
    expected = metrics.lpips(image, reference, weights=weights)
    np.testing.assert_allclose(metrics.lpips(image, reference), expected, rtol=1e-3)
    features = metrics.deep_features(image[None])
    assert [x.shape[-1] for x in features] == [64, 128, 256, 512, 512]


def test_bad_inputs_are_refused():
    weights = random_weights("AlexNet_0")
    image = np.zeros((32, 32, 3), np.float32)
    with refuses(
        "`weights` must be the arrays of LPIPS on VGG16 or AlexNet, got 1 arrays"
    ):
        metrics.lpips(image, image, weights={"kernel": image})
    incomplete = {k: v for k, v in weights.items() if k != "AlexNet_0/Conv_3/bias"}
    with refuses("`weights` must be the arrays of LPIPS"):
        metrics.lpips(image, image, weights=incomplete)
    with refuses(r"`image` must be \[h, w, 3\]"):
        metrics.lpips(image[..., :1], image[..., :1], weights=weights)
    with refuses("`image` must be of the shape of `reference`"):
        metrics.lpips(image, image[:31], weights=weights)
