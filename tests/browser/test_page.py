"""The text of pages: their numbers, shaders and errors, without a browser."""

import base64
import dataclasses
import io
import json
import pathlib
import re
import shutil
import subprocess

import imageio.v3 as iio
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr

DATA = pathlib.Path(__file__).parents[1] / "data"
GRID = {"levels": 3, "log2_table_size": 4, "base_resolution": 2}
MODELS = {
    "siren": inr.Siren(3, width=6, depth=1),
    "linear in sines": inr.Siren(1, width=4, depth=0),
    "finer": inr.Finer(1, width=4, depth=1),
    "gauss": inr.Gauss(3, width=9, depth=2),
    "hash grid": inr.HashGrid(3, width=5, depth=1, features_per_level=3, **GRID),
    "smooth hash grid": inr.HashGrid(1, width=8, interpolation="smooth", **GRID),
    "encoding": inr.HashGrid(1, depth=0, **GRID),
}


def bound(model, *, ndim=2):
    """A field without equal numbers; only their shapes are those of the model."""
    coords = jax.ShapeDtypeStruct((1, ndim), jnp.float32)
    shapes = jax.eval_shape(model.init, jax.random.key(0), coords)
    rng = np.random.default_rng(0)

    def draw(x):
        return jnp.asarray(rng.uniform(0.2, 1, x.shape), jnp.float32)

    return inr.bind(model, jax.tree.map(draw, shapes))


def decoded():
    """The field of a compressed picture, and its size."""
    data = (DATA / "cat.inr").read_bytes()
    return inr.codec.decode_field(data), inr.codec.info(data).size


@pytest.fixture(scope="module")
def fields():
    return {name: bound(model) for name, model in MODELS.items()}


def data_of(page):
    """The JSON data of a page."""
    text = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1]
    return json.loads(text)


def texels_of(page):
    """The numbers of a page `[n, 4]`."""
    text = re.search(r'id="weights">(.*?)</script>', page, re.DOTALL)[1]
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(-1, 4)


def evaluated(layer, texels, h):
    """h W + b of a packed layer, read as `layer.glsl` reads it."""
    h = np.pad(h, ((0, 0), (0, 4 * layer["inputs"] - h.shape[1])))
    outputs = []
    for o in range(layer["outputs"]):
        i = layer["first"] + o * (4 * layer["inputs"] + 1)
        rows = texels[i + 1 : i + 1 + 4 * layer["inputs"]]
        outputs.append(texels[i] + h @ rows)
    return np.concatenate(outputs, -1)


@pytest.mark.slow
def test_the_packed_layers_are_those_of_the_field(fields):
    field = fields["siren"]
    page = inr.to_html(field)
    data, texels = data_of(page), texels_of(page)
    coords = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    h = coords * np.float32(data["coordsScale"]) + np.float32(data["coordsShift"])
    *hidden, last = data["layers"]
    for layer in hidden:
        h = np.sin(evaluated(layer, texels, h))
    y = evaluated(last, texels, h)
    expected = field(jnp.asarray(coords, jnp.float32))
    np.testing.assert_allclose(y[:, :3], expected, atol=2e-4)
    np.testing.assert_array_equal(y[:, 3], 0)
    # Nothing is missing, and nothing lies twice.
    count = sum((4 * x["inputs"] + 1) * x["outputs"] for x in data["layers"])
    assert len(texels) == count


def test_tables_of_a_hash_grid_follow_the_layers(fields):
    field = fields["hash grid"]
    page = inr.to_html(field)
    grids = re.search(r"GRIDS\[3\] = ivec3\[3\]\((.*?)\);", page)[1]
    grids = np.asarray(re.findall(r"\d+", grids.replace("ivec3", "")), int)
    numbers = texels_of(page).ravel()
    for level, (cells, rows, first) in enumerate(grids.reshape(3, 3)):
        table = np.asarray(field.params["params"][f"table_{level}"])
        assert cells == field.model.resolutions[level]
        assert rows == len(table)
        np.testing.assert_array_equal(numbers[first:][: table.size], table.ravel())


def shaders(page):
    for kind, sources in data_of(page)["shaders"].items():
        for name, source in sources.items():
            yield f"{kind}-{name}", source


@pytest.mark.parametrize("name", [*MODELS, "picture"])
def test_the_shaders_compile(fields, name, tmp_path):
    compiler = shutil.which("glslangValidator")
    if compiler is None:
        pytest.skip("needs glslangValidator (Debian package glslang-tools)")
    paths = []
    field = decoded()[0] if name == "picture" else fields[name]
    for stem, source in shaders(inr.to_html(field)):
        paths.append(tmp_path / f"{stem}.frag")
        paths[-1].write_text(source)
    # Two networks of three or four passes, and the canvas.
    assert len(paths) == (7 if name == "encoding" else 9)
    process = subprocess.run([compiler, *paths], capture_output=True, text=True)
    assert process.returncode == 0, process.stdout
    # The compiler detects errors.
    paths[0].write_text(paths[0].read_text().replace("uniform", "unform", 1))
    assert subprocess.run([compiler, paths[0]], capture_output=True).returncode


def test_a_decoded_picture_is_interpolated_by_the_page(fields, tmp_path):
    field, _ = decoded()
    page = inr.to_html(field)
    data, texels = data_of(page), texels_of(page)
    h, w, k = field.feature_map.shape
    assert data["size"] == [h, w]
    first = int(re.search(r"FIRST = (\d+);", page)[1])
    assert f"MAP_SIZE = ivec3({h}, {w}, {k // 4});" in data["shaders"]["value"]["input"]
    cells = texels[first:][: h * w * k // 4].reshape(h, w, k)
    np.testing.assert_array_equal(cells, field.feature_map)
    # The two layers, at the pixel centers, are the colors of `decode`.
    hidden, last = data["layers"]
    units = np.asarray(jax.nn.gelu(evaluated(hidden, texels, cells.reshape(-1, k))))
    colors = evaluated(last, texels, units)[:, :3].reshape(h, w, 3)
    expected = field(inr.coords.grid((h, w)))
    np.testing.assert_allclose(colors, expected, atol=2e-6)
    assert f"Synthesis, width {k} · " in page


def test_a_page_of_a_picture_refuses_another_size():
    field, size = decoded()
    with refuses(r"`size` must be the size of the picture.* Leave it out"):
        inr.to_html(field, size=(3, 4))
    with refuses("the size of the reference"):
        inr.to_html(field, reference=np.zeros((3, 4, 3), np.float32))
    assert inr.to_html(field, size=size) == inr.to_html(field)
    broken = dataclasses.replace(
        field, feature_map=field.feature_map.at[0, 0, 0].set(np.nan)
    )
    with refuses("`field` must be finite"):
        inr.to_html(broken)


def test_a_page_needs_nothing_else(fields):
    page = inr.to_html(fields["siren"], title="A <b> & @SCRIPT@")
    assert "<h1>A &lt;b&gt; &amp; @SCRIPT@</h1>" in page
    assert not re.search(r"https?:|\bsrc=|\bhref=|@import|url\(", page)
    assert "default-src 'none'" in page
    # Every part of the template is filled in.
    assert not re.search(r"@[A-Z]+@", page.replace("@SCRIPT@", ""))
    assert data_of(page)["reference"] is None


def test_equal_arguments_give_equal_text(fields):
    image = np.random.default_rng(0).random((5, 7, 3), np.float32)
    pages = {inr.to_html(fields["siren"], reference=image) for _ in range(2)}
    assert len(pages) == 1
    assert inr.to_html(fields["siren"]) not in pages


@pytest.mark.parametrize("c", [1, 3])
def test_the_reference_is_stored_in_8_bits(fields, c):
    image = np.random.default_rng(0).uniform(-0.2, 1.2, (6, 4, c))
    data = data_of(inr.to_html(fields["siren"], reference=image, side=60))
    assert data["size"] == [6, 4]
    assert data["canvas"] == [60, 40]
    png = base64.b64decode(data["reference"].removeprefix("data:image/png;base64,"))
    pixels = iio.imread(io.BytesIO(png)).reshape(6, 4, c)
    np.testing.assert_array_equal(pixels, np.rint(np.clip(image, 0, 1) * 255))


def test_the_aspect_ratio_and_the_unit_of_derivatives(fields):
    model = MODELS["siren"]
    field = inr.bind(
        model, {**fields["siren"].params, "normalization": _normalization(1.0, 0.25)}
    )
    data = data_of(inr.to_html(field, side=200))
    assert data["canvas"] == [200, 50]
    # A step of 4 in x is as long as one of 1 in y.
    assert (data["unit"], data["unitName"]) == ([1, 4], "unit")
    data = data_of(inr.to_html(field, size=(20, 40), side=200))
    assert data["canvas"] == [100, 200]
    assert (data["unit"], data["unitName"]) == ([0.1, 0.05], "pixel")


def _normalization(*scale):
    ones, zeros = jnp.ones((3,), jnp.float32), jnp.zeros((3,), jnp.float32)
    return {
        "coords_scale": jnp.asarray(scale, jnp.float32),
        "coords_shift": jnp.zeros((2,), jnp.float32),
        "features_scale": ones,
        "features_shift": zeros,
    }


def test_the_description_counts_parameters(fields):
    page = inr.to_html(fields["siren"], size=(4, 5))
    count = 3 * 6 + 7 * 6 + 7 * 3
    text = f"Siren, width 6, depth 1 · {count} parameters · 4 × 5 pixels"
    assert f"<p>{text}</p>" in page


def test_the_laplacian_exists_for_smooth_families(fields):
    for name, field in fields.items():
        smooth = name not in ("hash grid", "encoding")
        assert data_of(inr.to_html(field))["hasLaplacian"] is smooth


def test_bad_arguments_raise_an_error(fields):
    field = fields["siren"]
    with refuses("`Siren`, `Finer`, `Gauss` or `HashGrid`, got Wire", TypeError):
        inr.to_html(bound(inr.Wire(width=4, depth=1)))
    with refuses("2 coords"):
        inr.to_html(bound(inr.HashGrid(width=4, **GRID), ndim=3))
    with refuses("1 or 3 features, got 4"):
        inr.to_html(bound(inr.Siren(4, width=4)))
    with refuses("`reference` must be .* c of 1 or 3.*got shape"):
        inr.to_html(field, reference=np.zeros((4, 4, 2), np.float32))
    with refuses("at most 4096, got shape"):
        inr.to_html(field, reference=np.zeros((1, 4097, 1), np.float32))
    with refuses(r"the size of the reference, \(4, 6\), got \(6, 4\)"):
        inr.to_html(field, reference=np.zeros((4, 6)), size=(6, 4))
    with refuses("`size`"):
        inr.to_html(field, size=(4, 6, 3))
    with refuses("`side` must be at least 16"):
        inr.to_html(field, side=8)
    with refuses("`title`", TypeError):
        inr.to_html(field, title=3)


def test_a_field_that_exceeds_the_textures_raises_an_error():
    with refuses("of at most 16,777,216 numbers.* a width of 8,196. Fit a smaller"):
        inr.to_html(bound(inr.Siren(1, width=8193, depth=0)))
