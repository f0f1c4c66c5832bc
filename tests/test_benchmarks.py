"""The page of the benchmarks shows what their JSON files hold."""

import json
import pathlib
import re
import shutil
import sys

import pytest

FOLDER = pathlib.Path(__file__).parents[1] / "benchmarks"
UNIT = r"(?:dB|ms|s|us|minutes?|hours?|MiB|GiB|MB|GB|%|points/s|GFLOP/s)"
WITH_UNIT = re.compile(rf"(?<![\w.])\d[\d.,]*(?:e[-+]?\d+)? ?{UNIT}(?![\w/])")
DECIMAL = re.compile(r"(?<![\w.^/-])\d+\.\d+(?![\w.])|\b\d(?:\.\d+)?e[-+]?\d+")


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import tables

    yield tables
    del sys.modules["tables"]


@pytest.fixture(scope="module")
def template():
    return (FOLDER / "page.md").read_text()


def bare_figures(template):
    """Figures outside of expressions: with a unit, or decimals in cells of tables."""
    figures = []
    for line in re.sub(r"\{[^{}]+\}", "", template).splitlines():
        figures += WITH_UNIT.findall(line)
        if line.startswith("|"):
            figures += DECIMAL.findall(line)
    return figures


def test_the_page_is_the_rendered_template(tables, template):
    page = tables.PAGE.read_text()
    assert tables.rendered(template) == page, "run `python benchmarks/tables.py`"


def test_a_changed_value_changes_the_page(tables, template, tmp_path):
    for path in FOLDER.glob("*.json"):
        shutil.copy(path, tmp_path)
    path = tmp_path / "fit.json"
    rows = json.loads(path.read_text())
    rows["step"]["inr_ms"] = 123456.0
    path.write_text(json.dumps(rows))
    page = tables.rendered(template, tmp_path)
    assert "| 123456 ms |" in page
    assert "| 123456 ms |" not in tables.PAGE.read_text()


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("{nothing/step/inr_ms:.0f}", "no file nothing.json"),
        ("{fit/nothing/inr_ms:.0f}", "no 'nothing' in fit.json"),
        ("{fit/step/nothing:.0f}", "no 'nothing' in fit/step"),
        ("{fit/paper/torch_eager_end/7:.0f}", "no '7' in fit/paper"),
        ("{fit/step/inr_ms}", "has no format"),
        ("{fit/step/inr_ms:d}", "inr_ms:d}: Unknown format"),
    ],
)
def test_an_unknown_figure_is_an_error_that_names_it(tables, expression, message):
    with pytest.raises((KeyError, ValueError), match=re.escape(message)):
        tables.rendered(expression)


def test_arithmetic_and_marks(tables, tmp_path):
    stamp = {"machine": "laptop", "date": "2026-01-02", "commit": "abc"}
    rows = {"first row, 1.5": {"a": 3.0, "b": [1, 2], **stamp}}
    (tmp_path / "file.json").write_text(json.dumps(rows))
    text = "## Title\n\n{file/first row, 1.5/a * 2 - 1:.1f} {published 37.0 dB}\n"
    text += "{unmeasured}{file/next/a:d}\n{file/first row, 1.5/b:d}"
    page = tables.rendered(text, tmp_path)
    assert page == (
        "## Title\n\n5.0 37.0 dB\n1, 2\n\n"
        "Measured on laptop; 2026-01-02; commit abc.\n\n"
    )


def test_lines_without_figures_yet_cannot_be_rendered(tables, template):
    """After the next run of a script, the mark of its lines must go."""
    lines = re.findall(r"(?m)^\{unmeasured\}(.*\{.*)$", template)
    assert lines
    for line in lines:
        with pytest.raises(KeyError):
            tables.rendered(line)


def test_every_figure_of_the_template_is_an_expression_or_marked(template):
    assert not bare_figures(template)


@pytest.mark.parametrize(
    "text", ["| 1.25 |", "it takes 12 s", "| 3e-4 |", "gains 0.3 dB", "70 % of"]
)
def test_a_bare_figure_is_found(text):
    assert bare_figures(text)
