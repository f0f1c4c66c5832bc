"""Kinds of arguments: a valid value of each, and values that must be refused."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

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
SHARDING = kind(OMITTED, number=3, list=jax.devices()).optional()
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
