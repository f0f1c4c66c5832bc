"""A figure of matplotlib that a notebook shows without `pyplot`."""

import io

from matplotlib.figure import Figure


class NotebookFigure(Figure):
    """A figure with its own picture for notebooks."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()
