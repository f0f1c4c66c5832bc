"""Errors of the pretrained models when their layers compute in bfloat16.

A model runs in float32, and once more with its parameters, its images, and the inputs
of its convolutions and dense layers in bfloat16. Sums between the layers stay float32,
because the models convert images to it. Photographs are those of scikit-image; the
reference of `textures` is the other picture of a stereo pair.
"""

from collections.abc import Callable
from unittest import mock

import _common
import jax
import jax.numpy as jnp
import numpy as np
from _crops import center, halve
from flax import linen as nn
from skimage import data

import inr
from inr import _vgg16
from inr.upscaling.network import Window, all_pixels

Case = tuple[Callable, tuple, np.ndarray]
"""A function of parameters and images, its arguments, and the photograph."""


def measure() -> dict:
    """For each model PSNR and largest difference in [0, 1], and loss of PSNR in dB.

    The first two compare both results with each other, the last one each of them with
    the photograph. All are means over the images but the largest difference.
    """
    row = {}
    for name, cases in CASES.items():
        scores = [score(*case) for case in cases(name)]
        psnr, largest, loss = np.transpose(scores)
        row[f"{name}_psnr"] = float(psnr.mean())
        row[f"{name}_largest"] = float(largest.max())
        row[f"{name}_loss"] = float(loss.mean())
        row[f"{name}_images"] = len(scores)
    return row


def score(function: Callable, arguments: tuple, photo: np.ndarray) -> list[float]:
    """PSNR of the difference, its largest value, and the loss of PSNR."""
    exact = np.asarray(jax.jit(function)(*arguments))
    short = jax.tree.map(lambda x: jnp.asarray(x, jnp.bfloat16), arguments)
    trunk = mock.patch.object(_vgg16, "convolve", _convolve)
    with nn.intercept_methods(_call), trunk:
        rounded = np.asarray(jax.jit(function)(*short), np.float32)
    loss = _common.psnr(exact, photo) - _common.psnr(rounded, photo)
    difference = np.abs(rounded - exact).max()
    return [_common.psnr(rounded, exact.clip(0, 1)), float(difference), loss]


def _call(layer, inputs, options, context):
    """Call a convolution or dense layer in bfloat16; for `nn.intercept_methods`."""
    if not isinstance(context.module, nn.Conv | nn.Dense):
        return layer(*inputs, **options)
    inputs = (jnp.asarray(x, jnp.bfloat16) for x in inputs)
    return layer(*inputs, **options).astype(jnp.float32)


def _convolve(x, *weights, convolve=_vgg16.convolve, **options):
    """The same for the trunk of `photos`, which is no Linen module."""
    return convolve(x.astype(jnp.bfloat16), *weights, **options).astype(jnp.float32)


def photos(side: int) -> list[np.ndarray]:
    """Central squares of three photographs, means over 2 x 2 pixels."""
    images = data.astronaut(), data.chelsea(), data.coffee()
    return [halve(center(x.astype(np.float32) / 255, 2 * side)) for x in images]


def upscaled(name: str) -> list[Case]:
    model, params = inr.models.load_model(name)

    def enlarge(params, image):
        return all_pixels(model, params, 1, Window(image), (2, 2))

    return [(enlarge, (params, halve(x)), x) for x in photos(128)]


def colorized(name: str, side: int = 128) -> list[Case]:
    model, params = inr.models.load_model(name)
    coords = inr.coords.grid((side, side))

    def color(params, gray):
        return inr.bind(model, params, gray)(coords)

    return [
        (color, (params, np.asarray(inr.color.rgb_to_luma(x))), x) for x in photos(side)
    ]


def small_colorized(name: str) -> list[Case]:
    return colorized(name, 64)


def with_reference(name: str) -> list[Case]:
    model, params = inr.models.load_model(name)
    pair = [
        center(x.astype(np.float32) / 255, 256) for x in data.stereo_motorcycle()[:2]
    ]

    def enlarge(params, image, reference):
        return model.apply(params, image, [reference])

    return [
        (enlarge, (params, halve(halve(photo)), reference), photo)
        for photo, reference in (pair, pair[::-1])
    ]


CASES: dict[str, Callable[[str], list[Case]]] = {
    "upscale": upscaled,
    "upscale_photo": upscaled,
    "portraits": small_colorized,
    "photos_restorer": small_colorized,
    "photos": colorized,
    "textures": with_reference,
}
