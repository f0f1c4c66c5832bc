"""Kinds of arguments: a valid value of each, and values that must be refused."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import inr

OMITTED = object()
"""The valid value of an argument that is left at its default."""

NAN, INF = math.nan, math.inf
RNG = np.random.default_rng(0)


class Lazy(NamedTuple):
    """A value that takes time to build."""

    build: Callable[[], Any]


class Kind(NamedTuple):
    """A kind of argument.

    Attributes:
      valid: a value that is accepted.
      bad: values that must be refused, by label.
    """

    valid: Any
    bad: Mapping[str, Any]

    def but(self, valid: Any, **bad: Any) -> "Kind":
        """The kind with another valid value, and further bad ones."""
        return Kind(valid, {**self.bad, **bad})

    def optional(self, **bad: Any) -> "Kind":
        """The kind with None as a further value, and the argument left out."""
        others = {k: v for k, v in self.bad.items() if k != "None"}
        return Kind(OMITTED, {**others, **bad})

    def default(self, **bad: Any) -> "Kind":
        """The kind with the argument left out; None is refused."""
        return self.but(OMITTED, **bad)

    def without(self, *labels: str) -> "Kind":
        assert self.bad.keys() >= set(labels)
        return Kind(self.valid, {k: v for k, v in self.bad.items() if k not in labels})


def built(value: Any) -> Any:
    """The value, or what a `Lazy` one builds."""
    return value.build() if isinstance(value, Lazy) else value


JUNK = {"None": None, "text": "text", "object": object(), "complex": 1j}
VECTOR = {"array": np.ones(3, np.float32)}
NOT_FINITE = {"nan": NAN, "infinite": INF}


def kind(valid: Any, *groups: Mapping[str, Any], **bad: Any) -> Kind:
    return Kind(valid, {**JUNK, **{k: v for g in groups for k, v in g.items()}, **bad})


COUNT = kind(
    2, VECTOR, NOT_FINITE, zero=0, negative=-1, fraction=1.5, huge=2**62, true=True
)
BYTES = COUNT.without("huge").optional()
COUNT_OR_ZERO = COUNT.without("zero")
POSITIVE = kind(1.0, VECTOR, NOT_FINITE, zero=0.0, negative=-1.0, true=True)
NOT_NEGATIVE = POSITIVE.without("zero")
ANYTHING = Kind(OMITTED, {})
"""An argument that may have any value, or is passed to JAX, whose error names it."""

NUMBER = NOT_NEGATIVE.without("negative")
FRACTION = kind(0.5, VECTOR, NOT_FINITE, negative=-0.5, above=1.5, true=True)
FLAG = kind(False, VECTOR, number=2.0)
KEY = kind(
    jax.random.key(0),
    VECTOR,
    seed=0,
    several=jax.random.split(jax.random.key(0), 3),
    several_raw=jnp.zeros((3, 2), jnp.uint32),
)
FUNCTION = kind(jnp.sin, VECTOR, number=2.0)
TEXT = Kind("text", {"None": None, "object": object(), "number": 3, **VECTOR})


def choice(valid: str) -> Kind:
    """One of some names."""
    return kind(valid, VECTOR, number=3.5, list=["text"], nan=NAN)


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


def size(*valid: int) -> Kind:
    first, *others = valid
    return kind(
        valid,
        VECTOR,
        number=4,
        flag=False,
        none=(),
        fraction=(first + 0.5, *others),
        floats=tuple(map(float, valid)),
        zero=(0, *others),
        negative=(-1, *others),
        nan=(NAN, *others),
        huge=(2**62, *others),
        axes=(*valid, 4, 4, 4),
        nested=(valid,),
        dict={},
    )


def region(ndim: int = 2) -> Kind:
    zero, half, one = (0.0,) * ndim, (0.5,) * ndim, (1.0,) * ndim
    bad = kind(
        None,
        VECTOR,
        number=0.5,
        flag=False,
        dict={},
        list=[],
        reversed=(half, zero),
        outside=(zero, (1.5,) * ndim),
        negative=((-0.5,) * ndim, one),
        nan=((NAN,) * ndim, one),
        nowhere=(half, half),
        axes=((0.0,) * (ndim + 1), (1.0,) * (ndim + 1)),
        corner=(zero,),
        strings=(("a",) * ndim, ("b",) * ndim),
    )
    return bad.optional()


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


def existing_path(valid: Any, wrong: Any) -> Kind:
    """A file to read; `wrong` is one of another kind."""
    return Kind(
        valid,
        {
            "None": None,
            "object": object(),
            "complex": 1j,
            "number": 3.5,
            "list": ["a"],
            "missing": "/missing/file.png",
            "folder": Lazy(lambda: built(valid).parent),
            "wrong": wrong,
            "empty": "",
            "nul": "a\0b.png",
        },
    )


def new_path(valid: Any) -> Kind:
    """A file to write."""
    return Kind(
        valid,
        {
            "None": None,
            "object": object(),
            "complex": 1j,
            "number": 3.5,
            "list": ["a"],
            "without_folder": Lazy(lambda: f"/missing/{built(valid).name}"),
            "extension": Lazy(lambda: built(valid).with_suffix(".xyz")),
            "empty": "",
        },
    )
