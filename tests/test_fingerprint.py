"""Digests agree in any process, and differ for different values."""

import dataclasses
import enum
import functools
import itertools
import os
import pathlib
import subprocess
import sys
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import inr
from inr._fingerprint import digest


@dataclasses.dataclass(frozen=True)
class Pair:
    __module__ = "example"  # Names of modules count.

    a: int
    b: object = None


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Holder:
    def __init__(self, value):
        self.value = value

    def method(self):
        return self.value


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


def scaled(factor):
    def residual(field, batch):
        return factor * field(batch)

    residual.__module__ = "example"
    return residual


def values():
    """Values that all differ."""
    key = jax.random.key(0)
    rate = optax.cosine_decay_schedule(1e-3, 500)
    return [
        None, True, 1, 1.0, 2**70, "1", b"1", "", (), [], (1,), [1], (1, 2), ((1,), 2),
        {}, {"a": 1}, {"a": 2}, {"b": 1}, {1: "a"}, {1}, {1, 2}, "ab", ("a", "b"),
        np.zeros(3), np.zeros(3, np.float32), np.zeros((3, 1)), np.zeros((0, 3)),
        np.float32(1), np.array(["a"]), np.array([None, 1], object),
        np.array([0.0, 0.0, -0.0]), np.array([0.0, 0.0, 5e-324]),
        np.array([np.nan] * 3),
        jnp.zeros(3, jnp.bfloat16), jnp.arange(3), key, jax.random.key_data(key),
        jax.random.key(1), jax.random.key(0, impl="rbg"),
        int, Pair, Pair(1), Pair(2), Pair(1, 2), Color.RED, Color.BLUE, np.dtype("f4"),
        np.dtype("f8"), jnp.float32, jnp.bfloat16, range(3), range(4), Slotted(1),
        Slotted(2), Holder(1), Holder(2), Holder(1).method, Holder(2).method,
        np.sin, jnp.sin, jnp.cos, jax.nn.relu, len, [].append, sorted,
        functools.partial(jnp.sum, axis=0), functools.partial(jnp.sum, axis=1),
        jax.tree_util.Partial(jnp.sum, axis=0), scaled(1), scaled(2), scaled(scaled(1)),
        lambda x, factor=1: x, lambda x, factor=2: x, lambda x, *, factor=2: x,
        inr.Siren(features=3), inr.Siren(features=3, omega=9.0), inr.HashGrid(),
        jax.tree.structure((1, 2)), jax.tree.structure({"a": 1}),
        jax.tree.structure(inr.Term(scaled(1), ())),
        jax.tree.structure(inr.Term(scaled(2), ())), threading.Lock(),
        optax.adam(1e-3), optax.adam(1e-4), optax.adam(rate), optax.adamax(1e-3),
        optax.adamw(1e-3), optax.sgd(1e-3), optax.lbfgs(), optax.contrib.muon(1e-3),
        optax.inject_hyperparams(optax.adam)(learning_rate=rate),
    ]  # fmt: skip


def test_different_values_have_different_digests():
    digests = [digest(value) for value in values()]
    for (a, x), (b, y) in itertools.combinations(
        zip(digests, values(), strict=True), 2
    ):
        assert a != b, (x, y)


@pytest.mark.slow
def test_equal_values_have_equal_digests_in_another_process():
    code = f"import {__name__} as t\nfor x in t.values(): print(t.digest(x))"
    output = subprocess.run(
        [sys.executable, "-c", code],
        cwd=pathlib.Path(__file__).parent,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert output.split() == [digest(value) for value in values()]


def test_digests_are_those_of_earlier_versions():
    """A change refuses every folder that was written before it."""
    value = {"image": np.arange(3, dtype=np.float32), "rates": (1e-3, None)}
    expected = "a349e8d840d6fcb8cb7eca6b87d40603c2652c10f2f98796bc5d36928b23810a"
    assert digest(value) == expected
    expected = "bb5b4152961b5140114fc0e591faec59f6b9506b79737d4f3d0021facda87e5c"
    assert digest((Pair(1), scaled(2.0))) == expected


def test_a_digest_ignores_order_memory_layout_device_and_wrappers():
    array = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest(array) == digest(array.T.copy().T) == digest(jnp.asarray(array))
    assert digest(jnp.sum) == digest(jax.jit(jnp.sum))


def test_an_object_may_contain_itself():
    cycle = Holder(None)
    cycle.value = [cycle]
    assert digest(cycle) != digest(Holder([None]))

    def recursive(x):
        return recursive(x)

    assert digest(recursive) == digest(recursive)


def test_a_hundred_megabytes_take_less_than_half_a_second():
    array = np.zeros(10**8, np.uint8)
    seconds = []
    for _ in range(2):
        start = time.process_time()
        digest(array)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.5
