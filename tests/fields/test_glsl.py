"""Shaders are checked by a compiler, and by running their text in NumPy.

The interpreter implements GLSL without the library: a vector is an array `[length, n]`
over n pixels, and a matrix is filled column by column, as the specification requires.
"""

import re
import shutil
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import mostly_slow, refuses

import inr
from inr import coords

MODELS = [
    inr.Siren(1, width=8, depth=1, omega=7.0),
    inr.Siren(3, width=8, depth=2, hidden_omega=(20.0, 5.0)),
    inr.Siren(1, width=7, depth=3),
    inr.Siren(3, width=13, depth=1),
    inr.Siren(3, width=2, depth=2),
    inr.Siren(3, width=5, depth=0),
    inr.Finer(3, width=6, depth=2, omega=10.0),
    inr.Gauss(1, width=6, depth=2, scale=3.0),
]
# Sums have another order, and a sine layer of omega 30 multiplies the rounding error.
TOLERANCE = 1e-4
NAMES = [f"{type(m).__name__}-{m.features}-{m.width}x{m.depth}" for m in MODELS]


def bound(model, *, ndim=2):
    """A field in which no number is 0 or 1, including normalization and biases."""
    params = model.init(jax.random.key(0), jnp.zeros((1, ndim), jnp.float32))
    rng = np.random.default_rng(0)

    def perturb(path, x):
        if "normalization" in str(path):
            x = rng.uniform(0.3, 0.9, x.shape)
        else:
            x = x + rng.normal(0, 0.5 if "linear" in str(path) else 0.05, x.shape)
        return jnp.asarray(x, jnp.float32)

    return inr.bind(model, jax.tree.map_with_path(perturb, params))


@pytest.fixture(scope="module", params=mostly_slow(MODELS, *MODELS[5:7]), ids=NAMES)
def field(request):
    return bound(request.param)


class Matrix:
    """A matrix filled column by column, and its product with a vector."""

    def __init__(self, columns, rows):
        self.shape = columns, rows

    def __call__(self, *numbers):
        columns, rows = self.shape
        matrix = Matrix(columns, rows)
        matrix.columns = np.float32(numbers).reshape(columns, rows)
        return matrix

    def __mul__(self, vector):
        assert len(vector) == len(self.columns)
        return sum(x * c[:, None] for x, c in zip(vector, self.columns, strict=True))


def vector(length):
    """The constructor `vecN` from scalars and vectors."""

    def construct(*parts):
        parts = [np.float32(p) for p in parts]
        parts = [p if p.ndim == 2 else np.atleast_1d(p)[None] for p in parts]
        n = max(p.shape[1] for p in parts)
        values = np.concatenate([np.broadcast_to(p, (len(p), n)) for p in parts])
        assert len(values) == length
        return values

    return construct


BUILT_IN = {
    "sin": np.sin,
    "exp": np.exp,
    "abs": np.abs,
    "max": np.maximum,
    "min": np.minimum,
    "step": lambda edge, x: np.float32(x >= edge),
    **{f"vec{n}": vector(n) for n in (2, 3, 4)},
    **{f"mat{n}x{m}": Matrix(n, m) for n in (2, 3, 4) for m in (2, 3, 4)},
}
FUNCTION = re.compile(r"^\w+ (\w+)\(([^)]*)\) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)


def interpreted(text, size):
    """Translate the functions of a shader to functions of arrays over pixels."""
    functions = dict(BUILT_IN)
    functions["iResolution"] = np.float32([[size[1]], [size[0]], [1]])
    for name, arguments, body in FUNCTION.findall(text):
        names = [a.split()[-1] for a in arguments.split(",")]
        inputs = [a.split()[-1] for a in arguments.split(",") if "out" not in a]
        lines = [f"def {name}({', '.join(inputs)}):"]
        for statement in body.split(";")[:-1]:
            python = " ".join(statement.split())
            python = re.sub(r"^(float|vec\d) (\w+ =)", r"\2", python)
            python = re.sub(r"\.([xyz]+)\b", _swizzle, python)
            lines.append(f"    {python}")
        if len(inputs) < len(names):
            lines.append(f"    return {names[0]}")
        exec("\n".join(lines), functions)
    return functions


def _swizzle(match):
    axes = ["xyz".index(c) for c in match[1]]
    return f"[{axes if len(axes) > 1 else axes[0]}]"


def rgb(features):
    """Expected output of a shader `[3, n]`: a gray feature fills all channels."""
    return np.broadcast_to(features, (*features.shape[:-1], 3)).T


def picture(text, size):
    """`mainImage` at all pixels of a canvas, `[h, w, 3]`, upper row first."""
    h, w = size
    row, column = np.mgrid[:h, :w].reshape(2, -1)
    bottom_up = np.float32([column + 0.5, h - 1 - row + 0.5])
    color = interpreted(text, size)["mainImage"](bottom_up)
    np.testing.assert_array_equal(color[3], 1)
    return color[:3].T.reshape(h, w, 3)


def test_the_shader_computes_the_field(field):
    points = np.random.default_rng(1).uniform(-1, 1, (200, 2)).astype(np.float32)
    expected = rgb(np.asarray(field(points)))
    assert expected.std() > 0.05
    output = interpreted(inr.to_glsl(field), (1, 1))["field"](points.T)
    np.testing.assert_allclose(output, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS[2:4], ids=NAMES[2:4])
def test_pixel_positions_equal_those_of_render(model):
    field, size = bound(model), (5, 8)
    expected = np.broadcast_to(inr.render(field, size), (*size, 3))
    output = picture(inr.to_glsl(field), size)
    np.testing.assert_allclose(output, expected, rtol=0, atol=TOLERANCE)
    h, w = size
    corner = field(jnp.array([-1 + 1 / h, -1 + 1 / w], jnp.float32))
    np.testing.assert_allclose(output[0, 0], np.broadcast_to(corner, 3), atol=TOLERANCE)
    assert abs(output[0, 0] - output[-1, 0]).max() > 1e-3


@pytest.mark.slow
def test_a_fitted_image_is_displayed(key):
    image = np.asarray(coords.grid((6, 12)))[..., ::-1].mean(-1, keepdims=True)
    image = np.float32(0.5 + 0.4 * image)
    model = inr.Siren(width=12, depth=1, omega=5.0)
    options = {"num_steps": 60, "points": "pixels", "progress": False}
    field = inr.fit_image(key, image, model=model, **options).field
    output = picture(inr.to_glsl(field), (6, 12))
    np.testing.assert_allclose(output[..., :1], inr.render(field, (6, 12)), atol=1e-5)
    assert abs(output - image).mean() < 0.05 < abs(output[::-1] - image).mean()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "canvas", "displayed_size", "bars"),
    [
        ((10, 20), (4, 14), (4, 8), ((0, 0), (3, 3))),
        ((40, 70), (10, 7), (4, 7), ((3, 3), (0, 0))),
    ],
    ids=["left and right", "above and below"],
)
def test_the_aspect_ratio_is_kept_by_black_bars(size, canvas, displayed_size, bars):
    field = bound(MODELS[3])
    output = picture(inr.to_glsl(field, size=size), canvas)
    expected = np.pad(inr.render(field, displayed_size), (*bars, (0, 0)))
    np.testing.assert_allclose(output, expected, rtol=0, atol=TOLERANCE)


def test_numbers_read_back_as_the_same_float32():
    field = bound(inr.Siren(3, width=4, depth=1, omega=3.0))
    odd = [1e-30, 1 / 3, 2**24 + 2, -7e-6, 1e9, np.pi, 0, -1]
    kernel = jnp.asarray(odd, jnp.float32).reshape(2, 4)
    field.params["params"]["sine_0"]["kernel"] = kernel / 3
    text = inr.to_glsl(field)
    written = re.findall(r"-?\d+\.?\d*(?:e[+-]\d+)?", text)
    read = {np.float32(x).tobytes() for x in written}
    # A GLSL compiler may read a double and round it.
    assert read == {np.float32(float(x)).tobytes() for x in written}
    factors = {"sine_0": 3.0, "sine_1": 30.0, "linear": 1.0}
    for name, factor in factors.items():
        for x in field.params["params"][name].values():
            exact = np.float32(factor) * np.asarray(x)
            assert {v.tobytes() for v in exact.ravel()} <= read, name
    for x in jax.tree.leaves(field.params["normalization"]):
        assert {v.tobytes() for v in np.asarray(x)} <= read


def compiles(text, tmp_path):
    compiler = shutil.which("glslangValidator")
    if compiler is None:
        pytest.skip("needs glslangValidator (Debian package glslang-tools)")
    path = tmp_path / "field.frag"
    path.write_text(text)
    process = subprocess.run([compiler, path], capture_output=True, text=True)
    return process.returncode == 0, process.stdout


@pytest.mark.parametrize("size", [None, (30, 40)])
def test_the_shader_compiles(field, size, tmp_path):
    text = inr.to_glsl(field, size=size, standalone=True)
    valid, messages = compiles(text, tmp_path)
    assert valid, messages
    # The compiler detects errors: it rejects a matrix with a missing number.
    broken = re.sub(r"(mat\dx\d\()[^,]*,", r"\1", text, count=1)
    assert not compiles(broken, tmp_path)[0]


def test_the_standalone_shader_contains_the_shadertoy_shader():
    field = bound(MODELS[0])
    standalone = inr.to_glsl(field, standalone=True)
    assert standalone.startswith("#version 300 es\n")
    assert inr.to_glsl(field).rstrip() in standalone


@pytest.mark.slow
def test_fields_without_a_shader_raise_an_error():
    siren = bound(MODELS[0])

    class Subclass(inr.Siren):
        pass

    for model in (inr.Wire(width=8), Subclass(width=8)):
        with refuses("bound `Siren`", TypeError):
            inr.to_glsl(bound(model))
    with refuses("got Siren. Bind", TypeError):
        inr.to_glsl(siren.model)
    with refuses("of 1 or 3 features"):
        inr.to_glsl(bound(inr.Siren(2, width=8)))
    with refuses("2 coords"):
        inr.to_glsl(bound(inr.Siren(1, width=8), ndim=3))
    with refuses("2 coords"):
        inr.to_glsl(jax.tree.map(lambda x: jnp.stack([x, x]), siren))
    with refuses("finite"):
        inr.to_glsl(jax.tree.map(lambda x: x * jnp.nan, siren))
    with refuses("`size`"):
        inr.to_glsl(siren, size=(3, 4, 5))


@pytest.mark.long
@pytest.mark.slow
def test_a_large_field_raises_an_error():
    assert len(inr.to_glsl(bound(inr.Siren(3, width=32, depth=3)))) < 65_536
    with refuses("65536 characters, got .* for 12867 parameters. Fit a narrower"):
        inr.to_glsl(bound(inr.Siren(3, width=64, depth=3)))
