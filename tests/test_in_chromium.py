"""Pages in a real browser, whose screenshots equal renderings by JAX."""

import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from chromium import Chromium

import inr
from inr import coords

pytestmark = pytest.mark.slow

DATA = pathlib.Path(__file__).parent / "data"
SIDE = 64
# A narrow image, to tell the axes apart.
SIZE = (16, 12)
CANVAS = (64, 48)
GRID = {"levels": 3, "log2_table_size": 7, "base_resolution": 6, "growth": 1.7}
MODELS = {
    "siren": inr.Siren(3, width=33, depth=2, omega=25.0),
    "steep siren": inr.Siren(1, width=8, depth=0, omega=2000.0),
    "finer": inr.Finer(1, width=16, depth=1, omega=8.0),
    "gauss": inr.Gauss(3, width=18, depth=2, scale=4.0),
    "smooth hash grid": inr.HashGrid(
        3, width=9, depth=2, interpolation="smooth", features_per_level=3, **GRID
    ),
    "linear hash grid": inr.HashGrid(1, width=8, depth=1, **GRID),
}
COMPLETE = "document.querySelector('canvas[aria-busy=false]') !== null"


def bound(model):
    """A field with features around 0.5, and a normalization that has no 0 or 1."""
    params = model.init(jax.random.key(0), jnp.zeros((1, 2), jnp.float32))
    rng = np.random.default_rng(0)

    def draw(path, x):
        name = jax.tree_util.keystr(path)
        if "table" in name:
            x = rng.normal(0, 1, x.shape)
        elif "linear" in name and "kernel" in name:
            x = rng.normal(0, 0.5 * len(x) ** -0.5, x.shape)
        return jnp.asarray(x, jnp.float32)

    params = dict(jax.tree.map_with_path(draw, params))
    k = model.features
    params["normalization"] = {
        "coords_scale": jnp.asarray([0.9, 0.675], jnp.float32),
        "coords_shift": jnp.asarray([0.05, -0.1], jnp.float32),
        "features_scale": jnp.full((k,), 0.4, jnp.float32),
        "features_shift": jnp.full((k,), 0.45, jnp.float32),
    }
    return inr.bind(model, params)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    chromium = Chromium(tmp_path_factory.mktemp("chromium"))
    yield chromium
    chromium.close()


class Viewer:
    """A page in Chromium."""

    def __init__(self, chromium, folder):
        self.chromium, self.file = chromium, folder / "page.html"

    def write(self, field, **options):
        page = inr.to_html(field, **{"side": SIDE, **options})
        self.file.write_text(page, encoding="utf-8")

    def show(self, fragment=""):
        self.chromium.open(self.file, fragment)
        return self.canvas()

    def canvas(self):
        """Pixels of the canvas, when it is complete."""
        self.chromium.wait_for(COMPLETE)
        return self.chromium.screenshot(self.box()).astype(int)

    def box(self):
        rectangle = "document.querySelector('canvas').getBoundingClientRect()"
        names = ("x", "y", "width", "height")
        script = f"{{let r = {rectangle}; [{', '.join(f'r.{n}' for n in names)}]}}"
        return self.chromium.evaluate(script)

    def point(self, y, x):
        """Position in the window of a fraction of the canvas."""
        left, top, width, height = self.box()
        return {"x": left + x * width, "y": top + y * height}

    def mouse(self, kind, y, x, **options):
        self.chromium.call(
            "Input.dispatchMouseEvent", type=kind, **self.point(y, x), **options
        )

    def touch(self, kind, *points):
        touches = [self.point(*point) for point in points]
        self.chromium.call("Input.dispatchTouchEvent", type=kind, touchPoints=touches)

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.chromium.call("Input.dispatchKeyEvent", type=kind, key=key)

    def text(self, selector):
        return self.chromium.evaluate(f"document.querySelector('{selector}').innerText")

    def click(self, selector):
        self.chromium.evaluate(f"document.querySelector('{selector}').click()")


@pytest.fixture
def viewer(chromium, tmp_path):
    """A viewer whose pages log nothing and load nothing but themselves."""
    viewer = Viewer(chromium, tmp_path)
    chromium.take_events()
    yield viewer
    logs = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    requests = "Network.requestWillBeSent"
    events = chromium.take_events(*logs, requests)
    urls = {event["request"]["url"] for event in events if "request" in event}
    assert [event for event in events if "request" not in event] == []
    assert {u for u in urls if not u.startswith("data:")} == {viewer.file.as_uri()}


def region(zoom, center):
    """What `to_html` documents for `#zoom=..&center=..`."""
    half = 0.5 / zoom
    return tuple(c - half for c in center), tuple(c + half for c in center)


def levels(features):
    """Gray levels `[h, w, 3]` of features."""
    rgb = np.broadcast_to(features, (*np.shape(features)[:-1], 3))
    return np.rint(np.clip(rgb, 0, 1) * 255)


def assert_levels(pixels, features, *, within=2):
    expected = levels(features)
    assert pixels.shape == expected.shape
    assert abs(pixels - expected).max() <= within


VIEWS = {"": (1, (0.5, 0.5)), "#zoom=20&center=0.3,0.4": (20, (0.3, 0.4))}


@pytest.mark.long
@pytest.mark.parametrize("name", MODELS)
def test_values_equal_a_rendering(viewer, name):
    field = bound(MODELS[name])
    viewer.write(field, size=SIZE)
    for fragment, view in VIEWS.items():
        pixels = viewer.show(fragment)
        assert_levels(pixels, inr.render(field, CANVAS, region=region(*view)))
        assert np.ptp(pixels) > (3 if fragment else 60)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("siren", SIZE),
        ("siren", None),
        ("finer", SIZE),
        ("gauss", SIZE),
        ("smooth hash grid", SIZE),
    ],
)
def test_derivatives_are_exact(viewer, name, size):
    field = bound(MODELS[name])
    viewer.write(field, size=size)
    # Without a size, the longer axis has length 2: the aspect ratio is 0.9 / 0.675.
    unit = coords.pitch(SIZE) if size else jnp.asarray([1.0, 4 / 3], jnp.float32)
    derivatives = jax.jit(inr.value_gradient_laplacian)
    for fragment, view in VIEWS.items():
        points = coords.grid(CANVAS, region=region(*view))
        _, slopes, laplacian = derivatives(field, points, unit=unit)
        norm = jnp.sqrt(jnp.square(slopes).sum((-2, -1)))[..., None]
        pixels = viewer.show((fragment or "#") + "&mode=gradient")
        peak, name = re.search(
            r"([\d.e-]+) per (\w+),", viewer.text("#legend")
        ).groups()
        assert name == ("pixel" if size else "unit")
        assert_levels(pixels, norm / float(peak))
        viewer.click("[data-mode=laplacian]")
        peak = re.search(r"([\d.e-]+) per \w+²", viewer.text("#legend"))[1]
        mean = laplacian.mean(-1, keepdims=True)
        assert_levels(viewer.canvas(), 0.5 + 0.5 * mean / float(peak))


def test_a_compressed_picture_equals_its_rendering(viewer):
    data = (DATA / "cat.inr").read_bytes()
    field = inr.codec.decode_field(data)
    size = inr.codec.info(data).size
    viewer.write(field)
    canvas = tuple(round(SIDE * n / max(size)) for n in size)
    derivatives = jax.jit(inr.value_gradient_laplacian)
    # The first view has corners beyond the outermost centers.
    views = {"#": (1, (0.5, 0.5)), "#zoom=25&center=.3,.4": (25, (0.3, 0.4))}
    for fragment, view in views.items():
        part = region(*view)
        assert_levels(viewer.show(fragment), inr.render(field, canvas, region=part))
        points = coords.grid(canvas, region=part)
        _, slopes, laplacian = derivatives(field, points, unit=coords.pitch(size))
        norm = jnp.sqrt(jnp.square(slopes).sum((-2, -1)))[..., None]
        pixels = viewer.show(fragment + "&mode=gradient")
        peak = float(re.search(r"([\d.e-]+) per pixel,", viewer.text("#legend"))[1])
        assert_levels(pixels, norm / peak)
        viewer.click("[data-mode=laplacian]")
        peak = float(re.search(r"([\d.e-]+) per pixel²", viewer.text("#legend"))[1])
        mean = laplacian.mean(-1, keepdims=True)
        assert_levels(viewer.canvas(), 0.5 + 0.5 * mean / peak)


def test_a_linear_hash_grid_has_a_gradient_and_no_laplacian(viewer):
    field = bound(MODELS["linear hash grid"])
    viewer.write(field, size=SIZE)
    # Off the edges of cells, where the slope jumps.
    fragment, view = "#zoom=9&center=.31,.42", (9, (0.31, 0.42))
    pixels = viewer.show(fragment + "&mode=gradient")
    points = coords.grid(CANVAS, region=region(*view))
    slopes = np.asarray(jax.jit(inr.gradient)(field, points))[..., 0]
    norm = np.linalg.norm(slopes * np.asarray(coords.pitch(SIZE)), axis=-1)
    peak = float(re.search(r"([\d.e-]+) per pixel,", viewer.text("#legend"))[1])
    expected = norm[..., None] / peak
    differences = abs(pixels - levels(expected)).max(-1)
    assert np.mean(differences > 2) < 0.01
    assert viewer.chromium.evaluate(
        "document.querySelector('[data-mode=laplacian]').disabled"
    )
    # An address that asks for it shows values.
    pixels = viewer.show(fragment + "&mode=laplacian")
    assert_levels(pixels, inr.render(field, CANVAS, region=region(*view)))


def test_at_1000x_pixels_are_still_correct(viewer):
    field = bound(MODELS["siren"])
    viewer.write(field)
    pixels = viewer.show("#zoom=1000&center=0.123456,0.654321")
    view = region(1000, (0.123456, 0.654321))
    assert_levels(pixels, inr.render(field, CANVAS, region=view))
    assert viewer.text("#zoom") == "1000×"
    viewer.show("#zoom=1e6&center=0.123456,0.654321")
    assert viewer.text("#zoom") == "1000×"


def test_the_wheel_zooms_around_the_pointer(viewer):
    field = bound(MODELS["siren"])
    viewer.write(field, size=SIZE)
    viewer.show()
    viewer.mouse("mouseWheel", 0.25, 0.75, deltaX=0, deltaY=-400)
    viewer.chromium.wait_for("document.querySelector('#zoom').innerText === '4×'")
    # 400 pixels are a factor of 4, and (0.25, 0.75) stays where it is.
    view = (4, (0.25 + 0.25 / 4, 0.75 - 0.25 / 4))
    expected = inr.render(field, CANVAS, region=region(*view))
    assert_levels(viewer.canvas(), expected)
    address = viewer.chromium.evaluate("location.hash")
    assert address == "#zoom=4&center=0.3125,0.6875"
    assert_levels(viewer.show(address), expected)
    # The view stays inside the image.
    viewer.mouse("mouseWheel", 0.1, 0.9, deltaX=0, deltaY=2000)
    viewer.chromium.wait_for("document.querySelector('#zoom').innerText === '1×'")
    assert_levels(viewer.canvas(), inr.render(field, CANVAS))


def test_drags_and_keys_move_the_view(viewer):
    field = bound(MODELS["siren"])
    viewer.write(field, size=SIZE)
    viewer.show("#zoom=2")
    viewer.mouse("mousePressed", 0.5, 0.5, button="left", clickCount=1)
    viewer.mouse("mouseMoved", 0.75, 0.25, button="left")
    viewer.mouse("mouseReleased", 0.75, 0.25, button="left", clickCount=1)
    viewer.mouse("mouseMoved", 0.1, 0.1)
    expected = inr.render(field, CANVAS, region=region(2, (0.375, 0.625)))
    assert_levels(viewer.canvas(), expected)
    viewer.press("ArrowDown")
    viewer.press("ArrowLeft")
    expected = inr.render(field, CANVAS, region=region(2, (0.425, 0.575)))
    assert_levels(viewer.canvas(), expected)
    viewer.press("+")
    assert viewer.text("#zoom") == "2.83×"
    viewer.press("-")
    assert_levels(viewer.canvas(), expected)
    viewer.press("0")
    assert_levels(viewer.canvas(), inr.render(field, CANVAS))


def test_two_fingers_zoom(viewer):
    field = bound(MODELS["siren"])
    viewer.write(field, size=SIZE)
    viewer.show()
    viewer.touch("touchStart", (0.4, 0.5), (0.6, 0.5))
    viewer.touch("touchMove", (0.1, 0.5), (0.9, 0.5))
    viewer.touch("touchEnd")
    expected = inr.render(field, CANVAS, region=region(4, (0.5, 0.5)))
    assert_levels(viewer.canvas(), expected)
    viewer.touch("touchStart", (0.4, 0.5))
    viewer.touch("touchMove", (0.8, 0.5))
    viewer.touch("touchEnd")
    expected = inr.render(field, CANVAS, region=region(4, (0.4, 0.5)))
    assert_levels(viewer.canvas(), expected)


def test_the_slider_compares_with_the_reference(viewer):
    field = bound(MODELS["siren"])
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    viewer.write(field, reference=image)
    pixels = viewer.show("#compare=reference&split=0.5")
    half = CANVAS[1] // 2
    expected = inr.render(field, CANVAS)[:, half:]
    # The line at the boundary covers its neighbors.
    assert_levels(pixels[:, half + 8 :], expected[:, 8:])
    enlarged = image.repeat(4, 0).repeat(4, 1)
    np.testing.assert_array_equal(pixels[:, : half - 8], enlarged[:, : half - 8])
    assert viewer.text("#left") == "Original"
    viewer.click("[data-compare=bicubic]")
    set_split = "s.value = 1, s.dispatchEvent(new Event('input'))"
    viewer.chromium.evaluate(f"s = document.querySelector('#split'), {set_split}")
    samples = jnp.asarray(image / np.float32(255))
    bicubic = coords.sample_grid(samples, coords.grid(CANVAS), interpolation="cubic")
    assert_levels(viewer.canvas()[:, :-8], bicubic[:, :-8], within=1)
    viewer.click("[data-compare=none]")
    assert_levels(viewer.canvas(), inr.render(field, CANVAS))


def test_the_slider_compares_with_interpolated_samples(viewer):
    field = bound(MODELS["gauss"])
    viewer.write(field, size=SIZE)
    view = (3, (0.6, 0.45))
    pixels = viewer.show("#zoom=3&center=0.6,0.45&compare=bicubic&split=1")
    samples = inr.render(field, SIZE)
    points = coords.grid(CANVAS, region=region(*view))
    expected = coords.sample_grid(samples, points, interpolation="cubic")
    assert_levels(pixels[:, :-8], expected[:, :-8])
    assert viewer.text("#comparisons").split("\n")[-2:] == ["Nothing", "Bicubic"]


@pytest.mark.parametrize(
    ("method", "replacement", "message"),
    [
        ("HTMLCanvasElement.prototype.getContext", "null", "WebGL 2"),
        ("WebGL2RenderingContext.prototype.getExtension", "null", "float textures"),
    ],
)
def test_a_browser_without_float_textures_gets_a_message(
    viewer, method, replacement, message
):
    viewer.write(bound(MODELS["finer"]))
    script = f"{method} = () => {replacement}"
    added = viewer.chromium.call("Page.addScriptToEvaluateOnNewDocument", source=script)
    viewer.chromium.open(viewer.file)
    assert message in viewer.text("#message")
    assert viewer.chromium.evaluate("document.querySelector('#viewer').hidden")
    viewer.chromium.call("Page.removeScriptToEvaluateOnNewDocument", **added)
