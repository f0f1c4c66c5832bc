"""Render README.md from the template page.md and the JSON files.

    python benchmarks/tables.py

Braces in the template hold one of these:

- `{fit/step/inr_ms:.0f}`: a figure: file, row, key, and keys within; then its format.
  Values and numbers joined by ` + `, ` - `, ` * ` or ` / `, with spaces around, are
  combined from left to right: `{fit/step/inr_ms / 1000:.2f}`.
- `{table between}`: a table with a row for each row of a file, by a function below.
- `{published 37.0 dB}`, `{setting 1e-6}`: a figure that was not measured here, and a
  number that was chosen.
- `{unmeasured}` at the start of a line: it is left out, because the next run of its
  script stores its figures.

Every section ends with the machine, date and commit of the rows it shows. A test fails
when README.md differs from the rendered template, or a figure in the template is bare.
"""

import json
import operator
import pathlib
import re
from collections.abc import Callable, Iterable

import numpy as np
from _common import HERE

TEMPLATE, PAGE = HERE / "page.md", HERE / "README.md"
OPERATORS = {
    " + ": operator.add,
    " - ": operator.sub,
    " * ": operator.mul,
    " / ": operator.truediv,
}


class Results:
    """Rows of the JSON files in a folder; `shown` lists those that were read."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.files, self.shown = folder, {}, []

    def file(self, name: str) -> dict[str, dict]:
        if name not in self.files:
            path = self.folder / f"{name}.json"
            if not path.exists():
                raise KeyError(f"no file {path.name}")
            self.files[name] = json.loads(path.read_text())
        return self.files[name]

    def row(self, file: str, name: str) -> dict:
        row = _entry(self.file(file), name, f"{file}.json")
        self.shown.append(row)
        return row

    def value(self, path: str) -> object:
        """The value at `file/row/key`, or at a key or index within it."""
        file, name, *keys = path.split("/")
        value = self.row(file, name)
        for key in keys:
            value = _entry(value, key, f"{file}/{name}")
        if value is None:
            raise KeyError(f"{path} is null")
        return value


def _entry(container: dict | list, key: str, place: str) -> object:
    try:
        return container[int(key) if isinstance(container, list) else key]
    except (KeyError, IndexError):
        raise KeyError(f"no {key!r} in {place}") from None


def rendered(template: str, folder: pathlib.Path = HERE) -> str:
    """The page: figures in place of expressions, and a line of origin per section."""
    results = Results(folder)
    template = re.sub(r"(?m)^\{unmeasured\}.*\n", "", template)
    template = re.sub(r"\n{3,}", "\n\n", template)
    sections = re.split(r"(?m)^(?=##+ )", template)
    return "".join(_section(text, results) for text in sections)


def _section(text: str, results: Results) -> str:
    results.shown = []
    text = re.sub(r"\{([^{}]+)\}", lambda match: _figure(match[1], results), text)
    origin = _origin(results.shown)
    return text.rstrip() + f"\n\n{origin}\n\n" if origin else text


def _figure(expression: str, results: Results) -> str:
    word, _, rest = expression.partition(" ")
    if word in ("published", "setting"):
        return rest
    if word == "table":
        return "\n".join(_markdown(TABLES[rest](results)))
    formula, _, spec = expression.rpartition(":")
    if not formula:
        raise ValueError(f"{{{expression}}} has no format, such as {{a/b/c:.1f}}")
    first, *others = re.split(r"( [-+*/] )", formula)
    value = _operand(first, results)
    for sign, term in zip(others[::2], others[1::2], strict=True):
        value = OPERATORS[sign](value, _operand(term, results))
    values = value if isinstance(value, list) else [value]
    try:
        return ", ".join(format(x, spec) for x in values)
    except ValueError as error:
        raise ValueError(f"{{{expression}}}: {error}") from None


def _operand(text: str, results: Results) -> object:
    return results.value(text) if "/" in text else float(text)


def _origin(rows: Iterable[dict]) -> str:
    """Machine, date and commit of rows, each combination once."""
    groups = {}
    for row in rows:
        dates, commits = groups.setdefault(row["machine"], (set(), set()))
        dates.add(row["date"])
        commits.add(row.get("commit") or "not stored")
    lines = []
    for machine, texts in sorted(groups.items()):
        dates, commits = (" and ".join(sorted(x)) for x in texts)
        lines.append(f"Measured on {machine}; {dates}; commit {commits}.")
    return "\n".join(lines)


def between(results: Results) -> list[list[str]]:
    """Fits with default options, rendered at twice their size."""
    table = [
        ["image", "field", "bicubic", "Lanczos", "gain over bicubic", "means, PSNR"]
    ]
    for key, row in results.file("between").items():
        if key.startswith("Siren_") and "field" in row:
            row = results.row("between", key)
            scores = [f"{row[k]:.2f}" for k in ("field", "bicubic", "Lanczos")]
            gain = f"{row['gain_over_bicubic']:+.2f}"
            name = key.removeprefix("Siren_")
            table.append([name, *scores, gain, f"{row['psnr_of_means']:.1f}"])
    mean = results.row("between", "Siren_mean_judged")
    gain, means = f"{mean['gain_over_bicubic']:+.2f}", f"{mean['psnr_of_means']:.1f}"
    return [*table, [f"mean of {mean['images']}", "", "", "", gain, means]]


def masks(results: Results) -> list[list[str]]:
    """Errors of training with masks, relative to those without, with equal seeds."""
    from scipy import stats

    parts, seeds = ("restored", "luma", "colorized"), range(3)
    names = [f"cells_{x}" for x in (4, 8, 16, 32, "uniform", "dynamic")]

    def errors(name: str) -> np.ndarray:
        rows = [results.row("restorer_options", f"{name}_seed_{i}_400") for i in seeds]
        return np.array([[row[part] for part in parts] for row in rows])

    plain = errors("plain")
    table = [["masks", "RGB, restored", "luma, restored", "RGB, colorized"]]
    table.append(["none", *(f"{x:.5f}" for x in plain.mean(0))])
    for name in names:
        change = 100 * (errors(name) / plain - 1)
        half = stats.sem(change) * stats.t.ppf(0.975, len(seeds) - 1)
        cells = [
            f"{m:+.1f} +- {h:.1f} %" for m, h in zip(change.mean(0), half, strict=True)
        ]
        table.append([name.replace("_", " "), *cells])
    return table


def colorizers(results: Results) -> list[list[str]]:
    """Runs of colorizers after tuning: one line per images and activations."""
    variants = ("FR", "SRS", "S130")
    groups = {}
    for name, row in results.file("colorizers").items():
        if row.get("tuning") is False and row["variant"] in variants:
            group = groups.setdefault((row["images"], row["variant"]), [])
            group.append(results.row("colorizers", name))
    table = [["images", "activations", "learning rate", "epochs", "training loss"]]
    table[0] += ["held-out loss", "lowest held-out loss"]
    for images, variant in sorted(groups, key=lambda g: (g[0], variants.index(g[1]))):
        rows = groups[images, variant]
        epochs = ", ".join(str(row["epochs"] or "not reached") for row in rows)
        losses = ", ".join(f"{row['loss']:.4f}" for row in rows)
        scores = ("validation", "lowest_validation")
        means = [f"{np.mean([row[k] for row in rows]):.4f}" for k in scores]
        rate = f"{rows[0]['rate']:g}"
        table.append([str(images), variant, rate, epochs, losses, *means])
    return table


TABLES: dict[str, Callable[[Results], list[list[str]]]] = {
    "between": between,
    "masks": masks,
    "colorizers": colorizers,
}


def _markdown(table: list[list[str]]) -> list[str]:
    header, *body = ["| " + " | ".join(row) + " |" for row in table]
    return [header, "|" + "---|" * len(table[0]), *body]


if __name__ == "__main__":
    PAGE.write_text(rendered(TEMPLATE.read_text()))
