"""Tests of `inr._checks`: values that are accepted, and what is returned for them.

`test_bad_calls` has the values that public functions refuse.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses, without_type_checks

import inr
from inr import _checks, coords, diffusion, training

NUMBERS = [
    0.5,
    np.float32(0.5),
    np.float64(0.5),
    np.asarray(0.5),
    jnp.float32(0.5),
    jnp.bfloat16(0.5),
    jnp.asarray(0.5),
]
COUNTS = [3, np.int64(3), np.uint8(3), np.asarray(3), jnp.int32(3), jnp.asarray(3)]
KEY = jax.random.key(3)


def of_type(value):
    return f"{type(value).__name__} {getattr(value, 'dtype', '')}"


@pytest.mark.parametrize("number", NUMBERS, ids=of_type)
@pytest.mark.parametrize(
    "check",
    [
        _checks.as_number,
        _checks.as_positive,
        _checks.as_not_negative,
        _checks.as_fraction,
    ],
)
def test_numbers_of_any_library_become_python_floats(check, number):
    value = check("value", number)
    assert value == 0.5
    assert type(value) is float


def test_integers_are_numbers_but_bools_are_not():
    assert _checks.as_positive("value", np.int64(2)) == 2
    for value in (True, np.True_, jnp.asarray(True)):
        with refuses("`value` must be a finite number above 0"):
            _checks.as_positive("value", value)


@pytest.mark.parametrize("count", COUNTS, ids=of_type)
def test_counts_of_any_library_become_python_integers(count):
    value = _checks.as_count("value", count)
    assert value == 3
    assert type(value) is int


def test_a_count_is_an_index_of_jax():
    assert _checks.as_count("value", 2**31 - 1) == 2**31 - 1
    with refuses("`value` must be at most 2147483647, got 2147483648"):
        _checks.as_count("value", 2**31)
    assert _checks.as_bytes("value", 2**40) == 2**40
    assert _checks.as_bytes("value", None) is None


@pytest.mark.parametrize(
    "size", [(4, 5), [4, 5], np.array([4, 5]), (np.int64(4), jnp.int32(5))]
)
def test_sizes_are_sequences_of_counts(size):
    assert _checks.as_size("size", size) == (4, 5)
    assert _checks.as_size("size", size, 2) == (4, 5)
    with refuses("`size` must be 3 numbers"):
        _checks.as_size("size", size, 3)


REGION = ((0.25, 0.0), (0.75, 0.5))


@pytest.mark.parametrize(
    "region",
    [
        REGION,
        [[0.25, 0], [0.75, 0.5]],
        np.array(REGION),
        jnp.array(REGION),
        tuple(map(np.float32, REGION)),
    ],
    ids=of_type,
)
def test_regions_are_pairs_of_corners(region):
    assert _checks.as_region("region", region, 2) == REGION


def test_a_key_is_typed_or_raw():
    raw = jax.random.PRNGKey(3)
    for key in (KEY, raw, np.asarray(raw)):
        draw = jax.random.uniform(_checks.as_key("key", key))
        np.testing.assert_array_equal(draw, jax.random.uniform(KEY))

    def draw(key):
        return jax.random.uniform(_checks.as_key("key", key))

    np.testing.assert_array_equal(jax.jit(draw)(KEY), draw(KEY))
    np.testing.assert_array_equal(jax.vmap(draw)(jnp.stack([KEY])), draw(KEY)[None])
    with refuses(
        "`key` must be a PRNG key, got int.*`jax.random.key\\(3\\)`", TypeError
    ):
        draw(3)


def test_traced_numbers_pass_and_concrete_ones_are_checked():
    def scale(x):
        _checks.check_scalar("x", x, _checks.as_positive)
        return 2 * x

    assert jax.jit(scale)(-1.0) == -2
    assert jax.grad(scale)(1.0) == 2
    with refuses("`x` must be a finite number above 0, got -1.0"):
        scale(-1.0)


def test_an_error_has_one_grammar():
    error = _checks.fail("size", "(h, w)", (4,), "Add an axis.")
    assert str(error) == "`size` must be (h, w), got (4,). Add an axis."


def test_public_functions_accept_the_scalars_of_other_libraries():
    with without_type_checks():
        points = coords.grid(np.array([2, 3]), region=np.array(REGION))
        sampler = diffusion.ddim(eta=np.float32(0.5), num_steps=np.int64(2))
        image = inr.render(jnp.sin, np.array([2, 3]), progress=np.False_)
        adam = training.warmup_adam(np.int32(4), learning_rate=jnp.float32(0.5))
    np.testing.assert_array_equal(points, coords.grid((2, 3), region=REGION))
    assert sampler == diffusion.ddim(eta=0.5, num_steps=2)
    np.testing.assert_array_equal(image, inr.render(jnp.sin, (2, 3)))
    assert adam is training.warmup_adam(4, learning_rate=0.5)
