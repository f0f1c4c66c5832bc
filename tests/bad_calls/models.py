"""Calls of conditional models: colorization, upscaling and references."""

import functools
import pathlib
import tempfile

import jax
import jax.numpy as jnp
import numpy as np
from bad_calls.diffusion import SAMPLER, hooks
from bad_calls.images import weights
from bad_calls.kinds import (
    BYTES,
    COUNT,
    COUNT_OR_ZERO,
    FLAG,
    FRACTION,
    FUNCTION,
    KEY,
    MODEL,
    NAN,
    NOT_NEGATIVE,
    NUMBER,
    OMITTED,
    POSITIVE,
    TEXT,
    Kind,
    Lazy,
    array,
    choice,
    existing_path,
    image,
    images,
    kind,
    mask,
    new_path,
    params,
    region,
    size,
)
from small_diffusion import random_model
from small_restorer import SMALL, random_params
from small_transformer import module, transformer

import inr
from inr import colorization, models, references, upscaling
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


GRAY = image(4, 4, 1, colors=np.ones((4, 4, 3), np.float32))
COLORIZE = loaded(restorer, upscaler)
SAMPLES = loaded(random_model, upscaler)
DETAIL = Kind(
    OMITTED, {k: v for k, v in loaded(upscaler, restorer).bad.items() if k != "None"}
)
VIEW = {"size": size(4, 4).optional(), "region": region()}
SAMPLED = {
    "model": SAMPLES,
    "sampler": SAMPLER.default(),
    "guidance_scale": NUMBER.optional(),
    "length_scale": POSITIVE.without("infinite").default(),
    "hooks": Kind(
        OMITTED,
        {
            k: v
            for k, v in hooks().bad.items()
            if k in ("text", "object", "number", "complex", "function")
        },
    ),
}
CELLS = COUNT.optional()
VIEWS = kind(OMITTED, negative=-0.1, above=0.6, nan=NAN, array=np.ones(3))
RESTORER = {
    "widths": size(4, 4).default().without("axes"),
    "blocks": COUNT_OR_ZERO.default(),
    "trunk": FLAG.default(),
    "width": COUNT.default(),
    "depth": COUNT_OR_ZERO.default(),
    "side": COUNT.default(),
    "exact_luma": FLAG.default(),
    "space": choice("ycbcr").default(),
}
INTERPOLATIONS = kind(OMITTED, none=(), number=3, other=("nearest",), one=(3,))
DEGRADATION = FUNCTION.optional()
REFERENCES = images().but([np.ones((8, 8, 3), np.float32)]).without("none", "shapes")
BY_REFERENCE = {
    "image": image(4, 4, channels=np.ones((4, 4, 1), np.float32)),
    "references": REFERENCES,
    "scale": kind(4, zero=0, other=3, fraction=2.5, nan=NAN, array=np.ones(3), model=2),
    "model": Kind(
        Lazy(lambda: transformer(4)),
        {
            k: v
            for k, v in loaded(lambda: transformer(4), upscaler).bad.items()
            if k != "None"
        },
    ),
}


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


def arrays_of(build):
    return Kind(Lazy(build), weights().bad)


def keys(**bad):
    maps = images()
    return maps.without("none", "shapes").but(
        [np.ones((4, 4, 3), np.float32)], none=[], **bad
    )


MAP = np.random.default_rng(0).random((4, 4, 3), np.float32)


def match():
    return references.match_patches(MAP, [MAP])


ARRAYS = array(MAP).bad

CALLS = {
    colorization.colorize: {
        "gray": GRAY,
        **VIEW,
        "model": COLORIZE,
        "detail": DETAIL.but(None),
        "max_bytes": BYTES.but(OMITTED, small=1),
        "progress": FLAG,
    },
    colorization.colorize_samples: {
        "key": KEY,
        "gray": GRAY,
        "num_samples": COUNT.but(1),
        **VIEW,
        **SAMPLED,
    },
    colorization.colorization_field: {
        "gray": GRAY,
        "model": COLORIZE,
        "detail": DETAIL.but(None),
    },
    colorization.sampled_colorization_field: {
        "key": KEY,
        "gray": GRAY,
        **SAMPLED,
        "detail": DETAIL.but(None),
    },
    colorization.Restorer: RESTORER,
    colorization.DiffusionRestorer: {
        **RESTORER,
        "diffused": choice("residual").default(),
        "deviation": POSITIVE.default(),
        "predicts": choice("v").default(),
        "dropout": FRACTION.default(),
    },
    colorization.Colorizer: {
        "activations": kind(
            OMITTED, number=3, few=("relu",), other=("relu",) * 13 + ("gelu",)
        ),
        "width": COUNT.default(),
        "embedding": choice("joint").default(),
        "embedding_width": COUNT.default(),
        "omega": POSITIVE.default(),
        "hidden_omega": POSITIVE.default(),
        "original": FLAG.default(),
        "side": COUNT.default(),
    },
    colorization.DenseColorizer: {
        "side": COUNT.default(),
        "width": COUNT.default(),
        "depth": COUNT_OR_ZERO.default(),
        "omega": POSITIVE.default(),
    },
    colorization.PatchColorizer: {
        "side": COUNT.default(),
        "patch": COUNT.but(4),
        "context": COUNT.default(),
        "width": COUNT.default(),
        "depth": COUNT_OR_ZERO.default(),
        "omega": POSITIVE.default(),
    },
    colorization.restorer_loss: {
        "model": model(SMALL, UPSCALER),
        "num_points": COUNT.default(),
        "cells": CELLS,
        "resized_crops": FLAG.default(),
        "views": VIEWS,
        "points": choice("jittered").default(),
        "feature_offset": NOT_NEGATIVE.default(),
        "delta": POSITIVE.optional(),
        "luma_weight": POSITIVE.default(),
    },
    colorization.diffusion_loss: {
        "model": model(colorization.DiffusionRestorer(), UPSCALER),
        "num_points": COUNT.default(),
        "cells": CELLS,
        "views": VIEWS,
    },
    colorization.colorizer_loss: {
        "model": model(colorization.Colorizer(), UPSCALER),
        "weights": Kind(
            OMITTED, weights().optional().without("none", "others").bad
        ),
        "perceptual_weight": POSITIVE.default(),
    },
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
    models.as_gray: {"argument": Kind("value", {}), "value": GRAY},
    models.load_model: {"model": COLORIZE.but(Lazy(saved_model)).without("task")},
    models.resolve: {"model": COLORIZE, "task": Kind("colorize", {})},
    models.save_model: {
        "path": new_path(Lazy(lambda: saved_model().with_name("new.safetensors"))),
        "model": model(SMALL, inr.Siren()),
        "params": Kind(Lazy(lambda: restorer().params), params().bad),
    },
    models.gray_trunk: {"weights": arrays_of(vgg)},
    models.span_params: {"weights": arrays_of(span)},
    models.register: {"name": TEXT.but("tests.bad_calls")},
    references.TextureTransformer: {
        "scale": kind(
            OMITTED, zero=0, other=3, fraction=1.5, nan=NAN, array=np.ones(3)
        ),
        "width": COUNT.default(),
        "blocks": size(1, 1, 1, 1).default(few=(1,)).without("axes", "zero"),
        "textures": size(4, 4, 4).default(few=(1,)),
    },
    references.upscale_by_reference: BY_REFERENCE,
    references.match_references: {
        **BY_REFERENCE,
        "references": REFERENCES.but(REFERENCES.valid, none=[]),
    },
    references.inpaint: {
        "image": BY_REFERENCE["image"],
        "mask": mask(4, 4).but(mask(4, 4).valid, everywhere=np.ones((4, 4), bool)),
        "references": REFERENCES.default(),
        "method": choice("texture").default(),
        "model": loaded(lambda: transformer(1), upscaler),
    },
    references.texture_loss: {
        "model": model(module(4), SMALL),
        "side": COUNT.default(odd=6),
        "views": VIEWS,
        "unrelated": FRACTION.default(),
        "without": FRACTION.default(),
        "weights": Kind(
            OMITTED, weights().optional().without("none", "others").bad
        ),
        "perceptual": NOT_NEGATIVE.default(),
        "transferal": NOT_NEGATIVE.default(),
    },
    references.vgg_textures: {"weights": arrays_of(vgg)},
    references.match_patches: {
        "queries": array(MAP),
        "keys": keys(channels=[np.ones((4, 4, 2), np.float32)])
        .without("row", "nan", "infinite", "ragged", "empty", "scalar", "rank")
        .but([MAP]),
        "allowed": kind(
            OMITTED,
            number=3,
            none=[],
            floats=[np.ones((4, 4))],
            shape=[np.ones((3, 4), bool)],
            objects=[object()],
        ).optional(),
    },
    references.transfer: {
        "match": kind(Lazy(match), number=3, none=()),
        "values": kind(
            [MAP],
            number=3,
            none=[],
            objects=[object()],
            ranks=[MAP[0]],
            integers=[np.ones((4, 4, 3), int)],
        ),
        "cell": COUNT.default(odd=3),
    },
}
