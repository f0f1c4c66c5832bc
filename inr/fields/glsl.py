"""A field as a fragment shader, for display in a browser.

Notation. A layer maps h to psi(h W + b). Here h is split into vec4s h_j and W into 4x4
blocks W_jo, so block o of the output is psi(sum_j h_j W_jo + b_o). GLSL fills a matrix
column by column and multiplies it from the left, mat * vec, so the numbers of a block
are in the order of W. If a width is not divisible by 4, W and b are padded with zeros.
"""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from inr import _checks
from inr._typing import ArrayLike, Size
from inr.fields.activations import Finer, Gauss
from inr.fields.bound import BoundField
from inr.fields.shader_network import ShaderLayer, shader_layers
from inr.fields.siren import Siren

_MAX_CHARACTERS = 65_536


def to_glsl(
    field: BoundField, *, size: Size | None = None, standalone: bool = False
) -> str:
    """Write a fragment shader that displays a small field of an image.

    The shader defines `vec3 field(vec2 coords)`, with coords (y, x) as in the rest of
    the library, and `mainImage` of Shadertoy: paste it at
    https://www.shadertoy.com/new. Pixel centers and orientation equal those of
    `render`. Features are not converted, because both they and the canvas are
    sRGB-encoded. A gray field fills all three channels.

    The limit is 65,536 characters, about 4,900 parameters, because editors such as
    Shadertoy limit the text and browsers compile long shaders slowly. Numbers are
    written so that they read back as the same float32. GPUs compute sines less
    accurately than XLA, and the `dtype` of a model has no effect.

    Args:
      field: bound `Siren`, `Finer` or `Gauss` from 2 coords to 1 or 3 features.
      size: `(h, w)` of the signal, which keeps its aspect ratio between black bars. By
        default it fills the canvas.
      standalone: write a complete shader in GLSL ES 3.00, for WebGL 2, whose uniform
        `iResolution` is the size of the canvas (w, h, 1).

    Returns:
      The text of the shader.

    Raises:
      TypeError: if `field` is not a bound field of one of these families.
      ValueError: if it has other than 2 coords or other than 1 or 3 features, contains
        NaN or infinity, or is too large.
    """
    size = None if size is None else _checks.as_size("size", size, 2)
    _checks.check_flag("standalone", standalone)
    layers = shader_layers(field, families=(Siren, Finer, Gauss))
    activation = layers[0].activation
    assert activation is not None  # only the last layer is linear
    model: Any = field.model
    count = sum(x.size for x in jax.tree.leaves(field.params["params"]))
    parts = [
        f"// {type(model).__name__}, width {model.width}, depth {model.depth}: "
        f"{count} parameters. Written by inr.",
        f"vec4 psi(vec4 z) {{\n    return {activation.value};\n}}",
        _field_function(field, layers),
        _main_image(size),
    ]
    if standalone:
        parts = [_STANDALONE_HEAD, *parts, _STANDALONE_MAIN]
    text = "\n\n".join(parts) + "\n"
    if len(text) > _MAX_CHARACTERS:
        raise _checks.fail(
            "field",
            f"small enough for a shader of {_MAX_CHARACTERS} characters",
            f"{len(text)} characters for {count} parameters",
            "Fit a narrower one, such as `width=32, depth=3`.",
        )
    return text


_STANDALONE_HEAD = """#version 300 es
precision highp float;
uniform vec3 iResolution;
out vec4 color;"""

_STANDALONE_MAIN = """void main() {
    mainImage(color, gl_FragCoord.xy);
}"""


def _field_function(field: BoundField, layers: Sequence[ShaderLayer]) -> str:
    """`vec3 field(vec2 coords)`: normalization, the layers, denormalization."""

    def normalized(name: str, x: str, length: int) -> str:
        maps = field.params["normalization"]
        scale, shift = maps[f"{name}_scale"], maps[f"{name}_shift"]
        return f"{x} * {_vector(scale, length)} + {_vector(shift, length)}"

    lines = [f"vec2 x = {normalized('coords', 'coords', 2)};"]
    inputs = ["x"]
    *hidden, linear = layers
    for i, layer in enumerate(hidden):
        sums = _sums(inputs, layer.kernel, layer.bias, length=4)
        inputs = [f"h{i}_{o}" for o in range(len(sums))]
        lines += [f"vec4 {h} = psi({z});" for h, z in zip(inputs, sums, strict=True)]
    # Gray is three equal channels.
    kernel, bias = (np.broadcast_to(x, (*x.shape[:-1], 3)) for x in linear[:2])
    (y,) = _sums(inputs, kernel, bias, length=3)
    lines += [f"vec3 y = {y};", f"return {normalized('features', 'y', 3)};"]
    return "vec3 field(vec2 coords) {\n    " + "\n    ".join(lines) + "\n}"


def _sums(
    inputs: list[str], kernel: np.ndarray, bias: np.ndarray, *, length: int
) -> list[str]:
    """sum_j h_j W_jo + b_o for every block o of `length` outputs."""
    rows = len(inputs) * (2 if inputs == ["x"] else 4) - len(kernel)
    columns = -len(bias) % length
    kernel, bias = np.pad(kernel, ((0, rows), (0, columns))), np.pad(bias, (0, columns))
    sums = []
    for o in range(0, len(bias), length):
        blocks = np.split(kernel[:, o : o + length], len(inputs))
        terms = [f"{_matrix(w)} * {h}" for w, h in zip(blocks, inputs, strict=True)]
        terms.append(_vector(bias[o : o + length], length))
        sums.append("\n        + ".join(terms))
    return sums


def _main_image(size: Size | None) -> str:
    extent = "iResolution.xy"
    if size is not None:
        h, w = (_numbers(n) for n in size)
        extent = f"vec2({w}, {h}) * min(iResolution.x / {w}, iResolution.y / {h})"
    # fragCoord is i + 1/2 at pixel i, counted from the lower left corner.
    return f"""void mainImage(out vec4 fragColor, in vec2 fragCoord) {{
    vec2 extent = {extent};
    vec2 p = (2.0 * fragCoord - iResolution.xy) / extent;
    float inside = step(max(abs(p.x), abs(p.y)), 1.0);
    fragColor = vec4(inside * field(vec2(-p.y, p.x)), 1.0);
}}"""


def _matrix(block: np.ndarray) -> str:
    columns, rows = block.shape
    return f"mat{columns}x{rows}({_numbers(block)})"


def _vector(values: ArrayLike, length: int) -> str:
    return f"vec{length}({_numbers(np.broadcast_to(values, (length,)))})"


def _numbers(values: ArrayLike) -> str:
    """Shortest decimals that read back as the same float32, separated by commas."""
    return ",".join(map(str, np.asarray(values, np.float32).ravel()))
