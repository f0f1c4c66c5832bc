import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import count_compilations, refuses

import inr
from inr import coords

MODEL = inr.Siren(features=3, width=16, depth=1)


@pytest.fixture(scope="module")
def field():
    return inr.bind(MODEL, MODEL.init(jax.random.key(0), jnp.zeros((1, 2))))


def waves(points):
    """A plain function `[..., 2]` to `[..., 1]`: one wave along each axis."""
    return jnp.sin(40 * points[..., :1]) + jnp.cos(25 * points[..., 1:])


REGION = ((0.1, 0.2), (0.5, 0.9))


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (200, 131)])
@pytest.mark.parametrize("region", [None, REGION])
def test_pixels_are_the_field_at_their_centers(field, size, region):
    rendered = inr.render(field, size, region=region)
    expected = field(coords.grid(size, region=region))
    assert rendered.shape == (*size, 3)
    np.testing.assert_allclose(rendered, expected, atol=2e-6)


@pytest.mark.parametrize("size", [(11,), (5, 6, 7)])
def test_a_signal_has_any_number_of_axes(size):
    rendered = inr.render(lambda c: c, size)
    np.testing.assert_allclose(rendered, coords.grid(size), atol=1e-6)


@pytest.mark.parametrize("as_region", [tuple, list, np.array])
def test_a_region_is_a_crop_of_the_image(field, as_region):
    image = inr.render(field, (40, 60))
    region = as_region(((0.2, 0.25), (0.4, 0.5)))
    crop = inr.render(field, (8, 15), region=region)
    np.testing.assert_allclose(crop, image[8:16, 15:30], atol=2e-6)


def test_small_tiles_give_the_same_image_within_the_budget(field):
    image = inr.render(field, (90, 70))
    budget = image.nbytes + 100_000
    np.testing.assert_allclose(
        inr.render(field, (90, 70), max_bytes=budget), image, atol=1e-6
    )
    with refuses("`max_bytes` must be at least"):
        inr.render(field, (90, 70), max_bytes=image.nbytes)
    # The memory of `out` does not count.
    out = np.empty((90, 70, 3), np.float32)
    inr.render(field, (90, 70), max_bytes=100_000, out=out)
    np.testing.assert_allclose(out, image, atol=1e-6)


def test_the_result_is_written_to_a_memory_map(field, tmp_path):
    out = np.lib.format.open_memmap(
        tmp_path / "big.npy", "w+", np.float32, (150, 160, 3)
    )
    returned = inr.render(field, (150, 160), out=out)
    assert returned is out
    out.flush()
    np.testing.assert_array_equal(
        np.load(tmp_path / "big.npy"), inr.render(field, (150, 160))
    )


def test_one_program_serves_all_sizes_and_equal_models(field):
    inr.render(field, (10, 10))
    with count_compilations() as count:
        model = inr.Siren(features=3, width=16, depth=1)
        inr.render(inr.bind(model, field.params), (200, 93), region=REGION)
    assert count() == 0


def test_jit_and_vmap_give_the_same_image(field):
    rendered = inr.render(field, (100, 90))
    under_jit = jax.jit(lambda f: inr.render(f, (100, 90)))(field)
    np.testing.assert_allclose(under_jit, rendered, atol=2e-6)
    double = jax.tree.map(lambda x: 2 * x, field)
    stacked = jax.tree.map(lambda *xs: jnp.stack(xs), field, double)
    both = jax.vmap(lambda f: inr.render(f, (9, 8)))(stacked)
    np.testing.assert_allclose(both[1], inr.render(double, (9, 8)), atol=2e-5)


def test_a_jitted_field_is_a_field(field):
    expected = inr.render(field, (5, 4))
    for jitted in (jax.jit(field), jax.jit(lambda c: field(c))):
        np.testing.assert_allclose(inr.render(jitted, (5, 4)), expected, atol=2e-6)


def test_a_plain_function_is_rendered_under_jit_and_differentiated():
    expected = inr.render(waves, (9, 8))
    image = jax.jit(lambda: inr.render(waves, (9, 8)))()
    np.testing.assert_allclose(image, expected, atol=2e-5)

    def loss(weight):
        return inr.render(lambda c: weight * waves(c), (9, 8)).sum()

    np.testing.assert_allclose(jax.grad(loss)(2.0), expected.sum(), rtol=1e-4)
    with refuses("`out` must be None"):
        out = np.empty((9, 8, 1), np.float32)
        jax.jit(lambda: inr.render(waves, (9, 8), out=out))()


@pytest.mark.slow
def test_the_image_is_differentiable_with_respect_to_the_field(field):
    gradient = jax.grad(lambda f: inr.render(f, (5, 5)).sum())(field)
    expected = jax.grad(lambda f: f(coords.grid((5, 5))).sum())(field)
    for a, b in zip(*map(jax.tree.leaves, (gradient, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_supersampling_is_the_mean_of_a_finer_grid():
    fine = inr.render(waves, (24, 30)).reshape(8, 3, 10, 3, 1).mean((1, 3))
    np.testing.assert_allclose(inr.render(waves, (8, 10), antialias=3), fine, atol=1e-5)


@pytest.mark.long
@pytest.mark.slow
def test_the_closed_form_is_the_mean_over_the_pixel():
    model = inr.Siren(features=2, width=32, depth=0)
    field = inr.bind(model, model.init(jax.random.key(1), jnp.zeros((1, 2))))
    exact = inr.render(field, (8, 6), antialias="integral", region=REGION)
    sampled = inr.render(field, (8, 6), antialias=32, region=REGION)
    np.testing.assert_allclose(exact, sampled, atol=1e-4)
    centers = inr.render(field, (8, 6), region=REGION)
    assert float(jnp.abs(centers - exact).max()) > 3e-3


def test_antialiasing_removes_frequencies_above_the_nyquist_limit():
    wave = inr.render(lambda c: jnp.sin(400 * c[..., :1]), (16, 4), antialias=64)
    assert float(jnp.abs(wave).max()) < 0.05


def test_out_may_have_another_floating_dtype(field):
    out = np.empty((5, 4, 3), np.float16)
    inr.render(field, (5, 4), out=out)
    np.testing.assert_allclose(out, inr.render(field, (5, 4)), atol=1e-3)


@pytest.mark.parametrize(
    ("size", "options", "message"),
    [
        ((0, 4), {}, "`size`"),
        ((4, -1), {}, "`size`"),
        ((), {}, "`size`"),
        ((4, 4), {"region": ((0.0, 0.0), (1.1, 1.0))}, "`region`"),
        ((4, 4), {"region": ((0.5, 0.5), (0.5, 1.0))}, "`region`"),
        ((4, 4), {"region": ((0.0,), (1.0,))}, "`region`"),
        ((4, 4), {"region": False}, "`region`"),
        ((4, 4), {"region": {}}, "`region`"),
        ((4, 4), {"region": []}, "`region`"),
        ((4, 4), {"antialias": 0}, "`antialias`"),
        ((4, 4), {"antialias": "fine"}, "`antialias`"),
        ((4, 4), {"antialias": "integral"}, "closed form"),
        ((4, 4), {"out": np.zeros((4, 4), np.float32)}, "`out`"),
        ((4, 4), {"out": np.zeros((4, 8, 3), np.float32)[:, ::2]}, "`out`"),
        ((4, 4), {"out": np.zeros((4, 4, 3), np.uint8)}, "floating.*got dtype uint8"),
        ((4, 4), {"max_bytes": 10}, "`max_bytes`"),
    ],
)
def test_invalid_arguments_raise_an_error(field, size, options, message):
    with refuses(message):
        inr.render(field, size, **options)


def test_a_plain_function_has_no_closed_form():
    with refuses("whole number for a plain function"):
        inr.render(waves, (4, 4), antialias="integral")


@pytest.mark.parametrize("antialias", [None, 3])
@pytest.mark.parametrize(
    ("field", "message"),
    [
        (lambda c: c[..., 0], r"got shape \(8192,\)"),
        (lambda c: c[:5], r"got shape \(5, 2\) for n = 8192"),
        (lambda c: c.sum(), r"got shape \(\)"),
        (lambda c: c + 1j, "real features, got dtype complex64"),
    ],
)
def test_a_function_that_is_not_a_field_raises_an_error(field, message, antialias):
    with refuses(f"`field` must be a map.*{message}"):
        inr.render(field, (4, 4), antialias=antialias)
