"""Calls of `inr.merging`."""

import numpy as np
from bad_calls.arrays import array, images, mask
from bad_calls.fitting import OPTIMIZER, model
from bad_calls.images import PHOTO, SOLVER
from bad_calls.kinds import (
    COUNT,
    FLAG,
    FRACTION,
    KEY,
    NAN,
    NOT_NEGATIVE,
    OMITTED,
    POSITIVE,
    Kind,
    Lazy,
    choice,
    kind,
    size,
)
from bad_calls.networks import bound_field, siren

from inr import merging

LINEAR_LIGHT = FLAG.default()
GUIDANCE = (
    choice("strongest")
    .default(
        shape=lambda gradients, weights: gradients[0, :1],
        nothing=lambda gradients, weights: None,
        text=lambda gradients, weights: "text",
    )
    .but(OMITTED, name="text")
)
CLONE = {
    "source": PHOTO.but(PHOTO.valid, channels=np.ones((4, 4, 2), np.float32)),
    "target": PHOTO,
    "mask": mask(4, 4),
}
NUMBERS = kind(
    OMITTED,
    number=3,
    one=(1,),
    fraction=(1.5, 1),
    floats=(1.0, 1.0),
    three=(1, 1, 1),
    nan=(NAN, 0),
    flags=(True, False),
    outside=(100, 100),
)
EDIT = {"image": PHOTO, "mask": mask(4, 4)}


CALLS = {
    merging.merge: {
        "images": images(),
        "guidance": GUIDANCE,
        "weights": array(
            np.ones((2, 4, 4)),
            finite=True,
            zero=np.zeros((2, 4, 4), np.float32),
            negative=-np.ones((2, 4, 4), np.float32),
        ).optional(),
        "linear_light": LINEAR_LIGHT,
    },
    merging.stitch: {
        "images": images(),
        "labels": kind(
            np.zeros((4, 4), int),
            floats=np.zeros((4, 4)),
            above=np.full((4, 4), 2),
            below=np.full((4, 4), -1),
            shape=np.zeros((4, 3), int),
            scalar=0,
            strings=np.full((4, 4), "x"),
            bools=np.zeros((4, 4), bool),
        ),
        "linear_light": LINEAR_LIGHT,
    },
    merging.make_tileable: {"image": PHOTO, "linear_light": LINEAR_LIGHT},
    merging.seamless_clone: {
        **CLONE,
        "offset": NUMBERS,
        "mode": GUIDANCE,
        "linear_light": LINEAR_LIGHT,
        **SOLVER,
    },
    merging.seamless_clone_opencv: {
        "source": array(np.zeros((8, 8, 3))).but(
            np.zeros((8, 8, 3), np.uint8), floats=np.zeros((8, 8, 3))
        ),
        "target": array(np.zeros((8, 8, 3))).but(
            np.zeros((8, 8, 3), np.uint8), floats=np.zeros((8, 8, 3))
        ),
        "mask": mask(8, 8).but(np.ones((8, 8), bool)),
        "center": NUMBERS.but((4, 4)),
        "mode": choice("normal").default(),
    },
    merging.change_color: {
        **EDIT,
        "factors": array(np.ones(3), finite=True, length=np.ones(2)),
    },
    merging.change_illumination: {
        **EDIT,
        "alpha": POSITIVE.default(),
        "beta": FRACTION.default(),
    },
    merging.flatten_texture: {
        **EDIT,
        "threshold": NOT_NEGATIVE.default(),
        "edges": mask(4, 4).optional().without("nowhere"),
    },
    merging.merge_fields: {
        "key": KEY,
        "model": model(),
        "fields": kind(
            Lazy(lambda: [siren(), siren()]),
            none=[],
            number=3,
            objects=[object()],
            texts=["a"],
            nones=[None],
            functions=[lambda coords: coords],
            features=Lazy(lambda: [siren(), siren(2)]),
            alone=Lazy(siren),
        ),
        "size": size(4, 4),
        "guidance": GUIDANCE,
        "num_steps": COUNT.but(1),
        "optimizer": OPTIMIZER,
        "progress": FLAG,
    },
    merging.gradient_residual: {
        "field": Kind(Lazy(siren), bound_field().without("function").bad),
        "batch": kind(
            (np.zeros((5, 2), np.float32),) * 2 + (np.zeros((5, 2, 3), np.float32),),
            number=3,
            none=(),
            one=(np.zeros((5, 2)),),
        ),
    },
    merging.Strongest: {
        "select": choice("edge").default(),
        "joint_channels": FLAG.default(),
    },
}
