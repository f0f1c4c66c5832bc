"""Calls of `inr.models` and `inr.upscaling`."""

import functools
import pathlib
import tempfile

import jax
import jax.numpy as jnp
import numpy as np
from bad_calls.arrays import array, image
from bad_calls.images import weights
from bad_calls.kinds import (
    ANYTHING,
    BYTES,
    COUNT,
    COUNT_OR_ZERO,
    FLAG,
    FUNCTION,
    KEY,
    NAN,
    OMITTED,
    POSITIVE,
    SHARDING,
    TEXT,
    Kind,
    Lazy,
    choice,
    existing_path,
    kind,
    new_path,
    region,
)
from bad_calls.networks import MODEL, params
from small_restorer import SMALL, random_params

import inr
from inr import models, upscaling
from inr.models import LoadedModel

UPSCALER = upscaling.Upscaler(width=4, blocks=1, waves=2)


@functools.cache
def upscaler():
    return LoadedModel(UPSCALER, random_params(UPSCALER, *UPSCALER.example_inputs()))


@functools.cache
def restorer():
    return LoadedModel(SMALL, random_params())


@functools.cache
def saved_model():
    path = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
    models.save_model(path, *restorer())
    return path


GRAY = image(4, 4, 1, colors=np.ones((4, 4, 3), np.float32))


def loaded(build, other):
    """The option `model` of a verb."""
    return Kind(
        Lazy(build),
        {
            **existing_path(Lazy(saved_model), __file__).without("folder", "empty").bad,
            "text": "text",
            "task": Lazy(other),
            "field": inr.Siren(),
            "array": np.ones(3),
            "params": Lazy(lambda: build().params),
        },
    )


VIEWS = kind(OMITTED, negative=-0.1, above=0.6, nan=NAN, array=np.ones(3))
INTERPOLATIONS = kind(OMITTED, none=(), number=3, other=("nearest",), one=(3,))
DEGRADATION = FUNCTION.optional()


def model(valid, other):
    return MODEL.but(valid, other=other)


@functools.cache
def vgg():
    channels = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512)
    arrays = {}
    for i in range(9):
        shape = (3, 3, channels[i], channels[i + 1])
        arrays[f"VGG16_0/Conv_{i}/kernel"] = np.ones(shape, np.float32)
        arrays[f"VGG16_0/Conv_{i}/bias"] = np.ones(shape[-1:], np.float32)
    return arrays


@functools.cache
def span():
    encoder = models.SpanEncoder(4, 1)
    shapes = jax.eval_shape(encoder.init, KEY.valid, jnp.zeros((4, 4, 3)))["params"]
    return {
        f"{layer}{f'.{part}' if nested else ''}/{name}": np.ones(
            array.shape, np.float32
        )
        for layer, parts in shapes.items()
        for part, values in parts.items()
        for nested in [hasattr(values, "items")]
        for name, array in (values.items() if nested else [(part, values)])
    }


@functools.cache
def span_for_scale_4():
    last = {"kernel": np.ones((3, 3, 4, 48), np.float32), "bias": np.ones(48)}
    return {**span(), **{f"upsampler.0/{name}": x for name, x in last.items()}}


def arrays_of(build):
    return Kind(Lazy(build), weights().bad)


CALLS = {
    upscaling.upscale: {
        "image": image(4, 4, channels=np.ones((4, 4, 5), np.float32)),
        "scale": POSITIVE.but(
            2.0, below=0.5, one=(2.0,), three=(2.0, 2.0, 2.0), text_axis=("a", 2.0)
        ),
        "region": region(),
        "model": loaded(upscaler, restorer),
        "ensemble": FLAG.default(),
        "max_bytes": BYTES.but(OMITTED, small=1),
        "progress": FLAG,
        "sharding": SHARDING,
    },
    upscaling.Upscaler: {
        "width": COUNT.default(),
        "blocks": COUNT.default(),
        "waves": COUNT.default(),
        "gray": FLAG.default(),
        "trunk": choice("flat").default(),
        "tail": COUNT_OR_ZERO.default(),
        "gains": FLAG.default(),
    },
    upscaling.span_upscaler: {
        "key": KEY,
        "weights": arrays_of(span_for_scale_4),
        "images": array(np.ones((2, 8, 8, 3)), finite=True),
        "tail": COUNT.default(),
        "waves": COUNT.default(),
    },
    upscaling.upscaler_loss: {
        "model": model(UPSCALER, SMALL),
        "side": COUNT.default(),
        "target_side": COUNT.default(),
        "num_points": COUNT.default(),
        "max_scale": POSITIVE.default(below=1.0),
        "interpolations": INTERPOLATIONS,
        "degradation": DEGRADATION,
    },
    upscaling.upscaler_pixel_loss: {
        "model": model(UPSCALER, SMALL),
        "side": COUNT.default(),
        "counts": kind(
            OMITTED,
            none=(),
            number=3,
            zeros=(0,) * 4,
            negative=(1, 1, 1, -1),
            fraction=(1, 1, 1, 1.5),
        ),
        "factors": kind(
            OMITTED,
            number=3,
            one=(2.0,),
            below=(0.5, 2.0),
            reversed=(2.0, 1.4),
            nan=(NAN, 2.0),
            texts=("a", "b"),
        ),
        "num_points": COUNT.default(),
        "degradation": DEGRADATION,
    },
    models.as_gray: {"argument": ANYTHING.but("value"), "value": GRAY},
    models.pretrained_names: {"task": choice("upscale")},
    models.load_model: {
        "model": loaded(restorer, upscaler).but(Lazy(saved_model)).without("task")
    },
    models.resolve: {
        "model": loaded(restorer, upscaler),
        "task": ANYTHING.but("colorize"),
        "argument": ANYTHING,
    },
    models.save_model: {
        "path": new_path(Lazy(lambda: saved_model().with_name("new.safetensors"))),
        "model": model(SMALL, inr.Siren()),
        "params": Kind(Lazy(lambda: restorer().params), params().bad),
    },
    models.gray_trunk: {"weights": arrays_of(vgg)},
    models.span_params: {"weights": arrays_of(span)},
    models.register: {"name": TEXT.but("tests.bad_calls")},
}
