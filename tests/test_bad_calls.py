"""A bad value of any argument is refused by an error that names the argument.

`bad_calls` holds a valid call of every public function, and the values that each of its
arguments must refuse. A new public function or parameter needs an entry there.
"""

import ast
import importlib
import inspect
import types
import warnings

import pytest
from bad_calls.kinds import OMITTED, built
from support import without_type_checks

import inr
from inr.signals import surface_terms

TABLES = (
    "codec",
    "colorization",
    "diffusion",
    "fields",
    "files",
    "fitting",
    "images",
    "merging",
    "meta",
    "models",
    "plot",
    "references",
    "signals",
    "training",
)
with without_type_checks():
    MODULES = [importlib.import_module(f"bad_calls.{table}") for table in TABLES]
    CALLS = {f: kinds for module in MODULES for f, kinds in module.CALLS.items()}

# What an error may name in place of an argument that consists of several parts.
PARTS = {
    "data": ("coords", "features", "weights", "weight"),
    "hooks": ("inpaint",),
    "mesh": ("vertices", "faces"),
    "shape": ("vertices", "faces", "points", "normals"),
    "signals": ("coords", "features"),
    "value": ("target_psnr",),
}

EXCEPTIONS = {
    (inr.render, "antialias", "unavailable"): "the error names the field's operation",
}

RESULTS = {
    "AxisDerivatives", "Derivatives", "EncodedField", "FieldFile", "FieldInfo",
    "FitDiverged", "FitInfo",
    "FitManyResult", "FitResult", "FitState", "ImageMetadata", "Info", "Match",
    "NotConverged", "PointBatch", "ScaleBatch", "Solution", "StoreInfo", "Textures",
    "TrainInfo", "TrainResult", "TrainState", "TrainingDiverged", "Trajectory",
}  # fmt: skip
CONTAINERS = {  # The functions that take them check their contents.
    "BoundField", "Box", "Cells", "FeatureMap", "FieldStore", "HintedField",
    "HypercolumnSamples", "Init", "LoadedModel", "LumaChromaField", "Mesh",
    "NoiseField", "PointCloud", "SampledField", "Sampler", "ShaderLayer", "Spline",
    "Streams",
}  # fmt: skip
LAYERS = {  # Parts of models, which check their hyperparameters.
    "Affine", "Block", "Encoder", "FlatEncoder", "SineConv", "SpanEncoder",
    "TextureExtractor", "TrunkEncoder", "WaveHead",
}  # fmt: skip
BASES = {"ConditionalModel", "GridColorizer", "ShaderActivation"}
HELPERS = {  # Called by the library with values that it has checked.
    "check_options", "check_registered", "cosine", "example_inputs",
    "first_gradient", "gray_gradient", "image_normalization",
    "mean_gradient", "perceptron", "psnr_text", "resolve_start",
    "shader_layers", "shift_to_mean", "sine", "stored_error",
}  # fmt: skip
WITHOUT_CALLS = RESULTS | CONTAINERS | LAYERS | BASES | HELPERS


def public_modules(module=inr):
    """A module, and the modules that it re-exports."""
    yield module
    for name in exports(module):
        value = getattr(module, name)
        if isinstance(value, types.ModuleType):
            yield from public_modules(value)


def exports(module):
    """Names that a module re-exports as `X as X`, or defines."""
    nodes = ast.parse(inspect.getsource(module)).body
    aliases = [a for n in nodes if isinstance(n, ast.ImportFrom) for a in n.names]
    names = [a.asname for a in aliases if a.asname == a.name]
    own = (n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef))
    return [*names, *(name for name in own if not name.startswith("_"))]


def public_callables():
    for module in public_modules():
        for name in exports(module):
            value = getattr(module, name)
            is_own = getattr(value, "__module__", "").startswith("inr.")
            if callable(value) and is_own:
                yield value


PUBLIC = list(dict.fromkeys(public_callables()))


def label(function):
    return f"{function.__module__.removeprefix('inr.')}.{function.__name__}"


def test_every_public_function_has_calls():
    names = {label(f) for f in PUBLIC if f.__name__ not in WITHOUT_CALLS}
    assert names == {label(f) for f in CALLS}
    assert {f.__name__ for f in PUBLIC} >= WITHOUT_CALLS


@pytest.mark.parametrize("function", CALLS, ids=label)
def test_every_argument_has_values(function):
    of_linen = {"parent", "name"} if inspect.isclass(function) else set()
    parameters = {*inspect.signature(function).parameters} - of_linen
    assert parameters == {*CALLS[function]}


def test_exceptions_are_rare():
    rows = [(f, n, v) for f in CALLS for n, k in CALLS[f].items() for v in k.bad]
    assert len(rows) > 8000
    assert len(EXCEPTIONS) < 0.02 * len(rows)
    assert set(EXCEPTIONS) <= set(rows)


@pytest.fixture(autouse=True)
def _as_users_call(monkeypatch, tmp_path):
    """Without type checks, and in an empty folder; shapes have few samples."""
    monkeypatch.chdir(tmp_path)
    for name in ("_VOLUME_POINTS", "_ANCHORS", "_SURFACE_POINTS"):
        monkeypatch.setattr(surface_terms, name, 256)
    with without_type_checks():
        yield


def call(function, arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = function(**arguments)
        return list(result) if inspect.isgenerator(result) else result


def problem(function, arguments, parameter):
    """What is wrong with the answer to a bad value; empty for a good error."""
    try:
        call(function, arguments)
    except (ValueError, TypeError, OSError) as error:
        names = (parameter, *PARTS.get(parameter, ()))
        is_named = any(f"`{n}`" in str(error) or f"`{n}[" in str(error) for n in names)
        return "" if is_named else f"{type(error).__name__}: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


@pytest.mark.parametrize("function", CALLS, ids=label)
def test_bad_values_are_refused_by_name(function):
    kinds = CALLS[function]
    valid = {n: built(k.valid) for n, k in kinds.items() if k.valid is not OMITTED}
    problems = {}
    for name, kind in kinds.items():
        for value_name, value in kind.bad.items():
            row = (name, value_name)
            answer = problem(function, {**valid, name: built(value)}, name)
            if bool(answer) != ((function, *row) in EXCEPTIONS):
                problems[row] = answer
    assert not problems


@pytest.mark.slow
@pytest.mark.parametrize("function", CALLS, ids=label)
def test_valid_values_are_accepted(function):
    kinds = CALLS[function].items()
    call(function, {n: built(k.valid) for n, k in kinds if k.valid is not OMITTED})
