"""Calls of fields: families, files, derivatives, rendering, coords and networks."""

import functools
import pathlib
import tempfile

import jax
import jax.numpy as jnp
import numpy as np
from bad_calls.arrays import array, constant, coords, image
from bad_calls.kinds import (
    ANYTHING,
    BYTES,
    COUNT,
    COUNT_OR_ZERO,
    FLAG,
    FUNCTION,
    KEY,
    NAN,
    OMITTED,
    POSITIVE,
    RNG,
    SHARDING,
    TEXT,
    VECTOR,
    Lazy,
    choice,
    existing_path,
    kind,
    new_path,
    region,
    size,
)
from bad_calls.networks import MODEL, bound_field, field, params, siren

import inr
from inr import calculus, coords as coordinates, fields
from inr.fields import encodings, init, streams

POINTS = coords(5, 2, axes=np.zeros((5, 3), np.float32))
PRECISION = kind(OMITTED, number=3, array=np.ones(3)).optional()
DTYPE = kind(OMITTED, number=3, integers=np.int32, bools=bool).optional()
SCALE = POSITIVE.default()
FAMILY = {
    "features": COUNT.default(),
    "width": COUNT.default(),
    "depth": COUNT_OR_ZERO.default(),
    "precision": PRECISION,
    "dtype": DTYPE,
}


def temporary(name):
    return Lazy(lambda: pathlib.Path(tempfile.gettempdir()) / name)


@functools.cache
def saved_field():
    path = pathlib.Path(tempfile.mkdtemp()) / "field.safetensors"
    fields.save_field(path, siren())
    return path


@functools.cache
def saved_fields():
    path = pathlib.Path(tempfile.mkdtemp()) / "fields.safetensors"
    fields.save_fields(path, [siren()])
    return path


@functools.cache
def program():
    return fields.to_stablehlo(siren())


def family(*scales, **others):
    return {**FAMILY, **dict.fromkeys(scales, SCALE), **others}


def operator(features=3):
    return {"field": field(features), "coords": POINTS}


FEATURES = kind(RNG.random((5, 3), np.float32), number=3, list=[1.0], none=())
CALLS = {
    inr.Siren: family(
        "omega",
        hidden_omega=SCALE.but(OMITTED, length=(30.0,), negative=(30.0, -1.0, 30.0)),
    ),
    inr.Gauss: family("scale"),
    inr.Finer: family("omega", "bias_scale"),
    inr.Wire: family("omega", "scale"),
    inr.FourierFeatures: family("sigma", num_frequencies=COUNT.default()),
    inr.PositionalEncoding: family(num_frequencies=COUNT.default()),
    inr.FourierNet: family("input_scale"),
    inr.GaborNet: family("input_scale", "alpha", "beta"),
    inr.HashGrid: family(
        levels=COUNT.default(),
        features_per_level=COUNT.default(),
        log2_table_size=COUNT.default(large=40),
        base_resolution=COUNT.default(),
        growth=SCALE.but(OMITTED, below=0.5),
        interpolation=choice("linear").default(),
    ),
    inr.Bacon: {
        **{k: v for k, v in FAMILY.items() if k != "depth"},
        "bands": size(1, 2).default(falling=(2, 1)).without("axes"),
        "level": COUNT_OR_ZERO.optional(above=5).without("true"),
    },
    inr.Modulated: {
        "features": COUNT.default(),
        "model": kind(OMITTED, VECTOR, number=3),
        "latent_shape": size(4).default().without("axes"),
        "modulation": choice("shift").default(),
        "rank": COUNT.default(),
    },
    fields.FieldModule: {"features": COUNT.default()},
    fields.bind: {
        "model": MODEL,
        "params": params(),
        "image": kind(OMITTED, unexpected=np.ones((4, 4, 3))).optional(),
    },
    fields.bacon_residual: {
        "field": bound_field(family=Lazy(siren)).but(Lazy(lambda: bacon())),
        "batch": kind(
            (np.zeros((5, 2), np.float32), np.zeros((5, 3), np.float32)),
            number=3,
            none=(),
        ),
    },
    fields.save_field: {
        "path": new_path(temporary("a.safetensors")),
        "field": bound_field(),
        "size": size(4, 4).without("axes").optional(),
    },
    fields.load_field: {"path": existing_path(Lazy(saved_field), __file__)},
    fields.save_fields: {
        "path": new_path(temporary("b.safetensors")),
        "fields": kind(
            Lazy(lambda: [siren(), siren()]),
            VECTOR,
            number=3,
            none=(),
            one=Lazy(siren),
            functions=[jnp.sin],
            models=Lazy(lambda: [siren(), siren(2)]),
        ),
        "names": kind(
            OMITTED, number=3, numbers=[1, 2], one=["a"], twice=["a", "a"]
        ).optional(),
        "size": size(4, 4).without("axes").optional(),
        "precision": choice("a").optional(other="float8"),
        "append": FLAG.default(),
    },
    fields.load_fields: {"path": existing_path(Lazy(saved_fields), __file__)},
    fields.suggest_omega: {
        "signal": array(RNG.random((4, 4, 3)), finite=True).without("rank")
    },
    fields.to_glsl: {
        "field": bound_field(family=Lazy(lambda: bacon()), two=Lazy(lambda: siren(2))),
        "size": size(4, 4).optional(),
        "standalone": FLAG.default(),
    },
    inr.to_html: {
        "field": bound_field(family=Lazy(lambda: bacon()), two=Lazy(lambda: siren(2))),
        "size": size(4, 4).optional(),
        "reference": image(4, 4, channels=np.ones((4, 4, 2), np.float32)).optional(),
        "title": kind(OMITTED, number=3).optional().without("text"),
        "side": COUNT.but(16, small=8),
    },
    fields.to_stablehlo: {
        "field": field(),
        "ndim": COUNT.optional(other=3).but(2),
        "platforms": kind(OMITTED, number=3, none=(), unknown=("gpu",), one="cpu"),
    },
    fields.from_stablehlo: {
        "data": kind(
            Lazy(program),
            none=b"",
            path=Lazy(saved_field),
            damaged=Lazy(lambda: program()[:-1]),
        ),
    },
    fields.register: {
        "name": TEXT.but("tests.bad_calls", other="Siren", none="").without("other")
    },
    # Derivatives.
    calculus.gradient: operator(),
    calculus.jacobian: operator(),
    calculus.laplacian: operator(),
    calculus.hessian: operator(),
    calculus.axis_derivatives: operator(),
    calculus.value_gradient_laplacian: {
        **operator(),
        "unit": array(np.ones(2), finite=True).optional(),
    },
    calculus.divergence: operator(2),
    calculus.curl: operator(2),
    inr.render: {
        "field": field(imaginary=lambda coords: 1j * coords),
        "size": size(4, 4).without("axes"),
        "region": region(),
        "antialias": COUNT.optional(unavailable="integral"),
        "max_bytes": BYTES.but(OMITTED, small=1),
        "out": kind(
            OMITTED,
            list=[0.0],
            integers=np.zeros((4, 4, 3), int),
            levels=np.zeros((4, 4, 3), np.uint8),
            imaginary=np.zeros((4, 4, 3), complex),
            shape=np.zeros((4, 4)),
            jax=jnp.zeros((4, 4, 3)),
            strided=np.zeros((8, 4, 3))[::2],
        ).optional(),
        "progress": FLAG,
        "sharding": SHARDING,
    },
    # Coordinates.
    coordinates.grid: {"size": size(4, 4).without("axes"), "region": region()},
    coordinates.pitch: {"size": size(4, 4).without("axes"), "region": region()},
    coordinates.cell_offsets: {"size": size(4, 4).without("axes")},
    coordinates.region_size: {
        "size": size(4, 4).without("axes"),
        "region": region(),
        "scale": SCALE.but(OMITTED, axes=(1.0,), nan_axis=(1.0, NAN)),
    },
    coordinates.random_points: {
        "key": KEY,
        "num_points": COUNT,
        "ndim": COUNT.default(),
        "region": region(),
    },
    coordinates.quasirandom_points: {
        "key": KEY,
        "num_points": COUNT,
        "start": COUNT_OR_ZERO.but(3),
        "ndim": COUNT.default(),
    },
    coordinates.sample_grid: {
        "values": array(RNG.random((4, 4, 3))),
        "coords": POINTS.without("empty"),
        "interpolation": choice("linear").default(),
    },
    coordinates.neighbors: {
        "coords": POINTS.without("empty"),
        "size": size(4, 4),
        "interpolation": choice("linear").default(),
    },
    coordinates.keys_cubic: {"distance": constant(3)},
    # Networks.
    encodings.sinusoids: {
        "x": FEATURES,
        "frequencies": array(np.ones((3, 2))),
        "precision": ANYTHING,
    },
    encodings.octave_frequencies: {"ndim": COUNT, "num_frequencies": COUNT},
    encodings.gaussian_frequencies: {
        "key": KEY,
        "ndim": COUNT,
        "num_frequencies": COUNT,
        "sigma": POSITIVE,
    },
    init.uniform: {"bound": POSITIVE},
    init.sine_first: {},
    init.sine_hidden: {"omega": POSITIVE},
    init.sine_phase: {"omega": POSITIVE},
    init.fan_in_uniform: {},
    streams.width: {"x": FEATURES},
    streams.seed: {
        "coords": coords(5, 2).without("empty", "list"),
        "unit": array(np.ones(2)).optional(),
    },
    streams.seed_cells: {
        "coords": coords(5, 2).without("empty", "list"),
        "cell": array(np.ones(2)),
    },
    streams.affine: {
        "x": FEATURES,
        "kernel": constant(3, 2).but(np.ones((3, 2)), rows=np.ones((2, 2))),
        "bias": constant(2).optional(),
        "precision": ANYTHING,
        "dtype": ANYTHING,
    },
    streams.translate: {"x": FEATURES, "constant": constant(3)},
    streams.pointwise: {"fn": FUNCTION, "x": FEATURES},
    streams.lift: {"fn": FUNCTION, "x": FEATURES},
    streams.multiply: {"a": FEATURES, "b": FEATURES},
    streams.add: {"a": FEATURES, "b": FEATURES},
    streams.concatenate: {"parts": kind([np.ones((5, 3))], number=3, none=[], one=[3])},
}


@functools.cache
def bacon():
    model = inr.Bacon(features=3, width=4, bands=(1, 2))
    return inr.bind(model, jax.jit(model.init)(KEY.valid, jnp.zeros((1, 2))))
