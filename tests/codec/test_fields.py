"""`encode_field` and `decode_field` for fields of every kind."""

import functools
import os
import pathlib
import subprocess
import sys
import time
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util
from support import refuses

pytest.importorskip("constriction")

import small_codec

import inr
from inr import _registry
from inr.codec.field_container import is_coded, pack, unpack
from inr.codec.histograms import unpack_tables
from inr.codec.parameters import decode_arrays


class ComplexSines(inr.fields.FieldModule):
    """A family with complex parameters."""

    def network(self, x):
        kernel = self.param("kernel", self._init, (x.shape[-1], 9))
        output = self.param("output", self._init, (9, self.features))
        return jnp.real(jnp.exp(1j * x @ kernel) @ output)

    @staticmethod
    def _init(key, shape):
        return jax.random.normal(key, shape, jnp.complex64)


SMALL = {"width": 12, "depth": 1}
MODELS = {
    "picture": (inr.Siren(features=3, width=24, depth=2), 2),
    "sound": (inr.Siren(features=2, **SMALL), 1),
    "shape": (inr.Siren(**SMALL), 3),
    "hash_grid": (inr.HashGrid(**SMALL, levels=3, log2_table_size=8), 2),
    "complex": (ComplexSines(), 2),
    "wire": (inr.Wire(**SMALL), 2),
    "bands": (inr.Bacon(width=12, bands=(1, 2)), 2),
    "modulated": (inr.Modulated(model=inr.Siren(**SMALL), latent_shape=(5,)), 2),
}


@pytest.fixture(autouse=True)
def complex_family(monkeypatch):
    """The registry of this process has the family during these tests only."""
    monkeypatch.setitem(_registry._registry, "ComplexSines", ComplexSines)


@functools.cache
def field_of(name):
    """A field with random biases and normalization, as fits have them."""
    model, ndim = MODELS[name]
    params = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, ndim)))
    rng = np.random.default_rng(0)

    def change(path, x):
        if "table" in jax.tree_util.keystr(path):
            return rng.normal(0, 0.1, x.shape).astype(x.dtype)
        return x if x.ndim > 1 else x + rng.uniform(0, 0.01, x.shape).astype(x.dtype)

    return inr.bind(model, jax.tree_util.tree_map_with_path(change, params))


def arrays_of(field):
    flat = traverse_util.flatten_dict(field.params, sep="/")
    return {name: np.asarray(x) for name, x in sorted(flat.items())}


def step_of(array, bits):
    """The step of a tensor; those of few rows have four bits more."""
    bits = min(bits + 4 * (array.size // array.shape[-1] <= 4), 16)
    reals = array.reshape(-1).view(np.real(array).dtype).astype(np.float64)
    return (reals.max() - reals.min()) / (2**bits - 1)


def largest_difference(a, b):
    difference = a.astype(np.complex128) - b.astype(np.complex128)
    return max(np.abs(difference.real).max(), np.abs(difference.imag).max())


def repaired(data):
    """Damaged data with the checksum of undamaged data."""
    return data[:-4] + zlib.crc32(data[:-4]).to_bytes(4, "little")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("bits", [2, 8, 13])
def test_weights_differ_by_half_a_step_and_other_arrays_are_equal(name, bits):
    field = field_of(name)
    back = inr.codec.decode_field(inr.codec.encode_field(field, bits=bits).data)
    assert back.model == field.model
    arrays, restored = arrays_of(field), arrays_of(back)
    assert arrays.keys() == restored.keys()
    for path, array in arrays.items():
        assert restored[path].dtype == array.dtype
        if is_coded(path, array.shape, array.dtype):
            tolerance = step_of(array, bits) / 2 + 1e-6 * np.abs(array).max()
            assert largest_difference(restored[path], array) <= tolerance, path
        else:
            np.testing.assert_array_equal(restored[path], array, path)


def test_the_complex_family_is_complex():
    dtypes = {x.dtype.kind for x in arrays_of(field_of("complex")).values()}
    assert "c" in dtypes


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_dtypes_are_those_of_the_params(dtype):
    field = field_of("sound")
    half = jax.tree.map(lambda x: x.astype(dtype), field.params["params"])
    field = inr.BoundField(field.model, {**field.params, "params": half})
    back = inr.codec.decode_field(inr.codec.encode_field(field, bits=16).data)
    assert back.params["params"]["linear"]["kernel"].dtype == dtype
    for path, array in arrays_of(field).items():
        np.testing.assert_allclose(
            arrays_of(back)[path].astype(np.float32),
            array.astype(np.float32),
            atol=0.01,
        )


def test_the_error_is_that_of_the_decoded_field():
    field = field_of("picture")
    data, error = inr.codec.encode_field(field, bits=6)
    points = inr.coords.random_points(jax.random.key(3), 4000, ndim=2)
    difference = inr.codec.decode_field(data)(points) - field(points)
    assert error == pytest.approx(float(jnp.sqrt((difference**2).mean())), rel=0.2)


@pytest.mark.parametrize("name", ["picture", "hash_grid"])
def test_a_bit_halves_the_error(name):
    field = field_of(name)
    errors = [inr.codec.encode_field(field, bits=bits).error for bits in (5, 7, 9, 11)]
    decibels = -20 * np.log10(errors)
    assert (decibels[-1] - decibels[0]) / 6 == pytest.approx(6, abs=1.2)
    assert (np.diff(decibels) > 6).all()


@pytest.mark.parametrize("bits", [4, 8])
def test_the_size_is_near_the_entropy_of_the_codes(bits):
    """Of a field with Gaussian tables, and a header of its own."""
    model = inr.HashGrid(width=64, levels=4, log2_table_size=13, base_resolution=90)
    params = model.init(jax.random.key(0), jnp.zeros((1, 2)))
    rng = np.random.default_rng(0)
    params = jax.tree.map(
        lambda x: rng.normal(0, 1, x.shape).astype(x.dtype) if x.ndim > 1 else x, params
    )
    field = inr.bind(model, params)
    parts = unpack(inr.codec.encode_field(field, bits=bits).data)
    expected = 0
    for path, array in arrays_of(field).items():
        if is_coded(path, array.shape, array.dtype):
            codes = np.rint((array - array.min()) / step_of(array, bits)).astype(int)
            counts = np.bincount(codes.reshape(-1))
            counts = counts[counts > 0]
            expected -= (counts * np.log2(counts / array.size)).sum() / 8
    assert len(parts.stream) == pytest.approx(expected, rel=0.02)
    assert len(parts.tables) + len(parts.exact) < 0.06 * expected


def test_the_same_field_gives_the_same_bytes():
    field = field_of("picture")
    reversed_ = dict(reversed(field.params.items()))
    other = inr.BoundField(field.model, reversed_)
    assert inr.codec.encode_field(field) == inr.codec.encode_field(other)


def test_facts_of_a_file():
    field = field_of("picture")
    data = inr.codec.encode_field(field, size=(30, 40)).data
    info = inr.codec.field_info(data)
    count = sum(x.size for x in jax.tree.leaves(field.params["params"]))
    assert info == ("Siren", (30, 40), count, len(data))
    assert inr.codec.field_info(inr.codec.encode_field(field).data).size is None


def test_pictures_and_fields_are_told_apart():
    data = inr.codec.encode_field(field_of("picture")).data
    for function in (inr.codec.decode, inr.codec.info):
        with pytest.raises(ValueError, match="`decode_field`"):
            function(data)
    with pytest.raises(ValueError, match=r"`data`.*`inr.codec.encode`"):
        inr.codec.decode_field(b"\x89PNG" + bytes(60))


@pytest.mark.slow
def test_a_picture_is_still_a_field():
    model = small_codec.codec()
    data = inr.codec.encode(
        small_codec.picture((8, 9)), model=model, num_steps=1, progress=False
    )
    field = inr.codec.decode_field(data, model=model)
    assert inr.render(field, (8, 9), progress=False).shape == (8, 9, 3)
    with pytest.raises(ValueError, match=r"`data`.*encode_field"):
        inr.codec.field_info(data)


def test_bad_fields_are_refused():
    field = field_of("sound")
    bad = jax.tree.map(lambda x: x * jnp.nan, field.params)
    with refuses("`field`.*NaN"):
        inr.codec.encode_field(inr.BoundField(field.model, bad))
    stacked = jax.tree.map(lambda x: jnp.stack([x, x]), field)
    with refuses("`field` must hold the arrays of Siren"):
        inr.codec.encode_field(stacked)


@pytest.fixture(scope="module")
def data():
    model = inr.HashGrid(width=4, depth=1, levels=2, log2_table_size=4)
    return inr.codec.encode_field(
        inr.bind(model, model.init(jax.random.key(0), jnp.zeros((1, 2)))), bits=6
    ).data


def test_every_cut_and_every_flipped_byte_is_an_error(data):
    for n in range(len(data)):
        with pytest.raises(ValueError, match="`data`"):
            inr.codec.decode_field(data[:n])
        flipped = bytearray(data)
        flipped[n] ^= 0x40
        with pytest.raises(ValueError, match="`data`"):
            inr.codec.decode_field(bytes(flipped))


def test_damage_with_a_right_checksum_is_a_field_or_an_error_soon(data):
    refused = unnamed = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        damaged = bytearray(data)
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(8, len(data))] = rng.integers(256)
        start = time.process_time()
        try:
            field = inr.codec.decode_field(repaired(bytes(damaged)))
            assert isinstance(field, inr.BoundField), seed
        except ValueError as error:
            refused += "`data`" in str(error)
            unnamed += "`data`" not in str(error)
        assert time.process_time() - start < 2, seed
    assert unnamed == 0
    assert 100 < refused < 400


def hostile(data, **changes):
    return pack(unpack(data)._replace(**changes))


def test_hostile_contents_are_refused_by_name(data):
    parts = unpack(data)
    metadata, shapes = parts.metadata, parts.shapes

    def entry(**entries):
        return {"metadata": {**metadata, **entries}}

    last = list(shapes)[-1]
    renamed = {k if k != last else f"{k}_": x for k, x in shapes.items()}
    for changes, text in (
        (entry(kind="Upscaler"), "kind"),
        (entry(kind="Siren"), "HashGrid|Siren"),
        (entry(inr_format="3"), "Update inr"),
        (entry(size="[0]"), "size"),
        (entry(hyperparameters="{"), "JSON"),
        (entry(hyperparameters='{"levels": 99999999999}'), "integers up to"),
        ({"metadata": {}}, "encode_field"),
        ({"shapes": renamed}, "arrays of HashGrid"),
        ({"tables": parts.tables[:-1]}, "tables"),
        ({"stream": parts.stream + bytes(8)}, "more codes"),
        ({"stream": b"\xff" * len(parts.stream)}, "no encoder"),
        ({"exact": b"\xff" * len(parts.exact)}, "NaN"),
    ):
        with pytest.raises(ValueError, match=f"`data`.*({text})"):
            inr.codec.decode_field(hostile(data, **changes))


FILE = pathlib.Path(__file__).parents[1] / "data" / "hash_grid.inr"
CHECKSUM = 1283405445


def checksum(data):
    """Of all restored arrays."""
    arrays = decode_arrays(unpack(data))
    return zlib.crc32(b"".join(x.tobytes() for x in arrays.values()))


def test_a_file_of_the_first_version_decodes_the_same_forever():
    data = FILE.read_bytes()
    assert checksum(data) == CHECKSUM
    assert inr.codec.field_info(data)[:3] == ("HashGrid", (16, 20), 1205)
    assert jnp.isfinite(inr.codec.decode_field(data)(jnp.zeros((1, 2)))).all()
    parts = unpack(data)
    sizes = [np.prod(shape).item() for path, (shape, dtype) in parts.shapes.items()
             if is_coded(path, shape, dtype)]  # fmt: skip
    bins = {table.counts.size for table in unpack_tables(parts.tables, sizes)}
    assert bins > {1}


CHILD = """
import pathlib, sys, zlib
from inr.codec.field_container import unpack
from inr.codec.parameters import decode_arrays
arrays = decode_arrays(unpack(pathlib.Path(sys.argv[1]).read_bytes()))
print(zlib.crc32(b"".join(x.tobytes() for x in arrays.values())))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [{"OMP_NUM_THREADS": "1"}, {"JAX_ENABLE_X64": "1"}, {"NPY_DISABLE_CPU_FEATURES":
     "AVX2 FMA3 AVX512F"}],
    ids=lambda x: next(iter(x)),
)  # fmt: skip
def test_another_process_decodes_the_same(tmp_path, environment):
    data = inr.codec.encode_field(field_of("hash_grid")).data
    (tmp_path / "data").write_bytes(data)
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD, tmp_path / "data"],
        env=os.environ | environment,
        capture_output=True,
        check=True,
        timeout=300,
    )
    assert int(result.stdout) == checksum(data)
