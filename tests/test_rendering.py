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
    """A plain function: one wave along each axis, [..., 2] to [..., 1]."""
    return jnp.sin(40 * points[..., :1]) + jnp.cos(25 * points[..., 1:])


REGION = ((0.1, 0.2), (0.5, 0.9))


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (200, 131)])
@pytest.mark.parametrize("region", [None, REGION])
def test_it_is_the_field_at_pixel_centers(field, size, region):
    rendered = inr.render(field, size, region=region)
    expected = field(coords.grid(size, region=region))
    assert rendered.shape == (*size, 3)
    np.testing.assert_allclose(rendered, expected, atol=2e-6)


@pytest.mark.parametrize("size", [(11,), (5, 6, 7)])
def test_any_number_of_axes(size):
    rendered = inr.render(lambda c: c, size)
    np.testing.assert_allclose(rendered, coords.grid(size), atol=1e-6)


def test_a_region_is_that_part_of_the_whole(field):
    whole = inr.render(field, (40, 60))
    part = inr.render(field, (8, 15), region=((0.2, 0.25), (0.4, 0.5)))
    np.testing.assert_allclose(part, whole[8:16, 15:30], atol=2e-6)


def test_small_tiles_give_the_same_image_within_the_budget(field):
    whole = inr.render(field, (90, 70))
    budget = whole.nbytes + 100_000
    np.testing.assert_allclose(
        inr.render(field, (90, 70), max_bytes=budget), whole, atol=1e-6
    )
    with refuses("`max_bytes` must be at least"):
        inr.render(field, (90, 70), max_bytes=whole.nbytes)
    # The budget without the result, once the result is elsewhere.
    out = np.empty((90, 70, 3), np.float32)
    inr.render(field, (90, 70), max_bytes=100_000, out=out)
    np.testing.assert_allclose(out, whole, atol=1e-6)


def test_the_least_budget_that_the_error_names_works(field):
    with pytest.raises(ValueError, match="at least") as caught:
        inr.render(field, (90, 70), max_bytes=1000)
    least = int(str(caught.value).split("at least ")[1].split()[0])
    inr.render(field, (90, 70), max_bytes=least)
    with refuses("at least"):
        inr.render(field, (90, 70), max_bytes=least - 1)


def test_it_streams_into_a_memory_map(field, tmp_path):
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


def test_under_jit_and_vmap_it_is_the_same(field):
    rendered = inr.render(field, (100, 90))
    under_jit = jax.jit(lambda f: inr.render(f, (100, 90)))(field)
    np.testing.assert_allclose(under_jit, rendered, atol=2e-6)
    double = jax.tree.map(lambda x: 2 * x, field)
    stacked = jax.tree.map(lambda *xs: jnp.stack(xs), field, double)
    both = jax.vmap(lambda f: inr.render(f, (9, 8)))(stacked)
    np.testing.assert_allclose(both[1], inr.render(double, (9, 8)), atol=2e-5)


def test_it_differentiates_with_respect_to_the_field(field):
    gradient = jax.grad(lambda f: inr.render(f, (5, 5)).sum())(field)
    expected = jax.grad(lambda f: f(coords.grid((5, 5))).sum())(field)
    for a, b in zip(*map(jax.tree.leaves, (gradient, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_supersampling_is_the_mean_of_a_finer_grid():
    fine = inr.render(waves, (24, 30)).reshape(8, 3, 10, 3, 1).mean((1, 3))
    np.testing.assert_allclose(inr.render(waves, (8, 10), antialias=3), fine, atol=1e-5)


def test_the_closed_form_is_the_integral_over_the_pixel():
    model = inr.Siren(features=2, width=32, depth=0)
    field = inr.bind(model, model.init(jax.random.key(1), jnp.zeros((1, 2))))
    exact = inr.render(field, (8, 6), antialias="integral", region=REGION)
    sampled = inr.render(field, (8, 6), antialias=32, region=REGION)
    np.testing.assert_allclose(exact, sampled, atol=1e-4)
    plain = inr.render(field, (8, 6), region=REGION)
    assert float(jnp.abs(plain - exact).max()) > 3e-3


def test_antialiasing_removes_what_the_grid_cannot_hold():
    wave = inr.render(lambda c: jnp.sin(400 * c[..., :1]), (16, 4), antialias=64)
    assert float(jnp.abs(wave).max()) < 0.05


@pytest.mark.parametrize(
    ("size", "options", "message"),
    [
        ((0, 4), {}, "`size`"),
        ((4, -1), {}, "`size`"),
        ((), {}, "`size`"),
        ((4, 4), {"region": ((0.0, 0.0), (1.1, 1.0))}, "`region`"),
        ((4, 4), {"region": ((0.5, 0.5), (0.5, 1.0))}, "`region`"),
        ((4, 4), {"region": ((0.0,), (1.0,))}, "`region`"),
        ((4, 4), {"antialias": 0}, "`antialias`"),
        ((4, 4), {"antialias": "fine"}, "`antialias`"),
        ((4, 4), {"antialias": "integral"}, "closed form"),
        ((4, 4), {"out": np.zeros((4, 4), np.float32)}, "`out`"),
        ((4, 4), {"out": np.zeros((4, 8, 3), np.float32)[:, ::2]}, "`out`"),
        ((4, 4), {"max_bytes": 10}, "`max_bytes`"),
    ],
)
def test_bad_requests_are_refused(field, size, options, message):
    with refuses(message):
        inr.render(field, size, **options)


def test_fields_that_are_none_are_refused(field):
    with refuses("closed form|whole number"):
        inr.render(waves, (4, 4), antialias="integral")
    with refuses("`field`"):
        inr.render(lambda c: c[..., 0], (4, 4))
