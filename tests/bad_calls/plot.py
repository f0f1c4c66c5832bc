"""Calls of `inr.plot`."""

import numpy as np
from bad_calls.arrays import IMAGES, image, images
from bad_calls.kinds import COUNT, OMITTED, POSITIVE, choice, kind, region, size
from bad_calls.networks import field

from inr import plot

TWO_CHANNELS = np.ones((4, 4, 2), np.float32)

CALLS = {
    plot.images: {
        "images": images()
        .without("shapes")
        .but(
            images().valid,
            nothing={},
            image=IMAGES["rank"][0],
            channels=[TWO_CHANNELS],
            keys={1: np.ones((4, 4, 3), np.float32)},
        ),
        "labels": kind(
            OMITTED, number=3, few=["a"], numbers=[1, 2], array=np.ones(2)
        ).optional(),
        "region": region(),
        "columns": COUNT.without("huge").optional(),
        "width": POSITIVE.default(),
    },
    plot.derivatives: {"field": field(), "size": size(4, 4).optional()},
    plot.history: {
        "result": kind(
            np.ones(4, np.float32),
            number=3.0,
            none=[],
            nothing={},
            keys={1: np.ones(4)},
            rank=np.ones((2, 2, 2)),
            strings=["a", "b"],
        ),
        "quantity": choice("text").default(),
    },
    plot.spectrum: {
        "image": image(
            8,
            8,
            nothing={},
            keys={1: np.ones((8, 8, 3), np.float32)},
            few=np.ones((3, 8, 3), np.float32),
        ),
        "size": size(8, 8).optional(),
    },
}
