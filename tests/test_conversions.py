"""Tests of `inr._conversions`: images and sound as floating arrays."""

import functools
import pathlib
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from support import refuses

import inr
from inr import _conversions

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3)])
def test_levels_are_divided_by_their_maximum(dtype, shape):
    levels = RNG.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)
    expected = levels.astype(np.float32) / np.float32(np.iinfo(dtype).max)
    expected = expected.reshape(4, 5, -1)
    for value in (levels, jnp.asarray(levels), levels.tolist()):
        if isinstance(value, list):
            value = np.asarray(value, dtype)
        image = _conversions.as_image("image", value)
        assert image.dtype == jnp.float32
        np.testing.assert_array_equal(image, expected)
    traced = jax.jit(lambda x: _conversions.as_image("image", x))(levels)
    np.testing.assert_allclose(traced, expected, rtol=1e-6)


def test_floating_images_are_returned_unchanged():
    values = RNG.uniform(-0.5, 1.5, (4, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(_conversions.as_image("image", values), values)
    half = jnp.asarray(values, jnp.bfloat16)
    assert _conversions.as_image("image", half).dtype == jnp.float32


class Tensor:
    """As PyTorch's tensors on a CPU, or one that requires gradients."""

    def __init__(self, values, requires_grad=False):
        self.values, self.requires_grad = values, requires_grad

    def __array__(self, dtype=None, copy=None):
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return np.asarray(self.values, dtype)


def test_tensors_of_other_libraries_are_converted_or_refused_by_name():
    for values in (RNG.random((4, 5, 3), np.float32), np.full((4, 5), 51, np.uint8)):
        expected = _conversions.as_image("image", values)
        image = _conversions.as_image("image", Tensor(values))
        np.testing.assert_array_equal(image, expected)
    with refuses("`image` must be .*, got Tensor .*requires grad"):
        _conversions.as_image("image", Tensor(values, requires_grad=True))


def test_host_functions_refuse_traced_arrays_by_name():
    import inr

    with refuses("`image` must be a concrete array, .* outside of JAX transformations"):
        jax.jit(lambda x: inr.upscale(x, 2))(jnp.zeros((8, 8, 3)))


def test_pil_images_of_every_mode_are_accepted():
    rgb = RNG.integers(0, 256, (6, 5, 3), np.uint8)
    image = Image.fromarray(rgb)
    palette = image.quantize(8)
    transparent = palette.copy()
    transparent.info["transparency"] = 2
    deep = Image.fromarray(RNG.integers(0, 65536, (6, 5), np.uint16))
    for given, levels, top in [
        (image, rgb, 255),
        (image.convert("L"), np.asarray(image.convert("L"))[..., None], 255),
        (image.convert("1"), np.asarray(image.convert("1"))[..., None] * 255, 255),
        (image.convert("CMYK"), np.asarray(image.convert("CMYK").convert("RGB")), 255),
        (palette, np.asarray(palette.convert("RGB")), 255),
        (transparent, np.asarray(transparent.convert("RGBA")), 255),
        (image.convert("RGBA"), np.asarray(image.convert("RGBA")), 255),
        (deep, np.asarray(deep)[..., None], 65535),
    ]:
        expected = levels.astype(np.float32) / np.float32(top)
        np.testing.assert_array_equal(_conversions.as_image("image", given), expected)


class Convertible:
    """An array of another library."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


def test_objects_that_convert_to_an_array_are_accepted():
    values = RNG.random((4, 5, 3), np.float32)
    image = _conversions.as_image("image", Convertible(values))
    np.testing.assert_array_equal(image, values)


@pytest.mark.parametrize("dtype", [np.int32, np.int8, np.uint32, np.bool_, complex])
def test_other_dtypes_are_refused_with_the_fix(dtype):
    fix = "astype" if dtype is np.bool_ else "divide by the value of white"
    with refuses(f"`image` must be a floating, uint8 or uint16 array.*{fix}"):
        _conversions.as_image("image", np.ones((4, 5, 3), dtype))


@pytest.mark.parametrize("value", ["photo.jpg", b"bytes", pathlib.Path("photo.jpg")])
def test_files_are_refused_with_the_fix(value):
    with refuses("`image` must be .* PIL image, got .*inr.read_image"):
        inr.upscale(value, 2)


def test_channels_that_come_first_are_refused_with_the_fix():
    image = np.zeros((3, 8, 9), np.float32)
    for verb in (functools.partial(inr.upscale, scale=2), inr.colorize):
        with refuses(r"got \(3, 8, 9\). Move the channels last: `numpy.moveaxis"):
            verb(image)


def test_values_of_0_to_255_cause_a_warning_if_they_are_concrete():
    values = np.full((2, 2, 3), 200, np.float32)
    with pytest.warns(UserWarning, match=r"looks like 0\.\.255; divide by 255"):
        image = _conversions.as_image("image", values)
    np.testing.assert_array_equal(image, values)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jax.jit(lambda x: _conversions.as_image("image", x))(values)
        _conversions.as_image("image", values / 200 * 1.5)


def test_samples_gain_a_channel_and_integers_are_refused():
    samples = _conversions.as_samples("samples", np.zeros(4, np.float32))
    assert samples.shape == (4, 1)
    with refuses("Divide by 32768 to reach"):
        _conversions.as_samples("samples", np.zeros(4, np.int16))
