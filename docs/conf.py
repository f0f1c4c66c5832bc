"""Configuration of the documentation: `sphinx-build -W docs docs/_build`."""

import pathlib
import re
import sys

import inr

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

import generate_api  # noqa: E402
import plot_benchmarks  # noqa: E402

generate_api.write()
plot_benchmarks.write()

project = "inr"
author = "the authors of inr"
copyright = "the authors of inr"
version = release = inr.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build", "_pages", "jupyter_execute"]

# Pages are MyST Markdown. Those with a Jupytext header are notebooks, which run once
# and again when their code changes.
myst_enable_extensions = ["colon_fence", "attrs_block"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / ".jupyter_cache")
nb_execution_in_temp = True
nb_execution_timeout = 600
nb_execution_raise_on_error = True
# Progress bars are the only output on stderr of a page that runs.
nb_output_stderr = "remove"

# Docstrings name code in single backticks; public names become links.
default_role = "py:obj"
autosummary_generate = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_attr_annotations = False

html_theme = "furo"
html_title = f"inr {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_pages"]
html_show_copyright = False
html_copy_source = False
linkcheck_timeout = 20


def _skip(app, what, name, value, skip, options):
    """Leave out the fields of named tuples, which the class describes."""
    is_field = type(value).__name__ == "_tuplegetter"
    return True if is_field else None


def _escape(app, what, name, value, options, lines):
    """Bars and stars outside of code are mathematics, not markup."""
    is_example = False  # from a prompt to the next empty line
    for i, line in enumerate(lines):
        is_example = line.strip() != "" and (is_example or ">>>" in line)
        if is_example:
            continue
        parts = line.split("`")
        parts[::2] = [re.sub(r"(?<!\\)([|*])", r"\\\1", part) for part in parts[::2]]
        lines[i] = "`".join(parts)


def setup(app):
    # Before napoleon, whose output contains markup.
    app.connect("autodoc-process-docstring", _escape, priority=100)
    app.connect("autodoc-skip-member", _skip)
