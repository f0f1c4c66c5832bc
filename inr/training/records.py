"""The rows of a training's metrics, in memory and in a file of JSON lines."""

import json
import math
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from inr import _checks

Row = dict[str, int | float]
"""Metrics by name, and their `step`."""


class Records:
    """A growing list of rows, each a mapping from names to numbers.

    The file contains no times, so that equal trainings write equal bytes.
    """

    def __init__(self, path: pathlib.Path | None, step: int):
        """Read the rows up to `step` from the file, and delete later ones from it."""
        self.rows: list[Row] = []
        self._path = path
        if path is not None and path.exists():
            self.rows = _rows_until(path, step)
            new = path.with_name(path.name + ".new")
            new.write_text("".join(_line(row) for row in self.rows))
            os.replace(new, path)

    def add(self, row: Mapping[str, Any]) -> Row:
        """Convert a row's values to numbers, store it, and write it to the file."""
        numbers = {name: _number(name, value) for name, value in row.items()}
        self.rows.append(numbers)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(_line(numbers))
        return numbers


def _rows_until(path: pathlib.Path, step: int) -> list[Row]:
    rows: list[Row] = []
    with path.open() as file:
        for line in file:
            try:
                row = json.loads(line)
            except json.JSONDecodeError:  # The process was killed within this line.
                break
            if row["step"] > step:
                break
            nan = {name: math.nan for name, value in row.items() if value is None}
            rows.append({**row, **nan})
    return rows


def _number(name: str, value: Any) -> int | float:
    value = np.asarray(value)
    if value.ndim != 0:
        raise _checks.fail(name, "a number", f"shape {value.shape}", "Take its mean.")
    return int(value) if value.dtype.kind in "biu" else float(value)


def _line(row: Row) -> str:
    """A line of strict JSON, which has no NaN and no infinity: both become null."""
    finite = {
        name: value if math.isfinite(value) else None for name, value in row.items()
    }
    return json.dumps(finite) + "\n"
