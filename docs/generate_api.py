"""Writes the API pages: docs/api/*.rst, one for each package, with every public name.

`conf.py` calls it in each build. A name is documented once: at the top level of `inr`
if it is there, otherwise in its package. Tables are made by autosummary.
"""

import ast
import importlib
import inspect
import pathlib
from types import ModuleType
from typing import Any

import inr

FOLDER = pathlib.Path(__file__).with_name("api")


def public_names(module: ModuleType) -> dict[str, Any]:
    """Values by name: what a module re-exports (`x as x`) or defines without `_`."""
    names = set()
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ImportFrom):
            names |= {a.name for a in node.names if a.asname == a.name}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    public = sorted(name for name in names if not name.startswith("_"))
    return {name: getattr(module, name) for name in public}


def modules() -> dict[str, ModuleType]:
    """The library, its packages and their public modules, by full name."""
    result = {"inr": inr}
    queue = [inr, importlib.import_module("inr.io")]
    for module in queue:
        result[module.__name__] = module
        queue += [x for x in public_names(module).values() if inspect.ismodule(x)]
    return dict(sorted(result.items()))


def canonical(module: ModuleType, name: str) -> str:
    """Full name under which a name is documented."""
    value = getattr(module, name)
    if not _is_constant(value) and getattr(inr, name, None) is value:
        return f"inr.{name}"
    if name == "register":  # Exported by `fields` and `models`.
        return "inr.models.register"
    return f"{module.__name__}.{name}"


def page(full_name: str, module: ModuleType) -> str:
    """Text of the page of a module."""
    values = public_names(module)
    values = {name: x for name, x in values.items() if not inspect.ismodule(x)}
    constants = {name for name, x in values.items() if _is_constant(x)}
    names = {name: canonical(module, name) for name in values if name not in constants}
    lines = [f"``{full_name}``", "=" * (len(full_name) + 4), ""]
    lines += [f".. automodule:: {full_name}", "   :no-members:", ""]
    if names:
        lines += [".. autosummary::", "   :nosignatures:", ""]
        prefix = f"{full_name}."
        own = {target: target.removeprefix(prefix) for target in names.values()}
        lines += [f"   {x if '.' not in x else '~' + x}" for x in own.values()] + [""]
    for name, target in names.items():
        if target == f"{full_name}.{name}":
            lines += _entry(target, values[name])
    for name in sorted(constants):
        lines += _constant(module, name)
    return "\n".join(lines) + "\n"


def write() -> list[str]:
    """Write all pages.

    Returns:
      Full names of the modules.
    """
    FOLDER.mkdir(exist_ok=True)
    pages = {name: page(name, module) for name, module in modules().items()}
    for path in FOLDER.glob("*.rst"):
        if path.stem not in pages:
            path.unlink()
    for name, text in pages.items():
        path = FOLDER / f"{name}.rst"
        # An equal page keeps its date, so that a second build reads only what changed.
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return list(pages)


def _is_constant(value: Any) -> bool:
    """Whether a value is a type alias or another value without its own docstring."""
    home = getattr(value, "__module__", None) or ""
    return not inspect.isclass(value) and not home.startswith("inr")


def _entry(target: str, value: Any) -> list[str]:
    if inspect.isclass(value):
        return [f".. autoclass:: {target}", "   :members:", ""]
    return [f".. autofunction:: {target}", ""]


def _constant(module: ModuleType, name: str) -> list[str]:
    """A constant or type alias, with the text below its definition."""
    text = _text_below(module, name)
    return [
        f".. py:data:: {module.__name__}.{name}",
        "",
        *(f"   {line}".rstrip() for line in text.splitlines()),
        "",
    ]


def _text_below(module: ModuleType, name: str) -> str:
    body = ast.parse(inspect.getsource(module)).body
    for node in body:
        if isinstance(node, ast.ImportFrom) and name in {a.name for a in node.names}:
            return _text_below(importlib.import_module(str(node.module)), name)
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if name in {x.id for x in targets if isinstance(x, ast.Name)}:
                is_text = isinstance(following, ast.Expr)
                value = following.value if is_text else None
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    return inspect.cleandoc(value.value)
                constant = getattr(module, name)
                is_tuple = isinstance(constant, tuple)
                return f"``{constant if is_tuple else ast.unparse(node.value)}``"
    return ""


if __name__ == "__main__":
    print(*write(), sep="\n")
