"""Calls of `inr.color`, `inr.metrics` and `inr.poisson`."""

import functools

import numpy as np
from bad_calls.arrays import anywhere, array, image, images, mask
from bad_calls.kinds import (
    COUNT,
    COUNT_OR_ZERO,
    INF,
    NAN,
    NOT_NEGATIVE,
    OMITTED,
    POSITIVE,
    RNG,
    Lazy,
    choice,
    kind,
)

from inr import color, metrics, poisson

COLORS = anywhere(RNG.random((4, 3)), channels=np.ones((4, 2), np.float32)).without(
    "empty"
)
LIGHT = anywhere(RNG.random((4, 3))).without("scalar", "empty")
PLANE = array(RNG.random((4, 4, 3)))
FINITE_PLANE = array(RNG.random((4, 4, 3)), finite=True)
SLOPES = array(RNG.random((4, 4, 2, 3)), axes=np.ones((4, 4, 3, 3), np.float32))
FINITE_SLOPES = SLOPES.but(
    SLOPES.valid, nan=np.full((4, 4, 2, 3), NAN), infinite=np.full((4, 4, 2, 3), INF)
)
SCREENING = NOT_NEGATIVE
SOLVER = {
    "solver": choice("auto").default(),
    "rtol": POSITIVE.default(),
    "max_steps": COUNT.default(),
}
BOUNDARY = choice("neumann").default()
AXES = kind(
    OMITTED,
    array=np.ones(2),
    number=3,
    above=(5,),
    equal=(0, 0),
    floats=(0.0, 1.0),
    texts=("a",),
    nan=(NAN,),
)
TRANSFORM = {"x": anywhere(RNG.random((4, 4, 3))).without("scalar"), "axes": AXES}
PAIR = {"image": image(12, 12), "reference": image(12, 12)}
PHOTO = image()


@functools.cache
def alexnet():
    names = [f"AlexNet_0/Conv_{i}" for i in range(5)]
    channels, sides = (3, 64, 192, 384, 256, 256), (11, 5, 3, 3, 3)
    weights = {}
    for i, name in enumerate(names):
        shape = (sides[i], sides[i], channels[i], channels[i + 1])
        weights[f"{name}/kernel"] = np.ones(shape, np.float32)
        weights[f"{name}/bias"] = np.ones(channels[i + 1], np.float32)
        shape = (1, 1, channels[i + 1], 1)
        weights[f"NetLinLayer_{i}/Conv_0/kernel"] = np.ones(shape, np.float32)
    return weights


def weights(**bad):
    return kind(
        Lazy(alexnet), number=3, list=[1.0], none={}, others={"a": np.ones(3)}, **bad
    )


SHAVE = COUNT_OR_ZERO.but(0, large=6).without("fraction").but(0, fraction=0.5)

CALLS = {
    **{
        f: {name: LIGHT}
        for f, name in [
            (color.srgb_to_linear, "encoded"),
            (color.linear_to_srgb, "linear"),
        ]
    },
    **{
        f: {name: COLORS}
        for f, name in [
            (color.rgb_to_luma, "rgb"),
            (color.rgb_to_studio_luma, "rgb"),
            (color.rgb_to_ycbcr, "rgb"),
            (color.ycbcr_to_rgb, "ycbcr"),
            (color.rgb_to_lab, "rgb"),
            (color.lab_to_rgb, "lab"),
        ]
    },
    metrics.mse: PAIR,
    metrics.psnr: PAIR,
    metrics.ssim: PAIR,
    metrics.psnr_y: {**PAIR, "shave": SHAVE},
    metrics.ssim_y: {**PAIR, "shave": SHAVE},
    metrics.colorfulness: {
        "image": PHOTO.but(PHOTO.valid, channels=np.ones((4, 4, 2), np.float32))
    },
    metrics.lpips: {
        "image": image(32, 32, small=np.ones((4, 4, 3), np.float32)),
        "reference": image(32, 32),
        "weights": weights().optional(),
    },
    metrics.deep_features: {
        "images": array(
            np.ones((1, 32, 32, 3)), channels=np.ones((1, 32, 32, 2), np.float32)
        ),
        "weights": weights().optional(),
    },
    metrics.find_regions: {
        "images": images(),
        "side": COUNT.but(2, large=9),
        "num_regions": COUNT.default(),
    },
    poisson.mask_box: {"mask": mask(4, 4).without("smaller")},
    poisson.grid_gradient: {"image": PLANE, "boundary": BOUNDARY},
    poisson.grid_laplacian: {"image": PLANE, "boundary": BOUNDARY},
    poisson.grid_divergence: {"guidance": SLOPES, "boundary": BOUNDARY},
    poisson.integrate: {
        "guidance": FINITE_SLOPES,
        "boundary": BOUNDARY,
        "mean": array(np.ones(3), finite=True, length=np.ones(2))
        .without("scalar", "integers")
        .default(),
    },
    poisson.integrate_screened: {
        "guidance": FINITE_SLOPES,
        "data": FINITE_PLANE,
        "screening": SCREENING,
        "boundary": BOUNDARY,
    },
    poisson.solve: {
        "rhs": FINITE_PLANE,
        "boundary": BOUNDARY.but("dirichlet"),
        "boundary_values": array(np.ones((6, 6, 3)), finite=True).optional(),
        "screening": SCREENING.default(),
    },
    poisson.solve_masked: {
        "rhs": FINITE_PLANE,
        "mask": mask(4, 4),
        "values": FINITE_PLANE,
        "screening": SCREENING.default(),
        **SOLVER,
    },
    poisson.integrate_masked: {
        "guidance": FINITE_SLOPES,
        "mask": mask(4, 4),
        "values": FINITE_PLANE,
        **SOLVER,
    },
    poisson.dct: TRANSFORM,
    poisson.dst: TRANSFORM,
    poisson.idct: TRANSFORM,
    poisson.idst: TRANSFORM,
}
