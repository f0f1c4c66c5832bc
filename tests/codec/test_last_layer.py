import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_codec
from scipy import optimize

from inr.codec.last_layer import (
    CHANGE_BYTES,
    Sums,
    best_change,
    exact_change,
    from_bytes,
    sums_of,
    with_change,
)
from inr.codec.synthesis import Synthesis

SIZE = (24, 20)
NETWORKS = jax.tree.map(jnp.asarray, small_codec.networks())


def error(networks, latents, image):
    """Sum of the squared errors of RGB."""
    rgb = Synthesis().apply(networks.synthesis, latents, method="pixels")
    return float(jnp.square(rgb - image).sum())


@pytest.fixture(scope="module")
def latents():
    return jax.tree.map(jnp.asarray, small_codec.latents(SIZE, scale=0.3))


@pytest.fixture(scope="module")
def image(latents):
    """What another last layer decodes, with noise."""
    rng = np.random.default_rng(0)
    change = rng.integers(-30, 30, CHANGE_BYTES).astype(np.int8)
    networks = with_change(NETWORKS, from_bytes(change.tobytes()))
    rgb = Synthesis().apply(networks.synthesis, latents, method="pixels")
    return rgb + rng.normal(0, 0.05, rgb.shape).astype(np.float32)


@pytest.fixture(scope="module")
def sums(latents, image):
    return jax.device_get(sums_of(NETWORKS.synthesis, latents, image))


def test_the_change_is_near_that_of_least_squares(latents, image, sums):
    """Found by SciPy from the pixels, it is the best that any change can do."""
    kernel = NETWORKS.synthesis["params"]["output"]["kernel"]

    def missing(change):
        output = {"kernel": kernel + np.float32(change.reshape(kernel.shape))}
        arrays = {**NETWORKS.synthesis["params"], "output": output}
        rgb = Synthesis().apply({"params": arrays}, latents, method="pixels")
        return np.asarray(rgb - image, np.float64).ravel()

    zero = np.zeros(kernel.size)
    columns = [missing(x) - missing(zero) for x in np.eye(kernel.size)]
    best = optimize.lsq_linear(np.stack(columns, 1), -missing(zero), (-3.9, 3.9))
    before, least = error(NETWORKS, latents, image), 2 * best.cost
    change = best_change(sums, 0.0)
    assert len(change) == CHANGE_BYTES == 48
    after = error(with_change(NETWORKS, from_bytes(change)), latents, image)
    assert least < after < least + 0.05 * (before - least)


def test_the_change_in_a_search_is_that_of_least_squares(sums):
    gram, moment = (np.asarray(x, np.float64) for x in sums)

    def gain(change):
        return np.sum(change * (2 * moment - gram @ change))

    most = gain(np.linalg.lstsq(gram, moment)[0])
    assert 0.999 * most < gain(exact_change(sums)) <= most


def test_rounding_in_turn_beats_rounding_each(sums):
    def cost(codes):
        change = codes.reshape(-1, 3) / 32
        return np.sum(change * (sums.gram @ change - 2 * sums.moment))

    gram = np.asarray(sums.gram, np.float64)
    gram = gram + 1e-6 * (1 + np.trace(gram)) * np.eye(len(gram))
    each = np.rint(32 * np.linalg.solve(gram, sums.moment)).clip(-127, 127)
    assert cost(np.frombuffer(best_change(sums, 0.0), np.int8)) < cost(each)


def test_sums_of_parts_are_those_of_the_whole():
    rng = np.random.default_rng(0)
    parts = [
        Sums(x.T @ x, x.T @ rng.normal(size=(50, 3)))
        for x in rng.normal(size=(2, 50, 16))
    ]
    whole = jax.tree.map(np.add, *parts)
    exact = np.linalg.solve(whole.gram, whole.moment)
    codes = np.frombuffer(best_change(whole, 0.0), np.int8).reshape(16, 3)
    np.testing.assert_allclose(codes / 32, exact, atol=0.05)


def test_a_change_must_pay_for_its_bytes(sums, latents, image):
    after = with_change(NETWORKS, from_bytes(best_change(sums, 0.0)))
    gain = error(NETWORKS, latents, image) - error(after, latents, image)
    weight = gain / 3 / (8 * CHANGE_BYTES)
    assert best_change(sums, 0.99 * weight)
    assert best_change(sums, 1.01 * weight) == b""


def test_nothing_to_mend_is_no_change(latents):
    image = Synthesis().apply(NETWORKS.synthesis, latents, method="pixels")
    sums = jax.device_get(sums_of(NETWORKS.synthesis, latents, image))
    assert best_change(sums, 0.0) == b""
    assert not from_bytes(b"").any()


def test_a_change_moves_the_last_layer_only():
    change = np.arange(-24, 24, dtype=np.int8)
    changed = with_change(NETWORKS, from_bytes(change.tobytes()))
    difference = jax.tree.map(np.subtract, changed, NETWORKS)
    kernel = difference.synthesis["params"]["output"].pop("kernel")
    np.testing.assert_allclose(kernel, change.reshape(16, 3) / 32, atol=1e-6)
    assert not any(x.any() for x in jax.tree.leaves(difference))
