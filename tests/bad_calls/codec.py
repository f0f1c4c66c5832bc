"""Calls of `inr.codec`."""

import functools

import jax
import numpy as np
import small_codec
from bad_calls.arrays import image
from bad_calls.fitting import CHECKPOINT
from bad_calls.kinds import (
    COUNT,
    FLAG,
    KEY,
    NUMBER,
    OMITTED,
    POSITIVE,
    SHARDING,
    Lazy,
    kind,
    region,
    size,
)
from bad_calls.models import loaded, upscaler
from bad_calls.networks import bound_field, siren

from inr import codec
from inr.fields import Siren

MODEL = loaded(small_codec.codec, upscaler)


@functools.cache
def file():
    return codec.encode(
        small_codec.picture((8, 8)),
        model=small_codec.codec(),
        num_steps=1,
        progress=False,
    )


DATA = kind(
    Lazy(file),
    number=3,
    empty=b"",
    other=b"\x89PNG\r\n\x1a\n" + bytes(40),
    short=Lazy(lambda: file()[:-1]),
)


@functools.cache
def field_file():
    return codec.encode_field(siren()).data


FIELD_DATA = kind(
    Lazy(field_file),
    number=3,
    empty=b"",
    other=b"\x89INR\r\n\x1a\n" + bytes(40),
    short=Lazy(lambda: field_file()[:-1]),
    header=Lazy(lambda: field_file()[:25]),
)

CALLS = {
    codec.Codec: {
        "weights": kind(
            (1e-3, 1e-2),
            number=3,
            empty=(),
            one=(1e-3,),
            negative=(-1.0, 1.0),
            falling=(1e-2, 1e-3),
            words=("a", "b"),
            none=(None, None),
        )
    },
    codec.encode: {
        "image": image(8, 8, alpha=np.ones((8, 8, 4), np.float32)),
        "quality": NUMBER.optional(negative=-1.0, above=101),
        "bpp": POSITIVE.optional(),
        "file_bytes": COUNT.without("huge").optional(small=40),
        "minutes": POSITIVE.default(),
        "num_steps": COUNT.without("None").but(1),
        "model": MODEL,
        "checkpoint": CHECKPOINT,
        "progress": FLAG,
        "sharding": SHARDING,
    },
    codec.decode: {"data": DATA, "region": region(), "model": MODEL},
    codec.decode_field: {"data": DATA, "model": MODEL},
    codec.info: {"data": DATA},
    codec.encode_field: {
        "field": bound_field(
            stacked=Lazy(lambda: jax.tree.map(lambda x: x[None], siren())),
            nan=Lazy(lambda: jax.tree.map(lambda x: x * np.nan, siren())),
        ),
        "bits": COUNT.without("huge").default(one=1, above=17, huge=2**62),
        "size": size(4, 4).without("axes").optional(),
    },
    codec.field_info: {"data": FIELD_DATA},
    codec.train_networks: {
        "key": KEY,
        "model": kind(small_codec.MODEL, string="a", number=3, other=Siren()),
        "crops": kind(
            np.zeros((2, 8, 8, 3), np.uint8),
            floating=np.zeros((2, 8, 8, 3), np.float32),
            rank=np.zeros((8, 8, 3), np.uint8),
            gray=np.zeros((2, 8, 8, 1), np.uint8),
            oblong=np.zeros((2, 8, 16, 3), np.uint8),
            side=np.zeros((2, 24, 24, 3), np.uint8),
            empty=np.zeros((0, 8, 8, 3), np.uint8),
        ),
        "init": kind(OMITTED, number=3, other={}).without("None"),
        "num_steps": COUNT.but(1),
        "batch_size": COUNT.but(1, larger=3),
        "checkpoint": CHECKPOINT,
        "progress": FLAG,
    },
}
