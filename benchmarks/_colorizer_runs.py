"""The stored runs of colorizers: reading, a table, and a plot."""

import json
from collections.abc import Collection, Mapping

import _common
import numpy as np


def all_runs() -> dict:
    """All rows of the JSON file, by name."""
    path = _common.HERE / "colorizers.json"
    return json.loads(path.read_text()) if path.exists() else {}


def final_runs() -> list[dict]:
    """Runs after tuning."""
    rows = [row for row in all_runs().values() if "seed" in row]
    return [row for row in rows if not row["tuning"]]


def table(variants: Collection[str], target: float, ends: Mapping[int, float]) -> None:
    """Print one line for each number of images and variant.

    Args:
      variants: names, in the order of the table.
      target: training loss to which epochs are counted.
      ends: training loss at which runs end, by the number of images.
    """
    rows = final_runs()
    for count in sorted({row["images"] for row in rows}):
        for variant in variants:
            group = [r for r in rows if (r["images"], r["variant"]) == (count, variant)]
            if group:
                epochs = [r["epochs"] for r in group]
                to_end = [r["epochs_to_end"] for r in group]
                validation = [r["validation"] for r in group]
                lowest = np.mean([r["lowest_validation"] for r in group])
                print(
                    f"{count} images, {variant}: rate {group[0]['rate']:g}, epochs to "
                    f"{target} {epochs}, to {ends[count]} {to_end}, "
                    f"loss {np.mean([r['loss'] for r in group]):.4f}, "
                    f"validation {np.mean(validation):.4f} +- {np.std(validation):.4f},"
                    f" lowest {lowest:.4f}"
                )


def plot(variants: Collection[str], target: float) -> None:
    """Write curves of the training losses to `docs/colorizers.png`."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    rows = final_runs()
    counts = sorted({row["images"] for row in rows})
    if not counts:
        return
    figure, axes = pyplot.subplots(
        1, len(counts), figsize=(5 * len(counts), 4), squeeze=False
    )
    for axis, count in zip(axes[0], counts, strict=True):
        for i, variant in enumerate(variants):
            for row in rows:
                if (row["images"], row["variant"]) == (count, variant):
                    label = variant if row["seed"] == 0 else None
                    axis.semilogy(row["curve"], color=f"C{i}", label=label, alpha=0.7)
        axis.axhline(target, color="gray", linewidth=0.5)
        images = "one image" if count == 1 else f"{count} images"
        axis.set(title=images, xlabel="epoch", ylabel="training loss")
        axis.legend()
    figure.tight_layout()
    figure.savefig(_common.HERE.parent / "docs" / "colorizers.png", dpi=80)
