import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from pictures import picture
from support import count_compilations, mostly_slow, refuses

import inr
from inr import merging, poisson

PER_CHANNEL = merging.Strongest(joint_channels=False)

# For tests in which the solver does not matter: multigrid takes seconds to compile.
clone = functools.partial(inr.seamless_clone, solver="cg")


def draw(*shape, seed=0):
    return np.random.default_rng(seed).random(shape)


def disc(h, w):
    y, x = np.mgrid[:h, :w]
    return np.hypot((y + 0.5) / h - 0.5, (x + 0.5) / w - 0.5) < 0.4


@functools.cache
def golden(folder):
    return dict(np.load(folder / "golden" / "masked_clone.npz"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "name"),
    [("normal", "src"), ("average", "avg"), (PER_CHANNEL, "max")],
    ids=["src", "avg", "max"],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("ignore:.* should be in .0, 1.")
def test_equals_the_published_direct_solves(data_folder, mode, name, dtype):
    """To 1e-4 gray levels in float64, and 1e-2 in float32.

    The values of the images are gray levels, so that differences are exact, and so are
    ties between equal gradients, which are frequent in 8-bit images.
    """
    data = golden(data_folder)
    images = (data["source"].astype(dtype), data["target"].astype(dtype))
    rtol = 1e-6 if dtype == np.float32 else 1e-9
    with jax.enable_x64(dtype == np.float64):
        result = inr.seamless_clone(*images, data["mask"], mode=mode, rtol=rtol)
    expected = data[f"direct_{name}"]
    tolerance = 1e-2 if dtype == np.float32 else 1e-4
    np.testing.assert_allclose(np.asarray(result), expected, rtol=0, atol=tolerance)


def source_difference(source, target):
    """[Perez et al. 2003, eq. 10]."""
    del target
    return source


def mean_difference(source, target):
    return (source + target) / 2


def stronger_difference(source, target):
    """[Perez et al. 2003, eq. 12], in every channel; the source wins ties."""
    return np.where(np.abs(target) > np.abs(source), target, source)


def direct_clone(source, target, mask, offset, difference=source_difference):
    """Sparse direct solve of Perez et al., eq. 7, assembled pixel by pixel.

    `difference` combines those of two images between neighbors.
    """
    h, w, c = target.shape
    hs, ws = mask.shape
    unknown = {}
    for y, x in zip(*np.nonzero(mask), strict=True):
        place = (y + offset[0], x + offset[1])
        if 0 <= place[0] < h and 0 <= place[1] < w:
            unknown[place] = len(unknown)
    matrix = scipy.sparse.lil_array((len(unknown), len(unknown)))
    b = np.zeros((len(unknown), c))

    def at_source(y, x):
        y, x = y - offset[0], x - offset[1]
        return source[np.clip(y, 0, hs - 1), np.clip(x, 0, ws - 1)]

    for (y, x), i in unknown.items():
        for q in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if not (0 <= q[0] < h and 0 <= q[1] < w):
                continue
            matrix[i, i] += 1
            own = at_source(y, x) - at_source(*q)
            b[i] += difference(own, target[y, x] - target[q])
            if q in unknown:
                matrix[i, unknown[q]] -= 1
            else:
                b[i] += target[q]
    result = target.copy()
    values = scipy.sparse.linalg.splu(matrix.tocsc()).solve(b)
    for place, i in unknown.items():
        result[place] = values[i]
    return result


@pytest.mark.parametrize(
    ("mode", "difference"),
    [
        ("normal", source_difference),
        ("average", mean_difference),
        (PER_CHANNEL, stronger_difference),
    ],
    ids=["normal", "average", "strongest"],
)
@pytest.mark.parametrize("dtype", mostly_slow([np.float32, np.float64], np.float64))
@pytest.mark.filterwarnings("ignore:.* should be in .0, 1.")
def test_equals_a_sparse_direct_solve_of_8_bit_pictures(mode, difference, dtype):
    """To 1e-4 gray levels in float64, and 1e-2 in float32.

    The values of the images are gray levels, so that differences are exact, and so are
    ties between equal gradients, which are frequent in 8-bit images.
    """
    source, target = (np.rint(255 * picture(x)).astype(dtype) for x in ("cat", "cup"))
    source, target, mask = source[30:62, 20:56], target[10:50, 8:52], disc(32, 36)
    rtol = 1e-6 if dtype == np.float32 else 1e-9
    with jax.enable_x64(dtype == np.float64):
        result = inr.seamless_clone(
            source, target, mask, offset=(4, 5), mode=mode, rtol=rtol
        )
    exact = (np.float64(source), np.float64(target), mask, (4, 5))
    expected = direct_clone(*exact, difference)
    assert np.abs(expected - target)[4:36, 5:41][mask].mean() > 5
    tolerance = 1e-2 if dtype == np.float32 else 1e-4
    np.testing.assert_allclose(np.asarray(result), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("offset", "full_mask"),
    [((5, 8), False), ((-9, 3), False), ((28, 40), True), ((-4, -6), True)],
    ids=["inside", "above", "beyond the lower right", "beyond the upper left"],
)
def test_equals_a_sparse_direct_solve_at_any_offset(offset, full_mask):
    source, target = draw(20, 26, 2), draw(40, 50, 2, seed=1)
    mask = np.ones((20, 26), bool) if full_mask else disc(20, 26)
    with jax.enable_x64(True):
        result = inr.seamless_clone(source, target, mask, offset=offset, rtol=1e-11)
    expected = direct_clone(source, target, mask, offset)
    np.testing.assert_allclose(result, expected, atol=1e-8)


def test_pixels_outside_the_mask_are_unchanged():
    source, target = (draw(30, 30, 3, seed=s).astype(np.float32) for s in (0, 1))
    mask = disc(30, 30)
    for options in ({}, {"mode": "mixed"}, {"linear_light": True}):
        result = np.asarray(clone(source, target, mask, **options))
        np.testing.assert_array_equal(result[~mask], target[~mask])
        assert (result[mask] != target[mask]).mean() > 0.99


def test_an_image_cloned_into_itself_is_unchanged():
    image = draw(30, 30, 3).astype(np.float32)
    for mode in ("normal", "mixed", "average"):
        result = clone(image, image, disc(30, 30), mode=mode)
        np.testing.assert_array_equal(result, image)


def test_a_constant_added_to_the_source_has_no_effect():
    source, target = (draw(30, 30, 3, seed=s).astype(np.float32) for s in (0, 1))
    mask = disc(30, 30)
    a, b = clone(source, target, mask), clone(source + 0.3, target, mask)
    np.testing.assert_allclose(a, b, atol=2e-6)


@pytest.mark.slow
def test_a_constant_source_gives_a_membrane():
    target = draw(30, 30, 1).astype(np.float32)
    mask = disc(30, 30)
    result = clone(np.full_like(target, 0.7), target, mask)
    blank = np.where(mask[..., None], 0.7, target).astype(np.float32)
    expected = poisson.solve_masked(np.zeros_like(target), mask, blank).value
    np.testing.assert_allclose(result, expected, atol=2e-6)


def test_monochrome_uses_the_gradients_of_luma():
    source, target = (draw(30, 30, 3, seed=s).astype(np.float32) for s in (0, 1))
    mask = disc(30, 30)
    result = clone(source, target, mask, mode="monochrome", rtol=1e-7)
    gray = np.repeat(inr.color.rgb_to_luma(source), 3, -1)
    expected = clone(gray, target, mask, rtol=1e-7)
    np.testing.assert_allclose(result, expected, atol=3e-6)


def test_mixed_uses_the_stronger_gradient_of_each_edge():
    source, target = draw(9, 9, 2), draw(9, 9, 2, seed=1)
    mask = np.zeros((9, 9), bool)
    mask[3:6, 2:7] = True
    gradients = [np.asarray(poisson.grid_gradient(x)) for x in (source, target)]
    strength = [(g.astype(np.float64) ** 2).sum(-1, keepdims=True) for g in gradients]
    with jax.enable_x64(True):
        field = np.where(
            strength[1] > strength[0],
            poisson.grid_gradient(target),
            poisson.grid_gradient(source),
        )
        expected = poisson.integrate_masked(field, mask, target, rtol=1e-12).value
        result = clone(source, target, mask, mode="mixed", rtol=1e-12)
    np.testing.assert_allclose(result, expected, atol=1e-10)


def test_linear_light():
    source, target = (draw(30, 30, 3, seed=s).astype(np.float32) for s in (0, 1))
    mask = disc(30, 30)
    result = clone(source, target, mask, linear_light=True)
    light = clone(*map(inr.color.srgb_to_linear, (source, target)), mask)
    expected = inr.color.linear_to_srgb(light)
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_images_of_8_bits():
    levels = [np.rint(255 * draw(30, 30, 3, seed=s)).astype(np.uint8) for s in (0, 1)]
    expected = clone(*(x / np.float32(255) for x in levels), disc(30, 30))
    np.testing.assert_array_equal(clone(*levels, disc(30, 30)), expected)


def test_gray_images_without_a_channel_axis():
    source, target = (draw(30, 30, seed=s).astype(np.float32) for s in (0, 1))
    result = clone(source, target, disc(30, 30))
    assert result.shape == (30, 30, 1)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("solver", ["dst", "multigrid"])
def test_a_traced_mask_equals_a_concrete_mask(solver):
    source, target = (draw(40, 44, 3, seed=s).astype(np.float32) for s in (0, 1))
    f = functools.partial(inr.seamless_clone, solver=solver, offset=(3, -2))
    mask = disc(40, 44)
    result = jax.jit(f)(source, target, mask)
    np.testing.assert_allclose(result, f(source, target, mask), atol=1e-5)


@pytest.mark.slow
def test_vmap_and_grad():
    source, target = (draw(3, 20, 22, 1, seed=s).astype(np.float32) for s in (0, 1))
    mask = disc(20, 22)
    f = functools.partial(clone, mask=mask)
    loop = np.stack([f(s, t) for s, t in zip(source, target, strict=True)])
    np.testing.assert_allclose(jax.vmap(f)(source, target), loop, atol=1e-5)

    def level(target):
        return jnp.sum(f(source[0], target)[mask])

    gradient = jax.grad(level)(jnp.asarray(target[0]))[..., 0]
    ring = np.zeros((20, 22), bool)
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        ring |= np.roll(mask, step, axis)
    ring &= ~mask
    # The result depends on the target only at the neighbors of the mask.
    np.testing.assert_allclose(gradient.sum(), mask.sum(), rtol=1e-4)
    assert not np.any(np.asarray(gradient)[~ring])


def test_other_images_offsets_and_equal_modes_do_not_recompile():
    source, target = (draw(60, 60, 3, seed=s).astype(np.float32) for s in (0, 1))
    mask = np.zeros((60, 60), bool)
    mask[20:35, 20:35] = True
    clone(source, target, mask, mode=merging.Strongest(select="pixel"))
    with count_compilations() as count:
        mode = merging.Strongest(select="pixel")
        clone(target, source, mask, offset=(5, 4), mode=mode)
    assert count() == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"source": np.zeros((8, 9, 3), np.int32)},
            "`source` must be a floating, uint8",
        ),
        ({"target": np.full((8, 9, 3), np.nan)}, "`target` must be finite"),
        ({"source": np.zeros((8, 9, 1))}, "`source` must be of 3 channels"),
        ({"mask": np.ones((8, 9))}, "`mask > 127`"),
        ({"mask": disc(9, 8)}, r"`mask` must be of shape \(8, 9\)"),
        ({"mask": np.zeros((8, 9), bool)}, "an empty mask"),
        ({"mask": np.ones((8, 9), bool)}, "no known pixel"),
        ({"offset": (8, 0)}, "all of the mask lies outside"),
        ({"offset": 3}, r"`offset` must be \(row, column\)"),
        ({"offset": (1.5, 1)}, r"`offset` .* two whole numbers, got \(1.5, 1\)"),
        ({"offset": (True, 1)}, r"`offset` .* two whole numbers, got \(True, 1\)"),
        ({"offset": (1, 2, 3)}, "`offset`"),
        ({"mode": "poisson"}, "'normal', 'mixed', 'average', 'monochrome'"),
        (
            {"mode": lambda g, w: g[0, :, :, 0]},
            "`mode` must be a function that returns",
        ),
        ({"solver": "fft"}, "`solver`"),
        ({"max_steps": 0}, "`max_steps`"),
        ({"rtol": 0.0}, "`rtol` must be a finite number above 0"),
    ],
)
def test_invalid_input_raises(change, message):
    arguments = {
        "source": np.zeros((8, 9, 3)),
        "target": np.zeros((8, 9, 3)),
        "mask": disc(8, 9),
        **change,
    }
    with refuses(message):
        inr.seamless_clone(**arguments)


def test_the_error_without_convergence_has_the_image():
    source, target = (draw(40, 40, 1, seed=s).astype(np.float32) for s in (0, 1))
    mask = np.zeros((40, 40), bool)
    mask[10:20, 12:25] = True
    with pytest.raises(poisson.NotConverged) as info:
        clone(source, target, mask, max_steps=2)
    value = np.asarray(info.value.solution.value)
    np.testing.assert_array_equal(value[~mask], target[~mask])
    assert not np.any(value[mask] == target[mask])
