"""Stores: what is read is what was written, one field at a time."""

import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from support import refuses

import inr

MODEL = inr.Siren(features=2, width=16, depth=1, omega=12.0)
OTHER = inr.Siren(features=2, width=16, depth=1, omega=13.0)
NUM_FIELDS = 6


@pytest.fixture(scope="module")
def fields():
    keys = jax.random.split(jax.random.key(1), NUM_FIELDS)
    params = jax.vmap(lambda key: MODEL.init(key, jnp.zeros((1, 2))))(keys)
    scale = jnp.linspace(0.5, 1.0, NUM_FIELDS)[:, None] * jnp.ones((1, 2))
    params["normalization"]["features_scale"] = scale
    return inr.BoundField(MODEL, params)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fields.safetensors"


def field_of(fields, i):
    return jax.tree.map(lambda x: x[i], fields)


def contents(path):
    """Header and arrays; the order of entries in the file is random."""
    with safetensors.safe_open(path, framework="numpy") as file:
        names = file.keys()
        return file.metadata(), {name: file.get_tensor(name) for name in names}


def rewrite(path, change):
    """Change the header and the arrays of a store."""
    header, arrays = contents(path)
    change(header, arrays)
    path.write_bytes(safetensors.numpy.save(arrays, header))


def test_every_field_of_a_store_equals_the_one_that_was_saved(fields, path):
    info = inr.save_fields(path, fields, size=(8, 9))
    store = inr.load_fields(path)
    assert len(store) == info.num_fields == NUM_FIELDS
    assert info.file_bytes == path.stat().st_size
    assert not info.error.any()
    assert (store.model, store.size, store.names) == (MODEL, (8, 9), None)
    for i, field in enumerate(store):
        chex.assert_trees_all_equal(field, field_of(fields, i))
    chex.assert_trees_all_equal(store[-1], field_of(fields, NUM_FIELDS - 1))
    chex.assert_trees_all_equal(store.stack(), fields)
    with pytest.raises(IndexError):
        store[NUM_FIELDS]


def test_a_list_of_fields_gives_the_same_file_as_the_stacked_field(fields, path):
    inr.save_fields(path, fields)
    expected = contents(path)
    inr.save_fields(path, [field_of(fields, i) for i in range(NUM_FIELDS)])
    chex.assert_trees_all_equal(contents(path), expected)


@pytest.mark.parametrize("part", [slice(1, 4), slice(None, None, -2), slice(5, 1, -1)])
def test_a_slice_is_a_store_of_the_same_fields_as_a_list(fields, path, part):
    inr.save_fields(path, fields, names=list("abcdef"))
    expected = [field_of(fields, i) for i in range(NUM_FIELDS)][part]
    store = inr.load_fields(path)[part]
    assert store.names == tuple("abcdef"[part])
    chex.assert_trees_all_equal(list(store), expected)
    stack = jax.tree.map(lambda *x: jnp.stack(x), *expected)
    chex.assert_trees_all_equal(store.stack(), stack)
    chex.assert_trees_all_equal(store[store.names[1]], expected[1])
    missing = ({*"abcdef"} - {*store.names}).pop()
    with pytest.raises(KeyError, match="must be one of `names`"):
        store[missing]


def test_one_field_is_read_without_the_others(fields, path):
    """The bytes of all other fields are NaN: reading them would fail."""
    inr.save_fields(path, fields)

    def spoil(header, arrays):
        for name, array in arrays.items():
            arrays[name] = np.where(
                np.arange(NUM_FIELDS).reshape(-1, *(1,) * (array.ndim - 1)) == 3,
                array,
                np.nan,
            ).astype(array.dtype)

    rewrite(path, spoil)
    store = inr.load_fields(path)
    chex.assert_trees_all_equal(store[3], field_of(fields, 3))
    with refuses("of field 2 of"):
        store[2]
    with refuses("of field 4 of"):
        store[3:].stack()


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(("precision", "least"), [("float16", 60), ("uint8", 40)])
def test_the_reported_loss_is_that_of_a_dense_comparison(
    fields, path, precision, least
):
    info = inr.save_fields(path, fields, precision=precision)
    stack = inr.load_fields(path).stack()
    chex.assert_trees_all_equal(
        stack.params["normalization"], fields.params["normalization"]
    )
    coords = inr.coords.grid((40, 40))
    a, b = (jax.vmap(lambda f: f(coords))(f) for f in (fields, stack))
    error = np.sqrt(np.square(a - b).mean((1, 2, 3)))
    np.testing.assert_allclose(info.error, error, rtol=0.25)
    assert (-20 * np.log10(info.error)).min() > least


def test_eight_bits_are_within_half_a_level_of_the_parameters(fields, path):
    inr.save_fields(path, fields, precision="uint8")
    stored = inr.load_fields(path).stack().params["params"]["sine_1"]
    exact = fields.params["params"]["sine_1"]
    np.testing.assert_array_equal(stored["bias"], exact["bias"])
    levels = np.ptp(exact["kernel"], axis=1, keepdims=True) / 255
    difference = np.abs(stored["kernel"] - exact["kernel"])
    assert (difference <= 0.501 * levels + 1e-7).all()


@pytest.mark.parametrize("precision", [None, "float16", "uint8"])
def test_appending_equals_writing_at_once(fields, path, tmp_path, precision):
    parts = [jax.tree.map(lambda x, p=p: x[p], fields) for p in (slice(4), slice(4, 6))]
    options = {"precision": precision, "size": (3, 3)}
    inr.save_fields(path, parts[0], names=list("abcd"), **options)
    info = inr.save_fields(path, parts[1], names=list("ef"), append=True, **options)
    assert (info.num_fields, len(info.error)) == (6, 2)
    together = tmp_path / "together.safetensors"
    inr.save_fields(together, fields, names=list("abcdef"), **options)
    chex.assert_trees_all_equal(contents(path), contents(together))


def test_bad_additions_are_refused_and_leave_the_store(fields, path):
    inr.save_fields(path, fields, names=list("abcdef"))
    before = path.read_bytes()
    two = jax.tree.map(lambda x: x[:2], fields)
    options = {"append": True, "names": ["g", "h"]}
    with refuses("`fields` must be of the store's model"):
        inr.save_fields(path, inr.BoundField(OTHER, two.params), **options)
    with refuses("`size`"):
        inr.save_fields(path, two, size=(2, 2), **options)
    with refuses("`precision` must be that of the store"):
        inr.save_fields(path, two, precision="float16", **options)
    with refuses("`names` must be unique, got 'a' more than once"):
        inr.save_fields(path, two, names=["g", "a"], append=True)
    with refuses("`names` must be given"):
        inr.save_fields(path, two, append=True)
    assert path.read_bytes() == before


def test_bad_fields_are_refused_by_their_number(fields, path):
    one = field_of(fields, 0)
    with refuses("`fields` must be at least one field"):
        inr.save_fields(path, [])
    with refuses("NaN or infinity in 'params/linear/bias' of field 4"):
        params = jax.tree.map(jnp.copy, fields.params)
        bias = params["params"]["linear"]["bias"].at[4, 1].set(jnp.nan)
        params["params"]["linear"]["bias"] = bias
        inr.save_fields(path, inr.BoundField(MODEL, params))
    with refuses("`fields` must be of one model"):
        inr.save_fields(path, [one, inr.BoundField(OTHER, one.params)])
    with refuses("common leading axis"):
        inr.save_fields(path, one)
    with refuses("`BoundField` of a registered family", TypeError):
        inr.save_fields(path, [one, lambda coords: coords])
    with refuses("float16"):
        large = jax.tree.map(lambda x: x + 1e5, fields)
        inr.save_fields(path, large, precision="float16")
    assert not path.exists()


def test_a_store_and_a_field_file_are_not_confused(fields, path):
    inr.save_field(path, field_of(fields, 0))
    with refuses("`load_field`"):
        inr.load_fields(path)
    inr.save_fields(path, fields)
    with refuses("`load_fields`"):
        inr.load_field(path)


def bad_version(header, arrays):
    header["inr_format"] = "3"


def bad_count(header, arrays):
    header["num_fields"] = "7"


def bad_text(header, arrays):
    header["num_fields"] = "²"


def bad_kernel(header, arrays):
    arrays["fields/params/linear/kernel"] = np.zeros((6, 17, 2), np.float32)


def bad_group(header, arrays):
    arrays["other/params"] = np.zeros(3, np.float32)


def bad_scale(header, arrays):
    arrays["scale/params/linear/kernel"] = np.zeros((6, 3), np.float32)
    arrays["minimum/params/linear/kernel"] = np.zeros((6, 3), np.float32)


def bad_model(header, arrays):
    values = json.loads(header["hyperparameters"]) | {"depth": 10**6}
    header["hyperparameters"] = json.dumps(values)


def bad_header(header, arrays):
    header.clear()


@pytest.mark.parametrize(
    "change",
    [
        bad_version,
        bad_count,
        bad_text,
        bad_kernel,
        bad_group,
        bad_scale,
        bad_model,
        bad_header,
    ],
)
def test_other_files_are_refused(fields, path, change):
    inr.save_fields(path, fields)
    rewrite(path, change)
    with refuses("`path` must"):
        inr.load_fields(path)


@pytest.mark.parametrize("text", [b"[", b'["a"]', b"[1, 2, 3, 4, 5, 6]", b"\xff", b"7"])
def test_bad_names_are_refused(fields, path, text):
    inr.save_fields(path, fields)

    def change(header, arrays):
        arrays["names"] = np.frombuffer(text, np.uint8)

    rewrite(path, change)
    store = inr.load_fields(path)
    chex.assert_trees_all_equal(store[1], field_of(fields, 1))
    with refuses("unique names"):
        store["a"]


def test_a_truncated_store_is_refused(fields, path):
    inr.save_fields(path, fields)
    path.write_bytes(path.read_bytes()[:-9])
    with refuses("complete safetensors file"):
        inr.load_fields(path)
