"""House rules that every public function keeps, so that nobody has to remember them."""

import inspect
import pathlib
import re

import pytest

import inr

ROOT = pathlib.Path(__file__).parents[1]
MODULES = (
    inr.calculus,
    inr.coords,
    inr.color,
    inr.diffusion,
    inr.merging,
    inr.metrics,
    inr.poisson,
    inr.pretrained,
    inr.colorization,
    inr.models,
    inr.references,
    inr.upscaling,
    inr.signals,
    inr.training,
)


def public():
    """Every public name of the library's top level and of its modules of functions."""
    for module in (inr, *MODULES):
        for name, value in vars(module).items():
            ours = getattr(value, "__module__", "").startswith(module.__name__)
            if not name.startswith("_") and callable(value) and ours:
                yield f"{module.__name__}.{name}", value


FUNCTIONS = [(name, f) for name, f in public() if inspect.isfunction(f)]
NAMES = [name for name, _ in public()]


@pytest.mark.parametrize("function", dict(FUNCTIONS).values(), ids=dict(FUNCTIONS))
def test_a_public_function_follows_the_rules(function):
    parameters = list(inspect.signature(function).parameters.values())
    names = [p.name for p in parameters]
    assert not {"rng", "seed", "rng_key", "prng"} & set(names)
    by_name = dict(zip(names, parameters, strict=True))
    if "key" in names and by_name["key"].default is not None:
        assert names[0] == "key"
    for parameter in parameters:
        if (
            parameter.default is not inspect.Parameter.empty
            and parameter.name != "image"
        ):
            assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, parameter
    doc = inspect.getdoc(function) or ""
    assert "Args:" in doc or not parameters
    assert "Returns:" in doc or "Yields:" in doc or function.__name__ in _NO_RESULT
    for parameter in names:
        assert re.search(rf"^  {parameter}: ", doc, re.MULTILINE), parameter


_NO_RESULT = (
    "save_field",
    "save_model",
    "write_audio",
    "write_image",
    "write_mesh",
    "write_video",
)


def test_the_readme_lists_every_public_name():
    table = (ROOT / "README.md").read_text()
    missing = [
        n for n in NAMES if f"`{n.split('.')[-1]}`" not in table.replace("inr.", "")
    ]
    assert not missing


def test_classes_are_documented():
    for name, value in public():
        if inspect.isclass(value):
            assert inspect.getdoc(value), name


def test_the_import_is_light():
    import subprocess
    import sys

    code = (
        "import sys, inr; heavy = {'orbax', 'grain', 'matplotlib', 'av', 'PIL',"
        " 'soundfile', 'imageio', 'skimage', 'scipy.sparse', 'trimesh'};"
        " print(heavy & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert out.stdout.decode().strip() == "set()"


def test_the_citation_and_the_package_agree_about_the_version():
    from importlib import metadata

    assert f"version: {metadata.version('inr')}" in (ROOT / "CITATION.cff").read_text()
