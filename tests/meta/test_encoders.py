"""Encoders of samples."""

import jax
import jax.numpy as jnp
import numpy as np
from support import refuses

import inr
from inr import meta

RNG = np.random.default_rng(0)
COORDS = RNG.uniform(-1, 1, (7, 2)).astype(np.float32)
FEATURES = RNG.uniform(-1, 1, (7, 3)).astype(np.float32)
KNOWN = np.array([1, 1, 0, 1, 0, 1, 1], np.float32)
SET = meta.SetEncoder(width=5, depth=1, omega=4.0)
CONV = meta.ConvEncoder(size=(6, 5), widths=(4, 6))


def initial(encoder, *inputs):
    return encoder.init(jax.random.key(0), *inputs)


def test_a_set_is_encoded_by_sines_their_mean_and_a_perceptron():
    params = initial(SET, COORDS, FEATURES, KNOWN)
    layers = jax.tree.map(np.float64, params["params"])
    x = np.concatenate([COORDS, FEATURES / 4.0], -1)[KNOWN == 1]
    x = np.sin(4 * (x @ layers["sine_0"]["kernel"] + layers["sine_0"]["bias"]))
    x = np.sin(x @ layers["sine_1"]["kernel"] + layers["sine_1"]["bias"])
    x = x.mean(0) @ layers["mean"]["kernel"] + layers["mean"]["bias"]
    gelu = x / 2 * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))
    actual = SET.apply(params, COORDS, FEATURES, KNOWN)
    np.testing.assert_allclose(actual, gelu, atol=1e-5)


def test_order_has_no_effect_on_a_set():
    params = initial(SET, COORDS, FEATURES, KNOWN)
    order = RNG.permutation(7)
    expected = SET.apply(params, COORDS, FEATURES, KNOWN)
    shuffled = (x[order] for x in (COORDS, FEATURES, KNOWN))
    np.testing.assert_allclose(SET.apply(params, *shuffled), expected, atol=1e-6)
    twice = (np.concatenate([x, x]) for x in (COORDS, FEATURES, KNOWN))
    np.testing.assert_allclose(SET.apply(params, *twice), expected, atol=1e-6)


def test_unknown_pixels_have_no_effect_on_a_convolutional_encoder():
    coords = inr.coords.grid((6, 5))
    image = RNG.random((6, 5, 3)).astype(np.float32)
    known = (RNG.random((6, 5)) < 0.5).astype(np.float32)
    params = initial(CONV, coords, image, known)
    expected = CONV.apply(params, coords, image, known)
    assert expected.shape == (2 * 2 * 6,)
    other = np.where(known[..., None] == 1, image, 9.0).astype(np.float32)
    np.testing.assert_array_equal(CONV.apply(params, coords, other, known), expected)
    mask_matters = CONV.apply(
        params, coords, image * known[..., None], jnp.ones((6, 5))
    )
    assert np.abs(mask_matters - expected).max() > 1e-3


def test_bad_encoders_are_refused():
    with refuses("`width` must be"):
        meta.SetEncoder(width=0)
    with refuses("`omega` must be"):
        meta.SetEncoder(omega=-1.0)
    with refuses(r"`size` must be \(h, w\)"):
        meta.ConvEncoder(size=(4, 4, 4))
    with refuses("`widths` must be"):
        meta.ConvEncoder(widths=(4, 0))
    with refuses(r"`signals` must be images of size \(6, 5\)"):
        initial(CONV, COORDS, FEATURES, KNOWN)
