"""Calls of `inr.colorization`."""

import numpy as np
from bad_calls.arrays import image
from bad_calls.diffusion import SAMPLER, hooks
from bad_calls.images import weights
from bad_calls.kinds import (
    BYTES,
    COUNT,
    COUNT_OR_ZERO,
    FLAG,
    FRACTION,
    KEY,
    NOT_NEGATIVE,
    NUMBER,
    OMITTED,
    POSITIVE,
    SHARDING,
    Kind,
    Lazy,
    choice,
    kind,
    region,
    size,
)
from bad_calls.models import GRAY, UPSCALER, VIEWS, loaded, model, restorer, upscaler
from small_diffusion import random_model
from small_restorer import SMALL, random_params

from inr import colorization

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
VIVIDNESS = FRACTION.optional()
HINTS = image(
    4, 4, 4, rgb=np.ones((4, 4, 3), np.float32), none=np.zeros((4, 4, 4), np.float32)
).optional()
CELLS = COUNT.optional()
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

HYPERCOLUMNS = colorization.HypercolumnColorizer(
    components=(1,) * 5, width=2, heads=1, bins=2
)
SAMPLES_OF_CELLS = kind(
    colorization.HypercolumnSamples(
        np.ones((1, 3, 1472), np.float16),
        np.ones((1, 1472), np.float16),
        np.float32([[[0, 0], [0, 1], [1, 0]]]),
    ),
    number=3,
    empty=(),
)
HYPERCOLUMN_PARAMS = kind(
    Lazy(lambda: random_params(HYPERCOLUMNS)),
    number=3,
    empty={},
    other=Lazy(random_params),
)

CALLS = {
    colorization.colorize: {
        "gray": GRAY,
        **VIEW,
        "model": COLORIZE,
        "detail": DETAIL.but(None),
        "vividness": VIVIDNESS,
        "hints": HINTS,
        "max_bytes": BYTES,
        "progress": FLAG,
        "sharding": SHARDING,
    },
    colorization.colorize_samples: {
        "key": KEY,
        "gray": GRAY,
        "num_samples": COUNT.but(1),
        **VIEW,
        **SAMPLED,
        "sharding": SHARDING,
    },
    colorization.colorization_field: {
        "gray": GRAY,
        "model": COLORIZE,
        "detail": DETAIL.but(None),
        "vividness": VIVIDNESS,
        "hints": HINTS,
    },
    colorization.sampled_colorization_field: {
        "key": KEY,
        "gray": GRAY,
        **SAMPLED,
        "detail": DETAIL.but(None),
    },
    colorization.HypercolumnColorizer: {
        "components": size(4, 4, 4, 4, 4).default(),
        **{x: COUNT.default() for x in ("width", "depth", "heads", "bins")},
        "resolution": COUNT.default(),
        "confidence": FRACTION.default(),
        "vividness": FRACTION.default(),
        "rebalancing": NOT_NEGATIVE.default(),
    },
    colorization.hypercolumn_samples: {
        "key": KEY,
        "crops": kind(
            np.zeros((1, 32, 32, 3), np.uint8),
            number=3.0,
            rank=np.zeros((32, 32, 3), np.uint8),
            gray=np.zeros((1, 32, 32, 1), np.uint8),
            empty=np.zeros((0, 32, 32, 3), np.uint8),
        ),
        "num_points": COUNT.but(4, many=65),
        "side": COUNT.but(32, odd=17, large=48),
    },
    colorization.init_hypercolumns: {
        "key": KEY,
        "model": model(HYPERCOLUMNS, UPSCALER),
        "samples": SAMPLES_OF_CELLS,
    },
    colorization.perceptron_inputs: {
        "model": model(HYPERCOLUMNS, UPSCALER),
        "params": HYPERCOLUMN_PARAMS,
        "samples": SAMPLES_OF_CELLS,
    },
    colorization.hypercolumn_loss: {
        "model": model(HYPERCOLUMNS, UPSCALER),
        "params": HYPERCOLUMN_PARAMS,
        "mean_weight": NOT_NEGATIVE.default(),
        "dropout": FRACTION.but(OMITTED, one=1.0),
        "mixup": NOT_NEGATIVE.default(),
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
        "weights": Kind(OMITTED, weights().optional().without("none", "others").bad),
        "perceptual_weight": POSITIVE.default(),
    },
}
