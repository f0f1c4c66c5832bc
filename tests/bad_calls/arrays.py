"""Kinds of arrays: images, masks, points."""

from typing import Any

import numpy as np
from bad_calls.kinds import INF, NAN, RNG, Kind, kind


def array(valid: Any, *, finite: bool = False, **bad: Any) -> Kind:
    """A floating array of the shape of a valid one."""
    valid = np.asarray(valid, np.float32)
    values = {
        "integers": np.ones(valid.shape, np.int32),
        "bools": np.ones(valid.shape, bool),
        "imaginary": valid.astype(np.complex64),
        "strings": np.full(valid.shape, "x"),
    }
    if valid.ndim:
        values |= {"scalar": np.float32(0.5), "empty": valid[:0], "rank": valid[None]}
    if finite:
        values |= {
            "nan": np.full_like(valid, NAN),
            "infinite": np.full_like(valid, INF),
        }
    return kind(valid, values, bad)


def anywhere(valid: Any, **bad: Any) -> Kind:
    """A floating array with any number of leading axes."""
    return array(valid, **bad).without("rank")


def constant(*shape: int) -> Kind:
    """An array of a network, of any dtype."""
    valid = np.ones(shape, np.float32)
    return Kind(
        valid,
        {
            "None": None,
            "text": "text",
            "object": object(),
            "strings": np.full(shape, "x"),
            "list": [[1], [1, 2]],
        },
    )


def mask(*size: int) -> Kind:
    valid = np.zeros(size, bool)
    valid[1, 1:3] = True
    return kind(
        valid,
        floats=valid.astype(np.float32),
        integers=valid.astype(np.int32),
        levels=valid.astype(np.uint8),
        smaller=valid[1:],
        rank=valid[..., None],
        scalar=np.True_,
        empty=valid[:0],
        nowhere=np.zeros(size, bool),
        list=[True],
    )


IMAGES = {
    "integers": np.ones((4, 4, 3), np.int32),
    "bools": np.ones((4, 4, 3), bool),
    "imaginary": np.ones((4, 4, 3), np.complex64),
    "strings": np.full((4, 4, 3), "x"),
    "scalar": np.float32(0.5),
    "row": np.ones(4, np.float32),
    "rank": np.ones((1, 4, 4, 3), np.float32),
    "empty": np.ones((0, 4, 3), np.float32),
    "nan": np.full((4, 4, 3), NAN, np.float32),
    "infinite": np.full((4, 4, 3), INF, np.float32),
    "ragged": [[0.0, 1.0], [0.0]],
}


def image(h: int = 4, w: int = 4, c: int = 3, **bad: Any) -> Kind:
    """An image of at least one pixel."""
    return kind(RNG.random((h, w, c), np.float32), IMAGES, bad)


def images(h: int = 4, w: int = 4, c: int = 3, count: int = 2) -> Kind:
    """A sequence of aligned images."""
    valid = list(RNG.random((count, h, w, c), np.float32))
    bad = {k: [v, v] for k, v in IMAGES.items()}
    return kind(
        valid,
        bad,
        number=3,
        none=[],
        one_number=[0.5],
        shapes=[valid[0], valid[0][1:]],
    )


def coords(*shape: int, **bad: Any) -> Kind:
    """Points `[..., d]` in [-1, 1]."""
    return anywhere(RNG.uniform(-0.9, 0.9, shape), list=[[]], **bad)
