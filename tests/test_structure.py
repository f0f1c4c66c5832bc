"""Rules of layout and wording, checked on the source files."""

import ast
import pathlib
import re
import statistics
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[1]
MODULES = sorted((ROOT / "inr").rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in MODULES}
# `exports` and `__init__` files are tables of names.
CODE = [path for path in MODULES if path.name != "__init__.py"]


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def functions(tree):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def exported(package):
    """Names that a package's `__init__` re-exports as `X as X`."""
    tree = TREES[ROOT / "inr" / package / "__init__.py"]
    aliases = [a for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names]
    return {a.asname for a in aliases if a.asname == a.name}


PACKAGES = {p.parent.name for p in MODULES if p.name == "__init__.py"} - {"inr"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_exported_names_cross_packages(path):
    own = path.relative_to(ROOT / "inr").parts[0]
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            assert not [a.name for a in node.names if a.name.startswith("inr.")]
        if not isinstance(node, ast.ImportFrom) or node.level:
            assert not isinstance(node, ast.ImportFrom), "relative import"
            continue
        parts = (node.module or "").split(".")
        if parts[0] != "inr" or len(parts) == 1 or parts[1] == own:
            continue
        names = {a.name for a in node.names}
        if parts[1] in PACKAGES:
            assert len(parts) == 2, f"{node.module} is a module of another package"
            assert names <= exported(parts[1]), names - exported(parts[1])
        else:
            assert not [n for n in names if n.startswith("_")], names


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_sizes(path):
    assert path.read_text().count("\n") <= 300
    for function in functions(TREES[path]):
        doc = ast.get_docstring(function, clean=False)
        docstring_lines = doc.count("\n") + 1 if doc else 0
        lines = function.end_lineno - function.lineno + 1 - docstring_lines
        assert lines <= 60, f"{function.name} has {lines} lines"


def test_the_median_module_is_short():
    assert statistics.median(p.read_text().count("\n") for p in CODE) <= 150


def test_tests_mirror_the_packages():
    """Tests of several modules at once lie beside the folders."""
    for path in (ROOT / "tests").glob("*/test_*.py"):
        package = ROOT / "inr" / path.parent.name
        module = path.name.removeprefix("test_")
        assert (package / module).is_file() or (package / f"_{module}").is_file(), path
    for path in CODE:
        package, *_ = path.relative_to(ROOT / "inr").parts
        if package in PACKAGES:
            assert any((ROOT / "tests" / package).glob("test_*.py")), package


# British spelling and the private words of version 0.1; see CONTRIBUTING.md.
SPELLING = re.compile(
    r"colour|normalis|initialis|optimis(?!m|t)|behaviour|neighbour|\bgrey|favour|"
    r"recognis|generalis|memoris|organis(?!m)|minimis|maximis|quantis|regularis|"
    r"artefact|labelled|learnt|judgement|\bcentre|licence|synthesis(e|ing)",
    re.IGNORECASE,
)
WORDS = re.compile(
    r"\bof one's own\b|\bas it stands\b|\bthe like\b|\bnobody\b|\bof yours\b|"
    r"\bis told\b|\bhas a say\b|\bwhat .{1,30} is to (a|an|the)\b",
    re.IGNORECASE,
)
# Stored names of version 0.1, mapped on reading.
ALLOWED = {"inr/_metadata.py": {"normalis", "colour"}}


def text_files():
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.toml"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("needs the git repository")
    paths = [ROOT / name for name in listed.stdout.split()]
    return [p for p in paths if p.is_file() and p != pathlib.Path(__file__).resolve()]


def test_spelling_and_words():
    wrong = []
    for path in text_files():
        name = str(path.relative_to(ROOT))
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for match in (*SPELLING.finditer(line), *WORDS.finditer(line)):
                if name == "CHANGELOG.md" or match[0].lower() in ALLOWED.get(name, ()):
                    continue
                wrong.append(f"{name}:{number}: {match[0]}")
    assert not wrong, "\n".join(wrong)


PARTICIPLES = {
    "made", "found", "wanted", "kept", "seen", "said", "shown", "held", "filled",
    "drawn", "moved", "told", "whole", "given",
}  # fmt: skip


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_values_have_nouns_for_names(path):
    stored = [
        node.id
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    parameters = [a.arg for f in functions(TREES[path]) for a in f.args.args]
    assert not PARTICIPLES & {*stored, *parameters}
