"""Calls of `inr.color`, `inr.io`, `inr.merging`, `inr.metrics` and `inr.poisson`."""

import functools
import pathlib
import tempfile

import numpy as np
from bad_calls.fitting import OPTIMIZER, model
from bad_calls.kinds import (
    BYTES,
    COUNT,
    COUNT_OR_ZERO,
    FLAG,
    FRACTION,
    INF,
    KEY,
    NAN,
    NOT_NEGATIVE,
    OMITTED,
    POSITIVE,
    RNG,
    TEXT,
    Kind,
    Lazy,
    anywhere,
    array,
    bound_field,
    choice,
    existing_path,
    image,
    images,
    kind,
    mask,
    new_path,
    siren,
    size,
)

from inr import color, io, merging, metrics, poisson, pretrained

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
GRADIENTS = array(np.ones((2, 4, 4, 2, 3))).without("integers", "bools", "empty")
WEIGHTS = array(np.ones((2, 1, 1, 1, 1))).without("integers", "bools", "empty")
PAIR = {"image": image(12, 12), "reference": image(12, 12)}
PHOTO = image()


@functools.cache
def folder():
    return pathlib.Path(tempfile.mkdtemp())


@functools.cache
def saved_image():
    path = folder() / "image.png"
    io.write_image(path, np.zeros((4, 4, 3), np.float32))
    return path


@functools.cache
def saved_sound():
    path = folder() / "sound.wav"
    io.write_audio(path, np.zeros(64, np.float32), 8000)
    return path


@functools.cache
def saved_video():
    path = folder() / "video.mp4"
    io.write_video(path, np.zeros((4, 16, 16, 3), np.float32), 8)
    return path


def new_file(name):
    return new_path(Lazy(lambda: folder() / name))


def file(saved):
    return existing_path(Lazy(saved), __file__)


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
    io.list_images: {
        "folder": existing_path(Lazy(folder), __file__).without("folder", "empty")
    },
    io.read_image: {
        "path": file(saved_image),
        "dtype": kind(OMITTED, integers=np.int32, number=3, levels=np.uint8).without(
            "None"
        ),
        "max_bytes": BYTES.but(OMITTED, small=1),
    },
    io.read_audio: {"path": file(saved_sound)},
    io.read_video: {
        "path": file(saved_video),
        "num_frames": COUNT.optional(),
        "size": size(4, 4).optional(),
        "dtype": kind(OMITTED, integers=np.int32, number=3, halves=np.float16).without(
            "None"
        ),
        "max_bytes": BYTES.but(OMITTED, small=1),
    },
    io.write_image: {
        "path": new_file("new.png"),
        "image": PHOTO,
        "bits": choice("a").default(other=12),
        "quality": COUNT.optional(lossless=50),
    },
    io.write_audio: {
        "path": new_file("new.wav"),
        "samples": array(np.zeros((64, 1)), finite=True),
        "rate": COUNT.but(8000),
        "bits": choice("a").default(other=12),
    },
    io.write_video: {
        "path": new_file("new.mp4"),
        "frames": array(
            np.zeros((4, 16, 16, 3)),
            finite=True,
            odd=np.zeros((4, 15, 16, 3), np.float32),
            number=3,
        ),
        "fps": POSITIVE.but(8),
    },
    # Merging.
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
    # Metrics.
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
        "weights": weights(),
    },
    metrics.deep_features: {
        "images": array(
            np.ones((1, 32, 32, 3)), channels=np.ones((1, 32, 32, 2), np.float32)
        ),
        "weights": weights(),
    },
    metrics.find_regions: {
        "images": images(),
        "side": COUNT.but(2, large=9),
        "num_regions": COUNT.default(),
    },
    # Poisson.
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
    pretrained.names: {},
    pretrained.file: {"name": TEXT.but("upscale", other="other")},
    pretrained.card: {"name": TEXT.but("upscale", other="other")},
}
