import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.color
from hypothesis import given, settings, strategies as st
from support import refuses

from inr import color

# Corners and edges of the cube, black, and both sides of every branch.
LEVELS = [0.0, 1e-6, 0.01, 0.0404, 0.0405, 0.2, 0.5, 0.99, 1.0]
CUBE = np.stack(np.meshgrid(LEVELS, LEVELS, LEVELS, indexing="ij"), -1)
BEYOND = np.array([-1.0, -0.04045, -1e-9, 0.0, 0.0031308, 0.04045, 1.0, 1.7])

ELEMENTWISE = [color.srgb_to_linear, color.linear_to_srgb]
FROM_RGB = [
    color.rgb_to_luma,
    color.rgb_to_studio_luma,
    color.rgb_to_ycbcr,
    color.rgb_to_lab,
]
FUNCTIONS = [*ELEMENTWISE, *FROM_RGB, color.ycbcr_to_rgb, color.lab_to_rgb]
PAIRS = [
    (color.srgb_to_linear, color.linear_to_srgb, 1),
    (color.rgb_to_ycbcr, color.ycbcr_to_rgb, 1),
    (color.rgb_to_lab, color.lab_to_rgb, 100),
]


def cube(dtype=np.float32):
    return jnp.asarray(CUBE, dtype)


def test_srgb_curve_has_the_published_values():
    encoded = np.array([0.0, 10.31475 / 255, 0.5, 188 / 255, 1.0], np.float32)
    linear = [0.0, 0.0031308, 0.21404114, 0.50288646, 1.0]
    np.testing.assert_allclose(color.srgb_to_linear(encoded), linear, rtol=1e-5)
    np.testing.assert_allclose(color.linear_to_srgb(np.float32(0.5)), 0.7353569)
    # Negative values continue the linear segment.
    np.testing.assert_allclose(color.srgb_to_linear(np.float32(-1)), -1 / 12.92)
    np.testing.assert_allclose(color.linear_to_srgb(np.float32(-1)), -12.92)


def test_srgb_curve_equals_its_formula_around_the_threshold():
    """The two segments differ by 0.5 % at 0.05, and by 6e-8 at the threshold."""
    encoded = np.float32([0.0, 0.02, 0.0404, 0.0405, 0.042, 0.045, 0.049, 0.051, 0.06])
    x = encoded.astype(np.float64)
    expected = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(color.srgb_to_linear(encoded), expected, rtol=2e-6)
    linear = expected.astype(np.float32)
    np.testing.assert_allclose(color.linear_to_srgb(linear), x, rtol=2e-6)


def test_luma_and_ycbcr_have_the_values_of_bt601():
    primaries = np.eye(3, dtype=np.float32)
    luma = color.rgb_to_luma(primaries)
    assert luma.shape == (3, 1)
    np.testing.assert_allclose(luma[:, 0], [0.299, 0.587, 0.114], rtol=1e-6)
    # The full-range table of JPEG (JFIF 1.02).
    jfif = [[0.299, -0.168736, 0.5], [0.587, -0.331264, -0.418688]]
    jfif = [*jfif, [0.114, 0.5, -0.081312]]
    np.testing.assert_allclose(color.rgb_to_ycbcr(primaries), jfif, atol=1e-6)
    back = color.ycbcr_to_rgb(np.array([[0.5, 0.1, 0.0], [0.5, 0.0, 0.1]], np.float32))
    expected = [[0.5, 0.5 - 0.0344136, 0.6772], [0.6402, 0.5 - 0.0714136, 0.5]]
    np.testing.assert_allclose(back, expected, atol=1e-6)


def test_gray_has_no_color_difference():
    gray = np.repeat(np.linspace(0, 1, 11, dtype=np.float32)[:, None], 3, axis=1)
    ycbcr = color.rgb_to_ycbcr(gray)
    np.testing.assert_allclose(ycbcr[:, 0], gray[:, 0], atol=1e-7)
    np.testing.assert_allclose(ycbcr[:, 1:], 0, atol=1e-7)
    np.testing.assert_allclose(color.rgb_to_lab(gray)[:, 1:], 0, atol=0.006)


def test_luma_survives_any_color_difference(key):
    y = jax.random.uniform(key, (50, 1))
    chroma = jax.random.uniform(jax.random.fold_in(key, 1), (50, 2), minval=-1)
    rgb = color.ycbcr_to_rgb(jnp.concatenate([y, chroma], -1))
    np.testing.assert_allclose(color.rgb_to_luma(rgb), y, atol=1e-6)


def test_studio_luma_agrees_with_scikit_image():
    expected = skimage.color.rgb2ycbcr(CUBE)[..., :1] / 255
    np.testing.assert_allclose(color.rgb_to_studio_luma(cube()), expected, atol=1e-6)
    ends = color.rgb_to_studio_luma(np.array([[0.0] * 3, [1.0] * 3], np.float32))
    np.testing.assert_allclose(255 * ends[:, 0], [16, 235], rtol=1e-6)


def test_lab_agrees_with_scikit_image():
    lab = color.rgb_to_lab(cube())
    np.testing.assert_allclose(lab, skimage.color.rgb2lab(CUBE), atol=3e-4)
    rgb = color.lab_to_rgb(lab)
    np.testing.assert_allclose(rgb, skimage.color.lab2rgb(lab), atol=3e-5)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((1.0, 0.0, 0.0), (53.240588, 80.092308, 67.202751)),
        ((0.2, 0.5, 0.7), (50.972036, -6.398177, -33.709323)),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    ],
)
def test_lab_has_the_golden_values(rgb, lab):
    np.testing.assert_allclose(color.rgb_to_lab(jnp.array(rgb)), lab, atol=5e-5)


@given(st.lists(st.floats(-0.5, 1.5, width=32), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_inverses_return_any_color_also_outside_the_gamut(rgb):
    rgb = np.array(rgb, np.float32)
    for forth, back, _ in PAIRS:
        np.testing.assert_allclose(back(forth(rgb)), rgb, atol=2e-5)


@pytest.mark.parametrize(("forth", "back", "scale"), PAIRS)
def test_inverses_hold_on_the_cube_from_both_sides(forth, back, scale):
    np.testing.assert_allclose(back(forth(cube())), CUBE, atol=1e-5)
    values = forth(cube())
    np.testing.assert_allclose(forth(back(values)), values, atol=3e-6 * scale)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_gradients_are_finite_everywhere(function):
    points = np.stack(np.meshgrid(BEYOND, BEYOND, BEYOND), -1).reshape(-1, 3)
    gradient = jax.grad(lambda x: function(x).sum())(jnp.asarray(points, jnp.float32))
    assert bool(jnp.isfinite(gradient).all())


@pytest.mark.parametrize("function", ELEMENTWISE)
def test_gradient_of_the_curves_is_their_slope(function):
    points = jnp.array([-0.5, 0.0, 0.001, 0.3, 0.9, 1.4], jnp.float32)
    step = 1e-3
    slope = (function(points + step) - function(points - step)) / (2 * step)
    gradient = jax.vmap(jax.grad(function))(points)
    np.testing.assert_allclose(gradient, slope, rtol=2e-3)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_jit_and_vmap_change_nothing(function):
    values = cube().reshape(-1, 3)
    expected = function(values)
    tolerance = {"rtol": 1e-5, "atol": 1e-5 * float(jnp.abs(expected).max())}
    np.testing.assert_allclose(jax.jit(function)(values), expected, **tolerance)
    np.testing.assert_allclose(jax.vmap(function)(values), expected, **tolerance)
    loop = np.stack([function(value) for value in values[:20]])
    np.testing.assert_allclose(loop, expected[:20], **tolerance)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_dtype_is_the_widest_input_and_at_least_float32(function):
    assert function(cube(jnp.bfloat16)).dtype == jnp.float32
    assert function(cube()).dtype == jnp.float32
    wide = jnp.float64 if jax.config.jax_enable_x64 else jnp.float32
    assert function(CUBE).dtype == wide


@pytest.mark.skipif(not jax.config.jax_enable_x64, reason="needs JAX_ENABLE_X64=1")
def test_double_precision_is_used_throughout():
    np.testing.assert_allclose(
        color.lab_to_rgb(color.rgb_to_lab(CUBE)), CUBE, atol=1e-9
    )
    expected = skimage.color.rgb2lab(CUBE)
    bright = CUBE.min(-1) > 0.1
    np.testing.assert_allclose(
        color.rgb_to_lab(CUBE)[bright], expected[bright], atol=1e-9
    )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_integers_are_refused_with_the_fix(function):
    with refuses(r"must be a floating array, got dtype uint8\..*divide .* by 255"):
        function(np.zeros((4, 3), np.uint8))


@pytest.mark.parametrize("function", FUNCTIONS[2:])
@pytest.mark.parametrize("shape", [(4, 4), (5, 1), (3, 8), ()])
def test_other_channel_counts_are_refused(function, shape):
    with refuses(r"must be \[\.\.\., 3\], with the channels last, got shape"):
        function(jnp.zeros(shape))
