"""Tables of README.md, generated from the JSON files.

    python benchmarks/tables.py

A table stands between the lines `<!-- table NAME -->` and `<!-- end -->`. A test fails
when it differs from the JSON.
"""

import json
import re

from _common import HERE

PAGE = HERE / "README.md"


def between() -> list[list[str]]:
    """Fits with default options, rendered at twice their size."""
    rows = _rows("between")
    names = [key.removeprefix("Siren_") for key in rows if key.startswith("Siren_")]
    table = [
        ["image", "field", "bicubic", "Lanczos", "gain over bicubic", "means, PSNR"]
    ]
    for name in names:
        row = rows[f"Siren_{name}"]
        if "field" in row:
            scores = [row[k] for k in ("field", "bicubic", "Lanczos")]
            gain = f"{row['gain_over_bicubic']:+.2f}"
            cells = [*(f"{s:.2f}" for s in scores), gain, f"{row['psnr_of_means']:.1f}"]
            table.append([name, *cells])
    mean = rows["Siren_mean_judged"]
    summary = f"{mean['gain_over_bicubic']:+.2f}"
    table.append(["mean of six", "", "", "", summary, f"{mean['psnr_of_means']:.1f}"])
    return table


TABLES = {"between": between}


def updated(text: str) -> str:
    """The page with all tables generated anew."""
    for name, make in TABLES.items():
        pattern = rf"(<!-- table {name} -->\n).*?(<!-- end -->)"
        lines = "\n".join(_markdown(make()))
        text = re.sub(pattern, rf"\1\n{lines}\n\n\2", text, flags=re.DOTALL)
    return text


def _rows(name: str) -> dict:
    return json.loads((HERE / f"{name}.json").read_text())


def _markdown(table: list[list[str]]) -> list[str]:
    header, *body = ["| " + " | ".join(row) + " |" for row in table]
    return [header, "|" + "---|" * len(table[0]), *body]


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text()))
