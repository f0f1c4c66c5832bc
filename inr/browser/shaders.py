"""The shaders of a page, assembled from the files in `template/`."""

import functools
import importlib.resources

from inr.browser.packing import PackedTable
from inr.fields import BoundField, HashGrid, ShaderActivation


@functools.cache
def template(name: str) -> str:
    """Text of a file in `template/`."""
    files = importlib.resources.files("inr.browser")
    return files.joinpath("template", name).read_text(encoding="utf-8")


def shader_sources(
    field: BoundField, activation: ShaderActivation | None, tables: list[PackedTable]
) -> dict[str, dict[str, str]]:
    """Fragment shaders in GLSL ES 3.00.

    Args:
      field: the field to draw.
      activation: activation of its hidden layers; None without hidden layers.
      tables: tables of a hash grid, or the cells of a feature map.

    Returns:
      For `"value"` and `"streams"` (derivatives) the shaders of a network's passes:
      `"input"`, `"hidden"` (if there are hidden layers), `"last"` and `"result"`. For
      `"canvas"` the shader `"display"`.
    """
    header, common = template("header.glsl"), template("common.glsl")
    encoding = _encoding(field, tables)
    passes: dict[str, tuple[str, ...]] = {"input": (encoding, template("input.glsl"))}
    if activation is not None:
        hidden = (template("sine.glsl"), _activation(activation))
        passes["hidden"] = (*hidden, template("layer.glsl"))
    passes["last"] = ("#define LAST\n", template("layer.glsl"))
    passes["result"] = (template("result.glsl"),)
    sources = {
        kind: {
            name: "\n".join([header, define, common, *parts])
            for name, parts in passes.items()
        }
        for kind, define in (("value", ""), ("streams", "#define STREAMS\n"))
    }
    display = "\n".join([header, template("cubic.glsl"), template("display.glsl")])
    return {**sources, "canvas": {"display": display}}


def _activation(activation: ShaderActivation) -> str:
    names = ("psi", "psi_slope", "psi_curvature")
    return "\n".join(
        f"vec4 {name}(vec4 z) {{ return {expression}; }}"
        for name, expression in zip(names, activation, strict=True)
    )


def _encoding(field: BoundField, tables: list[PackedTable]) -> str:
    model = field.model
    if field.feature_map is not None:
        h, w, k = field.feature_map.shape
        return "\n".join(
            [
                f"const int FIRST = {tables[0].first // 4};",
                f"const ivec3 MAP_SIZE = ivec3({h}, {w}, {-(-k // 4)});",
                template("cubic.glsl"),
                template("feature_map.glsl"),
            ]
        )
    if not isinstance(model, HashGrid):
        return template("coords.glsl")
    grids = ", ".join(
        f"ivec3({cells}, {table.rows}, {table.first})"
        for cells, table in zip(model.resolutions, tables, strict=True)
    )
    levels = len(tables)
    return "\n".join(
        [
            f"const int LEVELS = {levels};",
            f"const int FEATURES_PER_LEVEL = {model.features_per_level};",
            f"const ivec3 GRIDS[{levels}] = ivec3[{levels}]({grids});",
            "#define SMOOTH" if model.interpolation == "smooth" else "",
            template("hash_grid.glsl"),
        ]
    )
