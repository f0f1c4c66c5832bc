"""Calls of `inr.fitting`, `inr.signals` and of their data."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
from bad_calls.arrays import array, image
from bad_calls.kinds import (
    ANYTHING,
    COUNT,
    FLAG,
    FUNCTION,
    INF,
    KEY,
    NAN,
    NOT_NEGATIVE,
    NUMBER,
    OMITTED,
    POSITIVE,
    RNG,
    SHARDING,
    Kind,
    Lazy,
    choice,
    kind,
)
from bad_calls.networks import MODEL, field, params, params_of

import inr
from inr import fitting

COORDS, FEATURES = (RNG.uniform(-1, 1, (6, k)).astype(np.float32) for k in (2, 3))
SGD = optax.sgd(1e-3)
ADAM = optax.adam(1e-3)

OPTIMIZER = kind(
    OMITTED,
    text="adam",
    nan=NAN,
    infinite=INF,
    zero=0.0,
    negative=-1.0,
    true=True,
    array=np.ones(3),
    none={},
    layers={"layer": 1e-3},
    nan_rate={"sine_0": NAN, "sine_1": 1e-3, "linear": 1e-3},
    text_rate={"sine_0": "a", "sine_1": 1e-3, "linear": 1e-3},
    function=optax.adam,
    list=[1e-3],
).optional()
TRANSFORMATION = kind(SGD, text="adam", rate=1e-3, function=optax.adam, none={})
TARGET_LOSS = NOT_NEGATIVE.without("infinite").default()
TARGET_PSNR = NUMBER.without("infinite").default()
CALLBACK = FUNCTION.optional()
CHECKPOINT = (
    kind(
        OMITTED, number=3.5, list=["a"], flag=False, file=__file__, empty="", nul="a\0b"
    )
    .without("text")
    .optional()
)


def rows(**bad):
    """Samples, or terms."""
    term = fitting.Term(fitting.value_residual, (COORDS, FEATURES))
    nan = np.full_like(FEATURES, NAN)
    return kind(
        (COORDS, FEATURES),
        number=3,
        array=FEATURES,
        none=(),
        alone=(COORDS,),
        four=(COORDS, FEATURES, FEATURES, FEATURES),
        lengths=(COORDS, FEATURES[1:]),
        empty=(COORDS[:0], FEATURES[:0]),
        nan_features=(COORDS, nan),
        nan_coords=(np.full_like(COORDS, NAN), FEATURES),
        integers=(COORDS, np.ones((6, 3), int)),
        imaginary=(COORDS, FEATURES.astype(np.complex64)),
        strings=(COORDS, np.full((6, 3), "x")),
        rank=(COORDS, FEATURES[:, 0]),
        nones=(COORDS, None),
        objects=(object(), object()),
        dict={"coords": COORDS},
        mixed=(term, COORDS),
        nan_weights=(COORDS, FEATURES, np.full(6, NAN, np.float32)),
        negative_weights=(COORDS, FEATURES, -np.ones(6, np.float32)),
        zero_weights=(COORDS, FEATURES, np.zeros(6, np.float32)),
        weights=(COORDS, FEATURES, np.ones(5, np.float32)),
        nan_weight=dataclasses.replace(term, weight=NAN),
        negative_weight=dataclasses.replace(term, weight=-1.0),
        text_weight=dataclasses.replace(term, weight="text"),
        text_rows=dataclasses.replace(term, data="text"),
        **bad,
    )


def model(features=3, **bad):
    return MODEL.but(inr.Siren(features=features, width=4, depth=1), **bad)


def image_model(features):
    """A model of an image, by default one that suits it."""
    other = inr.Siren(features=features + 1, width=4, depth=1)
    return model(features, wider=other).optional().but(model(features).valid)


def init(features=3, ndim=2):
    return params(features, ndim).optional()


FIT = {
    "num_steps": COUNT.but(1),
    "batch_size": COUNT.optional(),
    "optimizer": OPTIMIZER,
    "init": init(),
    "target_loss": TARGET_LOSS,
    "checkpoint": CHECKPOINT,
    "progress": FLAG,
    "callback": CALLBACK,
}


def fit_with(features=3, ndim=2, **others):
    """Options of a fit of a signal."""
    return {**FIT, "batch_size": COUNT.but(4), "init": init(features, ndim), **others}


def without(options, *names):
    return {k: v for k, v in options.items() if k not in names}


SIGNALS = (COORDS, FEATURES[None])


def signal_kind():
    bad = rows().bad
    bad = {k: v for k, v in bad.items() if "weights" not in k and k != "residual"}
    bad = {k: (v[0], v[1][None]) if _is_pair(v) else v for k, v in bad.items()}
    return Kind(SIGNALS, {**bad, "rank": (COORDS, FEATURES)})


def _is_pair(value):
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(isinstance(x, np.ndarray) for x in value)
    )


def stacked():
    return jax.tree.map(lambda x: jnp.stack([x]), params_of(model().valid))


def state():
    return fitting.init_fit(KEY.valid, model().valid, (COORDS, FEATURES))


BATCH = kind((COORDS, FEATURES), number=3, none=(), alone=(COORDS,))

SAMPLES = array(RNG.random((4, 4, 3)), finite=True).without("rank")

CALLS = {
    fitting.Term: {
        "residual": FUNCTION.but(fitting.value_residual),
        "data": ANYTHING.but((COORDS, FEATURES)),
        "weight": ANYTHING,  # a leaf of a pytree: fits check it
        "batch_size": COUNT.optional(),
        "reduce": FUNCTION.optional(),
    },
    fitting.GridSamples: {"values": ANYTHING.but(FEATURES), "batch_size": COUNT},
    fitting.SplineSamples: {
        "key": ANYTHING.but(jax.random.key(0)),  # a leaf of a pytree
        "spline": ANYTHING.but(FEATURES),
        "batch_size": COUNT,
    },
    fitting.make_spline: {"samples": SAMPLES},
    fitting.spline_coefficients: {"samples": SAMPLES},
    fitting.fit: {
        "key": KEY,
        "model": model(),
        "data": rows(),
        "sharding": SHARDING,
        **FIT,
    },
    fitting.fit_least_squares: {
        "key": KEY,
        "model": model(),
        "data": rows(),
        "damping": POSITIVE.default(),
        **without(FIT, "optimizer"),
    },
    fitting.fit_many: {
        "key": KEY,
        "model": model(),
        "signals": signal_kind(),
        **without(FIT, "callback", "init"),
        "init": init().but(OMITTED, one=Lazy(lambda: params_of(model().valid))),
        "sharding": SHARDING,
    },
    fitting.fit_grid: {
        "key": KEY,
        "model": model(4).but(model(3).valid),
        "values": array(RNG.random((4, 4, 3)), finite=True).without("rank"),
        **fit_with(),
        "sharding": SHARDING,
        "weight": NOT_NEGATIVE.default(),
        "normalization": kind(
            OMITTED,
            number=3,
            names={"scale": 1.0},
            shape={"coords_scale": np.ones(7)},
            strings={"coords_scale": "a"},
        ).optional(),
        "describe": FUNCTION.default(),
    },
    fitting.fit_image: {
        "key": KEY,
        "image": image(),
        "model": image_model(3),
        **without(FIT, "target_loss"),
        "weights": array(
            RNG.random((4, 4)),
            finite=True,
            negative=-np.ones((4, 4), np.float32),
            zero=np.zeros((4, 4), np.float32),
        ).optional(),
        "points": choice("pixels").but("pixels"),
        "prior": kind(OMITTED, number=3, residual=fitting.value_residual).optional(),
        "target_psnr": TARGET_PSNR,
    },
    fitting.fit_step: {
        "key": KEY,
        "state": kind(Lazy(state), number=3, params=Lazy(lambda: state().params)),
        "model": model(),
        "data": rows(),
        "optimizer": TRANSFORMATION.optional(),
        "num_steps": COUNT.default(),
        "learning_rate": OPTIMIZER.without("function", "layers", "none").default(),
        "sharding": SHARDING,
    },
    fitting.init_fit: {
        "key": KEY,
        "model": model(),
        "data": rows(),
        "optimizer": TRANSFORMATION.optional(),
        "init": init(),
    },
    fitting.default_rates: {
        "model": model(),
        "ndim": COUNT,
        "factor": POSITIVE.default(),
    },
    fitting.default_optimizer: {},
    fitting.psnr_to_loss: {"value": NUMBER.without("infinite")},
    fitting.init_params: {
        "key": KEY,
        "model": model(),
        "data": rows(),
        "normalization": kind({}, number=3, names={"scale": 1.0}),
    },
    fitting.value_residual: {
        "field": field(imaginary=lambda coords: jnp.zeros((6, 3), jnp.complex64)),
        "batch": BATCH,
    },
}
