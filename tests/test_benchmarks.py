"""The page of the benchmarks shows what their JSON files hold."""

import pathlib
import sys

import pytest

FOLDER = pathlib.Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import tables

    yield tables
    del sys.modules["tables"]


def test_the_tables_are_those_of_the_json_files(tables):
    page = tables.PAGE.read_text()
    assert tables.updated(page) == page, "run `python benchmarks/tables.py`"
    for name in tables.TABLES:
        assert f"<!-- table {name} -->" in page


def test_a_changed_table_is_restored(tables):
    page = tables.PAGE.read_text()
    assert "| mean of six |" in page
    assert tables.updated(page.replace("| mean of six |", "| drift |")) == page
