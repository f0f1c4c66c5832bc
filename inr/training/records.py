"""The rows of a training's metrics, in memory and in a file of JSON lines."""

import json
import math
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from inr import _checks


class Records:
    """One row a step, a mapping from names to numbers.

    The file holds no times, so that a training gives the same bytes every time.
    """

    def __init__(self, path: pathlib.Path | None, step: int):
        """Takes the rows up to `step` from a file, and drops those behind from it."""
        self.rows: list[dict[str, Any]] = []
        self._path = path
        if path is not None and path.exists():
            self.rows = _rows_until(path, step)
            new = path.with_name(path.name + ".new")
            new.write_text("".join(_line(row) for row in self.rows))
            os.replace(new, path)

    def add(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Adds a row; what is not a number yet becomes one. The file has it at once."""
        numbers = {name: _number(name, value) for name, value in row.items()}
        self.rows.append(numbers)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(_line(numbers))
        return numbers


def _rows_until(path: pathlib.Path, step: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with path.open() as file:
        for line in file:
            try:
                row = json.loads(line)
            except json.JSONDecodeError:  # cut short as the process was killed
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


def _line(row: Mapping[str, int | float]) -> str:
    """Strict JSON has no NaN and no infinity: both are null."""
    finite = {
        name: value if math.isfinite(value) else None for name, value in row.items()
    }
    return json.dumps(finite) + "\n"
