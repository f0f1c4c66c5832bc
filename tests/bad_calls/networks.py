"""Kinds of models, their parameters, and fields."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from bad_calls.kinds import VECTOR, Kind, Lazy, kind

import inr

MODEL = kind(
    inr.Siren(features=3, width=4, depth=1),
    VECTOR,
    number=3,
    classes=inr.Siren,
    function=jnp.sin,
    params={"params": {}},
    unhashable=inr.Bacon(features=3, width=4, bands=[1, 2]),  # type: ignore
)


@functools.cache
def params_of(model: Any, ndim: int = 2) -> Any:
    return jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, ndim)))


@functools.cache
def siren(features: int = 3, ndim: int = 2) -> inr.BoundField:
    model = inr.Siren(features=features, width=4, depth=1)
    return inr.bind(model, params_of(model, ndim))


def params(features: int = 3, ndim: int = 2) -> Kind:
    """What `init` of the Siren with these features returns."""
    model = inr.Siren(features=features, width=4, depth=1)
    other = inr.Gauss(features=features, width=4, depth=1)

    def reduced() -> Any:
        return {"params": {"sine_0": params_of(model, ndim)["params"]["sine_0"]}}

    return kind(
        Lazy(lambda: params_of(model, ndim)),
        VECTOR,
        number=3,
        none={},
        without_collections={"kernel": np.ones(3)},
        family=Lazy(lambda: params_of(other, ndim)),
        wider=Lazy(lambda: params_of(model.clone(width=5), ndim)),
        layers=Lazy(reduced),
        strings={"params": "text"},
    )


def field(features: int = 3, ndim: int = 2, **bad: Any) -> Kind:
    """A function of coords, any callable."""
    return kind(
        Lazy(lambda: siren(features, ndim)),
        VECTOR,
        number=3,
        unbound=inr.Siren(features=features, width=4, depth=1),
        few_rows=lambda coords: coords[:1],
        no_features=lambda coords: coords[..., 0],
        nothing=lambda coords: None,
        **bad,
    )


def bound_field(features: int = 3, ndim: int = 2, **bad: Any) -> Kind:
    """A `BoundField`."""
    return kind(
        Lazy(lambda: siren(features, ndim)),
        VECTOR,
        number=3,
        unbound=inr.Siren(features=features, width=4, depth=1),
        function=lambda coords: coords,
        **bad,
    )
