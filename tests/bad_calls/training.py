"""Calls of `inr.training`."""

import numpy as np
import optax
from bad_calls.arrays import array
from bad_calls.files import saved_image
from bad_calls.fitting import CHECKPOINT, TRANSFORMATION
from bad_calls.kinds import (
    COUNT,
    COUNT_OR_ZERO,
    FLAG,
    FRACTION,
    FUNCTION,
    INF,
    KEY,
    NAN,
    NOT_NEGATIVE,
    OMITTED,
    POSITIVE,
    RNG,
    SHARDING,
    Kind,
    Lazy,
    choice,
    kind,
    size,
)

from inr import training

CROPS = array(RNG.random((2, 8, 8, 3))).without("rank")
SINGLE = array(RNG.random((8, 8, 3)))
SMALLER = size(4, 4).but((4, 4), larger=(9, 9))
REDUCTION = choice("area").default()
CELLS = COUNT.but(2, large=1000, name="other")
PARAMS = {"kernel": np.ones(3, np.float32)}


def loss(params, key, batch):
    return (params["kernel"] * batch).sum(), {}


def state():
    return training.init_training(PARAMS, optimizer=TRANSFORMATION.valid)


RATE = kind(
    OMITTED,
    text="adam",
    nan=NAN,
    infinite=INF,
    zero=0.0,
    negative=-1.0,
    true=True,
    array=np.ones(3),
    none={},
    function=optax.adam,
    list=[1e-3],
).optional()
TREE = kind(
    PARAMS,
    halves={"kernel": np.ones(3, np.float16)},
    integers={"kernel": np.ones(3, int)},
    texts={"kernel": "a"},
    none={},
)
EMA = FRACTION.default()

CALLS = {
    training.random_views: {
        "key": KEY,
        "images": CROPS,
        "amount": FRACTION.but(0.1, half=0.5),
    },
    training.random_resized_crops: {"key": KEY, "images": CROPS, "size": SMALLER},
    training.reduce_images: {
        "images": CROPS,
        "size": SMALLER,
        "interpolation": REDUCTION,
    },
    training.reduce_crop: {
        "image": SINGLE,
        "start": array(np.zeros(2)).without("integers"),
        "scale": array(np.ones(2), three=np.ones(3, np.float32)).without("integers"),
        "size": size(4, 4),
        "interpolation": REDUCTION,
    },
    training.degrade: {
        "key": KEY,
        "images": CROPS.but(CROPS.valid, channels=np.ones((2, 8, 8, 1), np.float32)),
        "max_blur_std": NOT_NEGATIVE.default(),
        "max_noise_std": NOT_NEGATIVE.default(),
        "jpeg_quality": kind(
            OMITTED,
            one=(50,),
            reversed=(90, 50),
            zero=(0, 50),
            above=(50, 101),
            nan=(NAN, 50),
            number=50,
            texts=("a", "b"),
        ).optional(),
        "halved_chroma": NOT_NEGATIVE.default(above=1.5),
    },
    training.jpeg: {
        "image": SINGLE.but(SINGLE.valid, channels=np.ones((8, 8, 1), np.float32)),
        "quality": POSITIVE.but(50.0, above=101.0),
        "subsampling": choice("4:4:4").default(),
    },
    training.mask_cells: {"key": KEY, "images": CROPS, "cells": CELLS},
    training.random_holes: {"key": KEY, "size": size(4, 4), "num_holes": COUNT},
    training.draw_points: {
        "key": KEY,
        "num_points": COUNT.but(4),
        "points": choice("uniform").default(),
    },
    training.halton: {"num_points": COUNT, "ndim": COUNT.default(large=7)},
    training.point_batch: {
        "key": KEY,
        "crops": CROPS,
        "size": SMALLER,
        "num_points": COUNT.but(4),
        "points": choice("uniform").default(),
        "gray": FLAG.default(),
        "cells": CELLS.optional(),
        "interpolation": choice("linear").default(),
    },
    training.scale_batch: {
        "key": KEY,
        "crops": CROPS,
        "side": COUNT,
        "num_points": COUNT,
        "max_scale": POSITIVE.but(2.0, below=1.0),
        "interpolations": kind(
            OMITTED, none=(), number=3, other=("nearest",), one=(3,)
        ),
        "degradation": FUNCTION.optional(),
    },
    training.crop_batches: {
        "key": KEY,
        "images": kind(list(CROPS.valid), number=3, none=[]),
        "batch_size": COUNT,
        "side": COUNT,
        "symmetry": choice("none").default(),
        "part": kind(
            OMITTED, number=3, one=(0,), none=(0, 0), after=(1, 1), texts=("a", "b")
        ),
    },
    training.join_processes: {
        "coordinator": kind("localhost:1234", number=3, host="localhost", port=":1234"),
        "process": COUNT_OR_ZERO.but(0, after=1),
        "num_processes": COUNT.but(1),
        "timeout": POSITIVE.default(),
    },
    training.ImageFiles: {
        "paths": kind(Lazy(lambda: [saved_image()]), number=3, one=[3], nones=[None]),
        "max_bytes": COUNT_OR_ZERO.without("huge").default(),
    },
    training.ImagePairs: {
        "images": kind(Lazy(lambda: list(CROPS.valid)), number=3).without("text"),
        "groups": kind(
            ["a", "a"],
            number=3,
            none=[],
            length=["a"],
            different=["a", "b"],
            lists=[[1], [2]],
        ),
        "max_partners": COUNT.default(),
    },
    training.split_by_hash: {
        "names": kind(["a.png", "b.png"], number=3, numbers=[3], nones=[None]).without(
            "text"
        ),
        "group": kind(lambda name: name, number=3, numbers=lambda name: 3),
        "fraction": FRACTION.default(),
    },
    training.train: {
        "key": KEY,
        "loss": kind(loss, number=3),
        "params": TREE,
        "batches": kind(
            Lazy(lambda: [np.ones(3, np.float32)]), number=3, none=[]
        ).without("text"),
        "num_steps": COUNT.but(1),
        "optimizer": RATE,
        "ema_decay": EMA,
        "evaluate": FUNCTION.optional(),
        "score": kind(OMITTED, number=3, array=np.ones(3)).optional(),
        "checkpoint": CHECKPOINT,
        "checkpoint_every": COUNT.default(),
        "sharding": SHARDING,
        "progress": FLAG,
    },
    training.init_training: {"params": TREE, "optimizer": TRANSFORMATION},
    training.train_step: {
        "key": KEY,
        "state": kind(Lazy(state), number=3, params=PARAMS),
        "batch": Kind(np.ones(3, np.float32), {}),
        "loss": kind(loss, number=3),
        "optimizer": TRANSFORMATION,
        "ema_decay": EMA,
    },
    training.warmup_adam: {
        "num_steps": COUNT.but(4),
        "learning_rate": POSITIVE.default(),
        "warmup_steps": COUNT_OR_ZERO.optional(above=5),
        "max_norm": POSITIVE.default(),
    },
}
