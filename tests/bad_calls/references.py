"""Calls of `inr.references`."""

import numpy as np
from bad_calls.arrays import array, image, images, mask
from bad_calls.images import weights
from bad_calls.kinds import (
    COUNT,
    FLAG,
    FRACTION,
    NAN,
    NOT_NEGATIVE,
    OMITTED,
    SHARDING,
    Kind,
    Lazy,
    choice,
    kind,
    size,
)
from bad_calls.models import VIEWS, arrays_of, loaded, model, upscaler, vgg
from small_restorer import SMALL
from small_transformer import module, transformer

from inr import references

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
    "sharding": SHARDING,
}


def keys(**bad):
    maps = images()
    return maps.without("none", "shapes").but(
        [np.ones((4, 4, 3), np.float32)], none=[], **bad
    )


MAP = np.random.default_rng(0).random((4, 4, 3), np.float32)


def match():
    return references.match_patches(MAP, [MAP])


CALLS = {
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
        "progress": FLAG,
        "sharding": SHARDING,
    },
    references.texture_loss: {
        "model": model(module(4), SMALL),
        "side": COUNT.default(odd=6),
        "views": VIEWS,
        "unrelated": FRACTION.default(),
        "without": FRACTION.default(),
        "weights": Kind(OMITTED, weights().optional().without("none", "others").bad),
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
        "sharding": SHARDING,
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
