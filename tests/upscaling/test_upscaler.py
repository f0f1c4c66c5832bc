import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import SMALL, random_params
from support import refuses

import inr
from inr import color, coords
from inr.models import FeatureMap, FlatEncoder, LoadedModel, load_model, save_model
from inr.upscaling import Upscaler, WaveHead, blockwise, network, upscale

TINY = Upscaler(width=6, blocks=1, waves=3)


def photo(h=13, w=17, c=3):
    return np.random.default_rng(0).random((h, w, c), np.float32)


@pytest.fixture(scope="module")
def tiny():
    return LoadedModel(TINY, random_params(TINY, jnp.zeros((1, 2)), photo()))


@pytest.mark.long
@pytest.mark.slow
def test_a_zero_decoder_gives_cubic_interpolation():
    params = TINY.init(jax.random.key(0), jnp.zeros((1, 2)), photo())
    params["params"]["decoder"] = jax.tree.map(
        jnp.zeros_like, params["params"]["decoder"]
    )
    output = upscale(photo(), 2.5, model=LoadedModel(TINY, params))
    grid = coords.grid((round(13 * 2.5), round(17 * 2.5)))
    np.testing.assert_allclose(
        output, coords.sample_grid(photo(), grid, interpolation="cubic"), atol=1e-5
    )


@pytest.mark.slow
def test_waves_over_a_cell_are_their_mean():
    head = WaveHead(waves=5)
    draw = np.random.default_rng(1)
    coefficients = jnp.asarray(draw.normal(size=(1, 1, 33)), jnp.float32)
    params = {"params": {"frequencies": draw.normal(size=(5, 2)).astype(np.float32)}}
    cell = np.array([0.7, 1.6], np.float32)
    side = (np.arange(60) + 0.5) / 60 - 0.5
    inside = np.stack(np.meshgrid(side, side, indexing="ij"), -1) * cell
    place = np.array([0.3, -0.4])

    def at(distance, cell):
        distance, cell = (jnp.asarray(x, jnp.float32) for x in (distance, cell))
        return head.apply(params, coefficients, distance, cell.reshape(1, 1, 2))

    points = at(place + inside, np.zeros(2)).mean((0, 1))
    np.testing.assert_allclose(
        at(place.reshape(1, 1, 2), cell)[0, 0], points, atol=2e-4
    )
    # By the formula itself, with NumPy's functions.
    phase = (place + inside) @ params["params"]["frequencies"].T
    basis = np.concatenate([np.ones((60, 60, 1)), np.cos(phase), np.sin(phase)], -1)
    expected = basis @ coefficients.reshape(3, 11).T
    np.testing.assert_allclose(at(place + inside, np.zeros(2)), expected, atol=1e-5)


@pytest.mark.slow
def test_reach_is_the_radius_of_the_receptive_field(tiny):
    model, params = tiny
    image = photo(25, 25)
    point = jnp.asarray(coords.grid((25, 25))[12, 12] + 0.01)

    def value(image):
        return inr.bind(model, params, image)(point).sum()

    slopes = np.abs(jax.grad(value)(jnp.asarray(image))).sum(-1)
    rows, columns = np.nonzero(slopes)
    far = max(np.abs(rows - 12).max(), np.abs(columns - 12).max())
    assert FlatEncoder(6, 1).reach < far <= model.reach


@pytest.mark.slow
def test_the_field_is_continuous(tiny):
    """At pixel centers and halfway between, where the nearest pixels change."""
    field = inr.bind(*tiny, photo())
    for at in (0.0, 1 / 17, 2 / 17):
        below, above = (field(jnp.array([0.1, at + e])) for e in (-1e-6, 1e-6))
        np.testing.assert_allclose(below, above, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2.7, (3, 2)])
def test_blocks_equal_one_render(scale, tiny, monkeypatch):
    model, params = tiny
    image = photo(40, 29)
    size = tuple(np.rint(np.multiply(scale, (40, 29))).astype(int).tolist())
    expected = inr.render(
        inr.bind(model, params, image), size, antialias="integral", progress=False
    )
    monkeypatch.setattr(blockwise, "_SIDES", (16,))
    output = upscale(image, scale, model=LoadedModel(model, params))
    np.testing.assert_allclose(output, expected, atol=1e-4)


def test_windows_overlap_by_the_receptive_field(tiny, monkeypatch):
    """Windows of 8 pixels, which the padding would reach if they overlapped less."""
    image = photo(40, 29)
    expected = upscale(image, 2, model=tiny)
    monkeypatch.setattr(blockwise, "_SIDES", (8,))
    output = upscale(image, 2, model=tiny)
    np.testing.assert_allclose(output, expected, atol=1e-5)


@pytest.mark.long
@pytest.mark.slow
def test_weights_of_the_local_ensemble_add_up_to_1(tiny):
    """Where all pixels predict the same constant, the residual is that constant."""
    model, params = tiny
    image = jnp.zeros((5, 6, 3))
    constants = np.float32([0.5, -0.25, 2.0])
    coefficients = np.zeros((5, 6, 3, 7), np.float32)
    coefficients[..., 0] = constants
    feature_map = FeatureMap(jnp.asarray(coefficients.reshape(5, 6, 21)), image)
    points = coords.random_points(jax.random.key(0), 50)
    values = model.apply(params, points, feature_map)
    np.testing.assert_allclose(values, np.tile(constants, (50, 1)), rtol=1e-5)
    pixels = model.apply(params, feature_map, (2, 3), method="pixels")
    np.testing.assert_allclose(pixels, np.tile(constants, (10, 18, 1)), rtol=1e-5)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("scale", [(2, 2), (1, 3), (4, 2)])
def test_pixels_equal_render(tiny, scale):
    """At the borders too, where edge pixels are replicated."""
    image = photo(9, 7)
    field = inr.bind(*tiny, image)
    size = (9 * scale[0], 7 * scale[1])
    expected = inr.render(field, size, antialias="integral", progress=False)
    sampled = TINY.apply(tiny.params, field.feature_map, scale, method="pixels")
    np.testing.assert_allclose(sampled, expected, atol=2e-5)


def test_a_region_equals_that_part_of_the_result(tiny):
    expected = upscale(photo(20, 20), 3, model=tiny)
    part = upscale(photo(20, 20), 3, region=((0.25, 0.5), (0.75, 0.9)), model=tiny)
    np.testing.assert_allclose(part, expected[15:45, 30:54], atol=1e-4)


@pytest.mark.slow
def test_scales_of_each_axis(tiny):
    assert upscale(photo(), (1, 3.3), model=tiny).shape == (13, 56, 3)
    assert upscale(photo(1, 1), 16, model=tiny).shape == (16, 16, 3)
    for scale in (0.5, np.nan, (2, -1), np.inf):
        with refuses("`scale` must be at least 1"):
            upscale(photo(), scale, model=tiny)


@pytest.mark.long
@pytest.mark.slow
def test_an_ensemble_is_the_mean_over_four_rotations(tiny):
    image = photo(9, 12)
    rotated = [
        np.rot90(upscale(np.rot90(image, k), (2, 2), model=tiny), -k) for k in range(4)
    ]
    output = upscale(image, 2, ensemble=True, model=tiny)
    np.testing.assert_allclose(output, np.mean(rotated, 0), atol=1e-4)
    unequal = upscale(image, (2, 3), ensemble=True, model=tiny)
    other = upscale(np.rot90(image), (3, 2), ensemble=True, model=tiny)
    np.testing.assert_allclose(unequal, np.rot90(other, -1), atol=1e-4)


@pytest.mark.long
@pytest.mark.slow
def test_gray_output_is_the_luma_of_the_color_output(tiny):
    model, params = tiny
    gray = photo(8, 9, 1)
    luma = inr.bind(model.clone(gray=True), params, gray)
    rgb = inr.bind(model, params, np.repeat(gray, 3, -1))
    grid = coords.grid((5, 7))
    cell = jnp.array([0.1, 0.2])
    for a, b in (
        (luma(grid), rgb(grid)),
        (luma.cell_mean(grid, cell), rgb.cell_mean(grid, cell)),
    ):
        np.testing.assert_allclose(a, color.rgb_to_luma(b), atol=1e-4)
    with refuses("gray, \\[h, w, 1\\]"):
        inr.bind(model.clone(gray=True), params, photo())


@pytest.mark.long
@pytest.mark.slow
def test_gray_stays_gray_and_alpha_is_interpolated(tiny):
    gray, alpha = photo(8, 9, 1), photo(8, 9, 1)[::-1]
    output = upscale(gray, 2, model=tiny)
    three = upscale(np.repeat(gray, 3, -1), 2, model=tiny)
    np.testing.assert_allclose(output, color.rgb_to_luma(three), atol=1e-5)
    np.testing.assert_array_equal(upscale(gray[..., 0], 2, model=tiny), output)
    both = upscale(np.concatenate([gray, alpha], -1), 2, model=tiny)
    np.testing.assert_array_equal(both[..., :1], output)
    cubic = coords.sample_grid(alpha, coords.grid((16, 18)), interpolation="cubic")
    np.testing.assert_allclose(both[..., 1:], cubic, atol=1e-5)
    with refuses("`image` must be gray or RGB"):
        upscale(photo(4, 4, 5), 2, model=tiny)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_bad_images_are_refused(tiny, value):
    image = photo()
    image[3, 4] = value
    with refuses("`image` must be finite"):
        upscale(image, 2, model=tiny)
    with refuses("`image` must"):
        upscale(photo()[:0], 2, model=tiny)
    with refuses("RGB, \\[h, w, 3\\]"):
        inr.bind(*tiny, photo(4, 4, 1))


@pytest.mark.slow
def test_a_budget_shrinks_blocks_or_names_the_least(tiny):
    image = photo(70, 60)
    free = upscale(image, 2, model=tiny)
    with pytest.raises(ValueError, match="`max_bytes` must be at least") as caught:
        upscale(image, 2, model=tiny, max_bytes=10_000)
    least = int(str(caught.value).split("at least ")[1].split()[0])
    output = upscale(image, 2, model=tiny, max_bytes=least)
    np.testing.assert_allclose(output, free, atol=1e-4)
    with refuses("`max_bytes` must be at least"):
        upscale(image, 2, model=tiny, max_bytes=least - 1)


@pytest.mark.slow
def test_a_file_round_trip_and_models_for_other_tasks(tiny, tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_model(path, TINY, tiny.params)
    model, params = load_model(path)
    assert model == TINY
    for a, b in zip(*map(jax.tree.leaves, (params, tiny.params)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)
    output = upscale(photo(), 2, model=path)
    np.testing.assert_allclose(output, upscale(photo(), 2, model=tiny), atol=0.05)
    with refuses("`model` must be a model for task 'colorize', got Upscaler"):
        inr.colorize(photo(8, 8, 1), model=path)
    with refuses("`model` must be a model for task 'upscale', got Restorer"):
        upscale(photo(), 2, model=LoadedModel(SMALL, {}))
    for name, bad in (("width", 1.5), ("blocks", 0), ("waves", 0)):
        with refuses(f"`{name}` must be"):
            Upscaler(**{name: bad})


def test_rotated_coords_match_the_rotated_image():
    image = photo(3, 5)
    grid = coords.grid((3, 5))
    for k, (i, j) in itertools.product(range(4), itertools.product(range(3), range(5))):
        point = network._rotate(grid[i, j], k)
        sampled = coords.sample_grid(np.rot90(image, k).copy(), point)
        np.testing.assert_allclose(sampled, image[i, j], atol=1e-5)
