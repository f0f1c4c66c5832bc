"""Rules that every public function keeps."""

import importlib.util
import inspect
import pathlib
import re
import subprocess
import sys
from importlib import metadata

import pytest

import inr

ROOT = pathlib.Path(__file__).parents[1]
MODULES = (
    inr.calculus,
    inr.color,
    inr.colorization,
    inr.coords,
    inr.diffusion,
    inr.fields,
    inr.fitting,
    inr.merging,
    inr.meta,
    inr.metrics,
    inr.models,
    inr.plot,
    inr.poisson,
    inr.pretrained,
    inr.references,
    inr.signals,
    inr.training,
    inr.upscaling,
)

# Without a result to describe.
WITHOUT_RESULT = {
    "check_options",
    "check_registered",
    "join_processes",
    "save_field",
    "save_model",
    "write_audio",
    "write_image",
    "write_mesh",
    "write_video",
}

MOST_OPTIONS, MOST_OPTIONS_OF_FITS = 8, 12
OPTIONS_OF_ALL_VERBS = {"progress", "sharding"}


def public():
    """Every public name of the library's top level and of its packages."""
    for module in (inr, *MODULES):
        for name, value in vars(module).items():
            ours = getattr(value, "__module__", "").startswith("inr.")
            if not name.startswith("_") and callable(value) and ours:
                yield f"{module.__name__}.{name}", value


NAMES = dict(public())
FUNCTIONS = {name: f for name, f in NAMES.items() if inspect.isfunction(f)}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_public_function_follows_the_rules(function):
    parameters = list(inspect.signature(function).parameters.values())
    names = [p.name for p in parameters]
    assert not {"rng", "seed", "rng_key", "prng"} & set(names)
    by_name = dict(zip(names, parameters, strict=True))
    if "key" in names and by_name["key"].default is not None:
        assert names[0] == "key"
    for parameter in parameters:
        if parameter.default is not inspect.Parameter.empty:
            # `bind(model, params, image=None)` binds with and without an image.
            keyword = parameter.kind is inspect.Parameter.KEYWORD_ONLY
            assert keyword or parameter.name == "image", parameter
    doc = inspect.getdoc(function) or ""
    assert "Args:" in doc or not parameters
    described = "Returns:" in doc or "Yields:" in doc
    assert described or function.__name__ in WITHOUT_RESULT
    for parameter in names:
        assert re.search(rf"^  \**{parameter}: ", doc, re.MULTILINE), parameter


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_number_of_options(name):
    parameters = inspect.signature(FUNCTIONS[name]).parameters.values()
    options = {
        p.name for p in parameters if p.default is not inspect.Parameter.empty
    } - OPTIONS_OF_ALL_VERBS
    verb = name.split(".")[-1]
    fits = verb.startswith("fit") or verb in ("train", "learn_init")
    assert len(options) <= (MOST_OPTIONS_OF_FITS if fits else MOST_OPTIONS)


def test_no_public_function_takes_any_keyword():
    for name, function in FUNCTIONS.items():
        kinds = {p.kind for p in inspect.signature(function).parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD not in kinds, name


def test_the_api_pages_list_every_name():
    path = ROOT / "docs" / "generate_api.py"
    spec = importlib.util.spec_from_file_location("generate_api", path)
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    modules = generator.modules()
    pages = {name: generator.page(name, x) for name, x in modules.items()}
    text = "\n".join(pages.values())
    for name in NAMES:
        module_name, _, short_name = name.rpartition(".")
        target = generator.canonical(modules[module_name], short_name)
        # One line in the table of its package, and one entry.
        listed = target.removeprefix(f"{module_name}.")
        assert re.search(rf"^   ~?{listed}$", pages[module_name], re.M), name
        assert len(re.findall(rf"^\.\. auto\w+:: {target}$", text, re.M)) == 1, name


def test_classes_are_documented():
    for name, value in NAMES.items():
        if inspect.isclass(value):
            assert inspect.getdoc(value), name


def test_the_import_is_light():
    code = (
        "import sys, inr; heavy = {'orbax', 'grain', 'matplotlib', 'av', 'PIL',"
        " 'soundfile', 'imageio', 'skimage', 'scipy.sparse', 'trimesh', 'imagecodecs'};"
        " print(heavy & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert out.stdout.decode().strip() == "set()"


def test_the_citation_and_the_package_agree_about_the_version():
    assert inr.__version__ == metadata.version("inr")
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"version: {inr.__version__}" in citation
