"""Files of fields and models that are damaged, or made to harm whoever loads them."""

import contextlib
import json
import math
import os
import struct
import time
import tracemalloc

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import safetensors
import safetensors.numpy
from flax import linen as nn
from support import full_disk, refuses

import inr
from inr import _model_files, pretrained
from inr.fields import Affine, FieldModule
from inr.models import ConditionalModel, FeatureMap, load_model, register, save_model
from inr.upscaling import Upscaler

SIREN = inr.Siren(width=4, depth=1)
UPSCALER = Upscaler(width=4, blocks=1, waves=3)


@register("TestLoop")
class Loop(FieldModule):
    """A family of someone else's, whose hyperparameters nothing checks."""

    layers: int = 1
    table: int = 3
    seed: int = 0
    options: tuple[str, ...] = ()

    def network(self, x):
        frequencies = np.arange(self.table, dtype=np.float64)
        for i in range(self.layers):
            x = Affine(2, name=f"layer_{i}")(x)
        return Affine(self.features)(x * float(frequencies.size))


@register("TestLookup")
class Lookup(ConditionalModel):
    """A conditional model with whole numbers among its arrays."""

    task = "upscale"

    def encode(self, image):
        return FeatureMap(image, image)

    @nn.compact
    def __call__(self, coords, feature_map):
        order = self.variable("order", "index", lambda: jnp.arange(2000, dtype="int32"))
        return nn.Dense(3)(coords) + order.value[-1]


def zeros(model):
    """Params of a model, all zero."""
    shapes = jax.eval_shape(model.init, jax.random.key(0), *model.example_inputs())
    return jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)


def bound(model):
    """A field whose params are zero."""
    coords = jax.ShapeDtypeStruct((1, 2), jnp.float32)
    shapes = jax.eval_shape(model.init, jax.random.key(0), coords)
    params = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)
    return inr.bind(model, params)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A valid file of each class, and its loader, by the name of the class."""
    folder = tmp_path_factory.mktemp("files")
    grid = inr.HashGrid(width=4, levels=2, log2_table_size=4)
    octaves = inr.fields.PositionalEncoding(width=4, depth=1, num_frequencies=3)
    modulated = inr.Modulated(model=inr.Siren(width=4, depth=1), latent_shape=(2,))
    bacon = inr.Bacon(width=4, bands=(1, 2))
    loaders = {}
    for model in (SIREN, grid, octaves, bacon, Loop(), modulated):
        path = folder / f"{type(model).__name__}.safetensors"
        inr.save_field(path, bound(model))
        loaders[path.stem] = path, inr.load_field
    path = folder / "Upscaler.safetensors"
    save_model(path, UPSCALER, zeros(UPSCALER))
    return {**loaders, path.stem: (path, load_model)}


def contents(path):
    with safetensors.safe_open(path, framework="numpy") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def raw(header, data=b""):
    """A safetensors file with a header that its library would not write."""
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + data


def refused_soon(load, path, match):
    """Expects a ValueError about `path` within 2 s of processor time."""
    start = time.process_time()
    with refuses(rf"(?s)`path` must .*{match}"):
        load(path)
    assert time.process_time() - start < 2


@contextlib.contextmanager
def little_memory():
    """Asserts that Python and NumPy allocate less than 200 MB."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()


def inner(**changes):
    """A module among the hyperparameters of another."""
    return {"registered": "Siren", "width": 4, "depth": 1, **changes}


HUGE, LONG = 10**12, [1.0] * 10_000
HOSTILE = [
    ("Siren", {"depth": 10**6}, "hold the arrays of Siren"),
    ("Siren", {"depth": HUGE}, "integers up to 1048576, .* got depth=1000000000000"),
    ("Siren", {"width": HUGE}, "integers up to"),
    ("Siren", {"width": 10**6}, "hold the arrays of Siren"),
    ("Siren", {"features": 0}, "that Siren accepts"),
    ("Siren", {"depth": -1}, "that Siren accepts"),
    ("Siren", {"depth": True}, "that Siren accepts, got depth=True"),
    ("Siren", {"depth": 1e12}, "that Siren accepts, got depth=1000000000000.0"),
    ("Siren", {"omega": "30"}, "that Siren accepts, got omega='30'"),
    ("Siren", {"omega": math.nan}, "finite numbers, got omega=nan"),
    ("Siren", {"omega": -math.inf}, "finite numbers"),
    ("Siren", {"hidden_omega": LONG}, "hyperparameters of 8192 characters"),
    ("Siren", {"hidden_omega": {"a": [1]}}, "that Siren accepts"),
    ("Siren", {"precision": "S9"}, "precision"),
    ("Siren", {"dtype": "S9999999"}, "numeric dtype"),
    ("Siren", {"dtype": "f4,f4"}, "numeric dtype"),
    ("Siren", {"dtype": 3}, "numeric dtype"),
    ("Siren", {"parent": None}, "that Siren accepts"),
    ("Siren", {"speed": 3}, "that Siren accepts, got speed=3"),
    ("HashGrid", {"levels": 10**6, "growth": 1.0}, "hold the arrays of HashGrid"),
    ("HashGrid", {"growth": 1e300}, "hold the arrays of HashGrid"),
    ("HashGrid", {"features_per_level": 2**20}, "hold the arrays of HashGrid"),
    ("PositionalEncoding", {"num_frequencies": 2**20}, "PositionalEncoding accepts"),
    ("Bacon", {"bands": [1, HUGE]}, "integers up to"),
    ("Modulated", {"model": inner(depth=10**6)}, "hold the arrays of Modulated"),
    ("Modulated", {"model": inner(depth=HUGE)}, "integers up to"),
    ("Modulated", {"model": inner(depth=-1)}, "that Siren accepts"),
    ("Modulated", {"model": inner(speed=3)}, "that Siren accepts, got speed=3"),
    ("Modulated", {"model": inner(registered="os")}, "parts of kind .*, got 'os'"),
    ("Modulated", {"model": inner(registered=["Siren"])}, "parts of kind"),
    ("Modulated", {"model": "Siren"}, "that Modulated accepts"),
    ("Modulated", {"model": {"width": 4}}, "that Modulated accepts"),
    ("Modulated", {"latent_shape": [2**20]}, "hold the arrays of Modulated"),
    ("Loop", {"layers": 10**6}, "hold the arrays of Loop"),
    ("Loop", {"table": HUGE}, "integers up to"),
    ("Loop", {"options": [[[[[[[[[[]]]]]]]]]]}, "8 lists inside each other"),
    ("Upscaler", {"blocks": HUGE}, "integers up to"),
    ("Upscaler", {"blocks": 2**20}, "hold the arrays of Upscaler"),
    ("Upscaler", {"waves": HUGE}, "integers up to"),
    ("Upscaler", {"waves": 2**20}, "hold the arrays of Upscaler"),
    ("Upscaler", {"gray": "yes"}, "that Upscaler accepts"),
    ("Upscaler", {"trunk": "x"}, "that Upscaler accepts"),
]


@pytest.mark.parametrize(("kind", "changes", "message"), HOSTILE)
def test_hostile_hyperparameters_are_refused_soon(
    files, tmp_path, kind, changes, message
):
    path, load = files[kind]
    header, arrays = contents(path)
    values = {**json.loads(header["hyperparameters"]), **changes}
    header = {**header, "hyperparameters": json.dumps(values)}
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(safetensors.numpy.save(arrays, header))
    refused_soon(load, bad, message)
    if HUGE in changes.values() or 2**20 in changes.values():
        with little_memory(), contextlib.suppress(ValueError):
            load(bad)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inr_format": None}, "written by `save_field`"),
        ({"inr_format": "x" * 10_000}, r"format 1 to 2, got format 'x+\.\.\.x+' in"),
        ({"kind": None}, "of kind"),
        ({"kind": "Upscaler"}, "of kind"),
        ({"hyperparameters": None}, "with hyperparameters, got none"),
        ({"hyperparameters": ""}, "JSON"),
        ({"hyperparameters": "[1]"}, "have names"),
        ({"hyperparameters": "[" * 8000}, "JSON"),
        ({"hyperparameters": "[" * 100_000}, "8192 characters"),
        ({"hyperparameters": '{"width": 4, "width": 8}'}, "a name occurs twice"),
        ({"hyperparameters": '{"width": ' + 5000 * "9" + "}"}, "JSON"),
        ({"size": "[" * 100_000}, "whose size are JSON"),
        ({"size": "[]"}, "null or numbers of samples"),
        ({"size": "[4, 0]"}, "null or numbers of samples"),
        ({"size": "[4, 1e3]"}, "null or numbers of samples"),
        ({"size": "[4, 1000000000000]"}, "null or numbers of samples"),
        ({"size": '"ab"'}, "null or numbers of samples"),
    ],
)
def test_invalid_metadata_is_refused_soon(files, tmp_path, changes, message):
    path, _ = files["Siren"]
    header, arrays = contents(path)
    header = {k: v for k, v in {**header, **changes}.items() if v is not None}
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(safetensors.numpy.save(arrays, header))
    refused_soon(inr.load_field, bad, message)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("params/linear/bias", np.zeros(1, np.int32), "'params/linear/bias', "),
        ("params/linear/bias", np.zeros(1, bool), "'params/linear/bias', "),
        ("params/linear/bias", np.float32([np.nan]), "NaN or infinity in 'params/li"),
        ("params/linear/bias", np.zeros(2, np.float32), "hold the arrays of Siren"),
        ("params/linear/bias", np.zeros((1, 0), np.float32), "hold the arrays"),
        ("params/linear", np.zeros(1, np.float32), "hold the arrays of Siren"),
        ("params/linear/bias/x", np.zeros(1, np.float32), "hold the arrays of Siren"),
        ("params" + "/a" * 50_000, np.zeros(1, np.float32), "hold the arrays"),
        ("params", np.zeros(1, np.float32), "hold the arrays of Siren"),
        ("", np.zeros(1, np.float32), "hold the arrays of Siren"),
        ("normalization/coords_scale", np.ones(50_000, np.float32), "from 1 to 256"),
        ("normalization/coords_scale", np.ones(3, np.float32), "hold the arrays"),
    ],
)
def test_other_arrays_are_refused_soon(files, tmp_path, name, array, message):
    header, arrays = contents(files["Siren"][0])
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(safetensors.numpy.save({**arrays, name: array}, header))
    refused_soon(inr.load_field, bad, message)


def test_invalid_headers_are_refused_soon(files, tmp_path):
    header, _ = contents(files["Siren"][0])
    entry = '"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    metadata = f'"__metadata__":{json.dumps(header)}'
    bad = tmp_path / "bad.safetensors"
    for data, message in [
        (struct.pack("<Q", 2**40) + b"{}", "more than 262144"),
        (raw(b"{" + b" " * 2**18 + b"}"), "more than 262144"),
        (raw(b'{"a":' * 10_000), "complete safetensors file"),
        (raw(f"{{{entry},{entry}}}".encode(), bytes(4)), "a name occurs twice"),
        (raw(f"{{{metadata},{metadata}}}".encode()), "a name occurs twice"),
        (raw(f"{{{metadata},{entry}}}".encode(), bytes(4)), "the arrays of Siren"),
        (raw(f"{{{metadata},{entry}}}".encode()), "complete safetensors file"),
        (
            raw(f"{{{metadata},{entry}}}".replace("F32", "F8_E4M3").encode(), bytes(4)),
            "complete safetensors file",
        ),
        (
            raw(
                f"{{{metadata},{entry}}}".replace("F32", "F8_E4M3")
                .replace("[1]", "[4]")
                .encode(),
                bytes(4),
            ),
            "a file of dtypes F16",
        ),
        (
            raw(f"{{{metadata},{entry}}}".replace("[1]", f"[{HUGE}]").encode()),
            "complete safetensors file",
        ),
    ]:
        bad.write_bytes(data)
        refused_soon(inr.load_field, bad, message)


@pytest.mark.parametrize("load", [inr.load_field, load_model])
def test_pipes_and_folders_are_refused(tmp_path, load):
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    with refuses("`path` must be a safetensors file, got .*a pipe or a device"):
        load(tmp_path / "pipe.safetensors")
    with refuses("`path` must be a safetensors file, got the folder"):
        load(tmp_path / "folder.safetensors")


def test_a_float_of_another_precision_is_loaded(files, tmp_path):
    header, arrays = contents(files["Siren"][0])
    for dtype in (np.float16, np.float64, ml_dtypes.bfloat16):
        path = tmp_path / "a.safetensors"
        rounded = {name: x.astype(dtype) for name, x in arrays.items()}
        path.write_bytes(safetensors.numpy.save(rounded, header))
        params = inr.load_field(path).field.params
        bias = np.asarray(params["params"]["sine_0"]["bias"], np.float64)
        np.testing.assert_array_equal(bias, rounded["params/sine_0/bias"])


def test_arrays_that_are_not_finite_are_not_saved(tmp_path):
    field = bound(SIREN)
    path = tmp_path / "a.safetensors"
    for value in (np.nan, np.inf):
        field.params["params"]["sine_1"]["kernel"] = np.full((4, 4), value, np.float32)
        with refuses("`field` must hold finite arrays, .*'params/sine_1/kernel'"):
            inr.save_field(path, field)
    params = zeros(UPSCALER)
    params["params"]["decoder"]["frequencies"][0] = np.nan
    with refuses("`params` must be finite .*'params/decoder/frequencies'"):
        save_model(path, UPSCALER, params)
    assert not path.exists()


def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    path = tmp_path / "a.safetensors"
    for model, message in [
        (Loop(seed=2**20 + 1), "`model` must be a model with integers up to 1048576"),
        (Loop(options=("x" * 9000,)), "`model` must .* hyperparameters of 8192 charac"),
        (Loop(options=(3,)), r"`model` must be .* that Loop accepts, got options=\(3,"),
    ]:
        with refuses(message):
            inr.save_field(path, bound(model))
    field = bound(SIREN)
    integers = jax.tree.map(lambda x: x.astype(jnp.int32), field)
    with refuses("`field` must hold the arrays of Siren"):
        inr.save_field(path, integers)
    assert not path.exists()


def test_a_long_header_is_not_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(_model_files, "MAX_HEADER", 300)
    with refuses("`field` must be a model whose header has at most 300 bytes, got 10"):
        inr.save_field(tmp_path / "a.safetensors", bound(SIREN))
    assert not list(tmp_path.iterdir())


def test_integers_up_to_the_number_of_elements_are_loaded(tmp_path):
    for seed in (2**20, -(2**20)):
        inr.save_field(tmp_path / "a.safetensors", bound(Loop(seed=seed)))
        assert inr.load_field(tmp_path / "a.safetensors").field.model.seed == seed


def test_whole_numbers_of_a_model_are_saved_exactly(tmp_path):
    params = zeros(Lookup())
    params["order"]["index"] = np.arange(2000, dtype=np.int32) * 1001
    save_model(tmp_path / "a.safetensors", Lookup(), params)
    loaded = load_model(tmp_path / "a.safetensors")
    assert loaded.params["order"]["index"].dtype == np.int32
    jax.tree.map(np.testing.assert_array_equal, loaded.params, params)


@pytest.mark.slow
def test_pretrained_arrays_of_format_1_are_those_of_the_file():
    path = pretrained.file("textures")
    header, arrays = contents(path)
    assert header["inr_format"] == "1"
    flat = jax.tree_util.tree_leaves_with_path(load_model(path).params)
    names = [jax.tree_util.keystr(k, simple=True, separator="/") for k, _ in flat]
    assert sorted(names) == sorted(arrays)
    for name, (_, array) in zip(names, flat, strict=True):
        np.testing.assert_array_equal(array, np.float32(arrays[name]))


def test_a_full_disk_leaves_an_earlier_file(tmp_path):
    path = tmp_path / "a.safetensors"
    field, params = bound(SIREN), zeros(UPSCALER)
    path.write_bytes(b"before")
    for save in (
        lambda: inr.save_field(path, field),
        lambda: save_model(path, UPSCALER, params),
    ):
        with full_disk(), pytest.raises(OSError, match="File too large"):
            save()
        assert path.read_bytes() == b"before"
        assert list(tmp_path.iterdir()) == [path]
