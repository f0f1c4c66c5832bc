"""Calls of `inr.signals`."""

import functools
import pathlib
import tempfile

import numpy as np
from bad_calls.arrays import array
from bad_calls.fitting import FIT, TARGET_PSNR, fit_with, init, model, without
from bad_calls.kinds import (
    BYTES,
    COUNT,
    COUNT_OR_ZERO,
    FLAG,
    FRACTION,
    KEY,
    NAN,
    NOT_NEGATIVE,
    OMITTED,
    POSITIVE,
    RNG,
    SHARDING,
    Lazy,
    choice,
    existing_path,
    kind,
    new_path,
    size,
)
from bad_calls.networks import field, siren

import inr
from inr import signals

VERTICES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
TETRAHEDRON = signals.Mesh(VERTICES, FACES[:, ::-1])
NORMALS = np.ones((4, 3), np.float32)


def surface(clouds=True):
    make = signals.Mesh
    bad = {
        "number": 3,
        "array": VERTICES,
        "none": (),
        "pair": (VERTICES, FACES),
        "nan_vertices": make(np.full_like(VERTICES, NAN), FACES),
        "rank_vertices": make(VERTICES[0], FACES),
        "axes_vertices": make(VERTICES[:, :2], FACES),
        "float_faces": make(VERTICES, FACES.astype(float)),
        "faces_above": make(VERTICES, FACES + 4),
        "faces_below": make(VERTICES, FACES - 1),
        "empty_faces": make(VERTICES, FACES[:0]),
        "objects": make(object(), FACES),
        "nones": make(VERTICES, None),
        "imaginary": make(VERTICES.astype(complex), FACES),
        "strings": make(np.full((4, 3), "x"), FACES),
    }
    if clouds:
        cloud = signals.PointCloud
        bad |= {
            "nan_points": cloud(np.full_like(VERTICES, NAN), NORMALS),
            "zero_normals": cloud(VERTICES, 0 * NORMALS),
            "few_normals": cloud(VERTICES, NORMALS[:2]),
        }
    return kind(TETRAHEDRON, **bad)


@functools.cache
def saved_mesh():
    path = pathlib.Path(tempfile.mkdtemp()) / "mesh.ply"
    signals.write_mesh(path, TETRAHEDRON)
    return path


def plane(**bad):
    """An image of the square, or a function."""
    return array(
        RNG.random((4, 4)) + 0.5,
        finite=True,
        shape=lambda points: points,
        nan_function=lambda points: points[:, 0] * NAN,
        **bad,
    )


ABOVE_ZERO = {
    "negative": -np.ones((4, 4), np.float32),
    "zero": np.zeros((4, 4), np.float32),
}
MEDIUM = plane(**ABOVE_ZERO).optional()
SPEED = (
    plane(
        **ABOVE_ZERO, zero_number=0.0, negative_number=-1.0, nan_number=NAN, flag=True
    )
    .without("scalar")
    .default()
)
SOURCE = kind(
    OMITTED, one=(0.0,), outside=(0.0, 2.0), nan=(NAN, 0.0), texts=("a", "b"), number=3
)
HELMHOLTZ = {
    "wavenumber": POSITIVE.but(4.0),
    "source": SOURCE,
    "source_width": POSITIVE.optional(),
    "slowness": MEDIUM,
    "thickness": POSITIVE.optional(above=3.0),
    "batch_size": COUNT.but(64, small=3),
}
WAVE = {
    "initial": plane(zero=np.zeros((4, 4), np.float32)),
    "duration": POSITIVE,
    "velocity": plane().optional(),
    "speed": SPEED,
    "boundary": choice("fixed").default(),
    "window_steps": COUNT_OR_ZERO.default(),
    "batch_size": COUNT.but(64, small=3),
}
EQUATION = without(FIT, "optimizer", "batch_size")
SLOPES = array(
    RNG.random((4, 4, 2, 3)),
    finite=True,
    axes=np.ones((4, 4, 3, 3), np.float32),
    small=np.ones((1, 4, 2, 3), np.float32),
)
INNER = array(RNG.random((4, 4, 3)), finite=True, small=np.ones((2, 4, 3), np.float32))
BETWEEN = FRACTION.default()
DERIVATIVES = {**without(FIT, "batch_size"), "sharding": SHARDING}


def image_model(features, ndim=2):
    return (
        model(features, wider=inr.Siren(features=features + 1))
        .optional()
        .but(model(features).valid)
    )


def rows(features, *shapes, ndim=2):
    batch = tuple(np.ones((5, *shape), np.float32) for shape in shapes)
    return {
        "field": field(features, ndim),
        "batch": kind(
            batch,
            number=3,
            none=(),
            objects=(object(),) * len(shapes),
            more=(*batch, batch[0]),
        ),
    }


COMPLEX = np.ones((5, 2), np.complex64)

CALLS = {
    signals.fit_audio: {
        "key": KEY,
        "samples": array(
            RNG.random((8, 1)), finite=True, many=np.zeros(2**22 + 1, np.float32)
        ),
        "model": image_model(1),
        **fit_with(1, 1, sharding=SHARDING),
    },
    signals.fit_video: {
        "key": KEY,
        "frames": array(RNG.random((2, 4, 4, 3)), finite=True),
        "model": image_model(3),
        **without(fit_with(3, 3, sharding=SHARDING), "target_loss"),
        "target_psnr": TARGET_PSNR,
    },
    signals.fit_shape: {
        "key": KEY,
        "shape": surface(),
        "model": image_model(1),
        **fit_with(1, 3, sharding=SHARDING),
    },
    signals.fit_gradient: {
        "key": KEY,
        "guidance": SLOPES,
        "model": image_model(3),
        "mean": array(np.ones(3), finite=True, length=np.ones(2))
        .without("scalar", "integers")
        .default(),
        "between": BETWEEN,
        **DERIVATIVES,
    },
    signals.fit_laplacian: {
        "key": KEY,
        "laplacian": INNER,
        "border": INNER,
        "model": image_model(3),
        "between": BETWEEN,
        **DERIVATIVES,
    },
    signals.fit_helmholtz: {
        "key": KEY,
        **HELMHOLTZ,
        "model": image_model(2),
        **EQUATION,
        "init": init(2),
    },
    signals.fit_wave: {
        "key": KEY,
        **WAVE,
        "model": image_model(1),
        **EQUATION,
        "init": init(1, 3),
    },
    signals.helmholtz_model: {
        "wavenumber": POSITIVE,
        "slowness": MEDIUM,
        "width": COUNT.default(),
    },
    signals.wave_model: {
        **{k: WAVE[k] for k in ("initial", "velocity", "speed")},
        "width": COUNT.default(),
    },
    signals.helmholtz_terms: HELMHOLTZ,
    signals.wave_terms: WAVE,
    signals.gradient_term: {"guidance": SLOPES, "between": BETWEEN},
    signals.laplacian_terms: {"laplacian": INNER, "border": INNER, "between": BETWEEN},
    signals.shape_terms: {
        "key": KEY,
        "shape": surface(),
        "batch_size": COUNT.default(),
    },
    signals.smoothness_term: {
        "weight": NOT_NEGATIVE,
        "order": kind(OMITTED, zero=0, above=3, fraction=1.5, array=np.ones(2)),
        "ndim": COUNT.default(),
        "batch_size": COUNT.default(),
    },
    signals.sample_surface: {
        "key": KEY,
        "mesh": surface(clouds=False),
        "num_points": COUNT,
    },
    signals.read_mesh: {
        "path": existing_path(Lazy(saved_mesh), __file__),
        "max_bytes": BYTES,
    },
    signals.write_mesh: {
        "path": new_path(Lazy(lambda: saved_mesh().with_name("new.ply"))),
        "mesh": surface(clouds=False).without("pair"),
    },
    signals.extract_mesh: {
        "field": field(
            1,
            3,
            two=Lazy(lambda: siren(2, 3)),
            nowhere=lambda coords: 1 + 0 * coords[..., :1],
            nan=lambda coords: NAN * coords[..., :1],
        ).but(lambda coords: (coords**2).sum(-1, keepdims=True) - 0.5),
        "resolution": COUNT.but(4, small=1),
        "bounds": kind(
            OMITTED,
            number=3,
            one=(np.zeros(3),),
            reversed=(np.ones(3), np.zeros(3)),
            nan=(np.zeros(3), np.full(3, NAN)),
            axes=(np.zeros(2), np.ones(2)),
            texts=("a", "b"),
        ).optional(),
        "max_bytes": BYTES.but(OMITTED, small=1),
        "progress": FLAG,
    },
    signals.compact_grid: {
        "size": size(2, 4, 4),
        "max_parameters": COUNT.but(5000),
        "features": COUNT.default(),
    },
    signals.slope_residual: rows(3, (2,), (2,), (3,)),
    signals.laplacian_residual: rows(3, (2,), (2,), (3,)),
    signals.gradient_length: rows(3, (2,)),
    signals.hessian_length: rows(3, (2,)),
    signals.eikonal_residual: rows(1, (3,), ndim=3),
    signals.normal_residual: rows(1, (3,), (3,), ndim=3),
    signals.wave_residual: rows(1, (3,), (), ndim=3),
    signals.helmholtz_residual: {
        **rows(2, (2,), (), (), (2,), (2,)),
    },
}
