import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from support import count_compilations, mostly_slow, refuses

import inr
from inr import merging, poisson

PER_CHANNEL = merging.Strongest(joint_channels=False)

# Where the preconditioner does not matter: multigrid takes seconds to compile.
clone = functools.partial(inr.clone, method="cg")


def draw(*shape, seed=0):
    return np.random.default_rng(seed).random(shape)


def disc(h, w):
    y, x = np.mgrid[:h, :w]
    return np.hypot((y + 0.5) / h - 0.5, (x + 0.5) / w - 0.5) < 0.4


@functools.cache
def golden(folder):
    return dict(np.load(folder / "golden" / "masked_clone.npz"))


@pytest.mark.parametrize(
    ("mode", "name"),
    [("normal", "src"), ("average", "avg"), (PER_CHANNEL, "max")],
    ids=["src", "avg", "max"],
)
@pytest.mark.parametrize("dtype", mostly_slow([np.float32, np.float64], np.float64))
def test_equals_the_published_direct_solves(data_folder, mode, name, dtype):
    """In gray levels: 1e-4 in float64, 1e-2 in float32.

    The images stay in levels: their differences are then exact, as are the ties between
    equal gradients, of which images of 8 bits have many.
    """
    data = golden(data_folder)
    images = (data["source"].astype(dtype), data["target"].astype(dtype))
    rtol = 1e-6 if dtype == np.float32 else 1e-9
    with jax.enable_x64(dtype == np.float64):
        found = inr.clone(*images, data["mask"], mode=mode, rtol=rtol)
    expected = data[f"direct_{name}"]
    tolerance = 1e-2 if dtype == np.float32 else 1e-4
    np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=tolerance)


def direct_clone(source, target, mask, offset):
    """Perez et al., eq. 7, with the source's gradients: pixel by pixel, sparse."""
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
            b[i] += at_source(y, x) - at_source(*q)
            if q in unknown:
                matrix[i, unknown[q]] -= 1
            else:
                b[i] += target[q]
    result = target.copy()
    solved = scipy.sparse.linalg.splu(matrix.tocsc()).solve(b)
    for place, i in unknown.items():
        result[place] = solved[i]
    return result


@pytest.mark.parametrize(
    ("offset", "whole"),
    [((5, 8), False), ((-9, 3), False), ((28, 40), True), ((-4, -6), True)],
    ids=["inside", "above", "beyond the lower right", "beyond the upper left"],
)
def test_equals_a_sparse_direct_solve_wherever_it_is_put(offset, whole):
    source, target = draw(20, 26, 2), draw(40, 50, 2, seed=1)
    mask = np.ones((20, 26), bool) if whole else disc(20, 26)
    with jax.enable_x64(True):
        found = inr.clone(source, target, mask, offset=offset, rtol=1e-11)
    expected = direct_clone(source, target, mask, offset)
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_nothing_outside_the_mask_changes():
    source, target = (draw(30, 30, 3, seed=s).astype(np.float32) for s in (0, 1))
    mask = disc(30, 30)
    for options in ({}, {"mode": "mixed"}, {"linear_light": True}):
        found = np.asarray(clone(source, target, mask, **options))
        np.testing.assert_array_equal(found[~mask], target[~mask])
        assert (found[mask] != target[mask]).mean() > 0.99


def test_an_image_into_itself_changes_nothing():
    image = draw(30, 30, 3).astype(np.float32)
    for mode in ("normal", "mixed", "average"):
        found = clone(image, image, disc(30, 30), mode=mode)
        np.testing.assert_array_equal(found, image)


def test_a_constant_added_to_the_source_changes_nothing():
    source, target = (draw(30, 30, 3, seed=s).astype(np.float32) for s in (0, 1))
    mask = disc(30, 30)
    a, b = clone(source, target, mask), clone(source + 0.3, target, mask)
    np.testing.assert_allclose(a, b, atol=2e-6)


def test_a_flat_source_becomes_the_membrane():
    target = draw(30, 30, 1).astype(np.float32)
    mask = disc(30, 30)
    found = clone(np.full_like(target, 0.7), target, mask)
    blank = np.where(mask[..., None], 0.7, target).astype(np.float32)
    expected = poisson.solve_masked(np.zeros_like(target), mask, blank).value
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_monochrome_takes_the_gradients_of_luma():
    source, target = (draw(30, 30, 3, seed=s).astype(np.float32) for s in (0, 1))
    mask = disc(30, 30)
    found = clone(source, target, mask, mode="monochrome", rtol=1e-7)
    gray = np.repeat(inr.color.rgb_to_luma(source), 3, -1)
    expected = clone(gray, target, mask, rtol=1e-7)
    np.testing.assert_allclose(found, expected, atol=3e-6)


def test_mixed_takes_the_stronger_gradient_of_each_edge():
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
        found = clone(source, target, mask, mode="mixed", rtol=1e-12)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_linear_light_solves_for_light():
    source, target = (draw(30, 30, 3, seed=s).astype(np.float32) for s in (0, 1))
    mask = disc(30, 30)
    found = clone(source, target, mask, linear_light=True)
    light = clone(*map(inr.color.srgb_to_linear, (source, target)), mask)
    expected = inr.color.linear_to_srgb(light)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_gray_images_without_a_channel_axis():
    source, target = (draw(30, 30, seed=s).astype(np.float32) for s in (0, 1))
    found = clone(source, target, disc(30, 30))
    assert found.shape == (30, 30, 1)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["dst", "multigrid"])
def test_a_traced_mask_agrees_with_a_concrete_one(method):
    source, target = (draw(40, 44, 3, seed=s).astype(np.float32) for s in (0, 1))
    f = functools.partial(inr.clone, method=method, offset=(3, -2))
    mask = disc(40, 44)
    found = jax.jit(f)(source, target, mask)
    np.testing.assert_allclose(found, f(source, target, mask), atol=1e-5)


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
    # The whole lifts with the target around it, and with nothing else.
    np.testing.assert_allclose(gradient.sum(), mask.sum(), rtol=1e-4)
    assert not np.any(np.asarray(gradient)[~ring])


def test_a_second_image_another_offset_and_an_equal_rule_compile_nothing():
    source, target = (draw(60, 60, 3, seed=s).astype(np.float32) for s in (0, 1))
    mask = np.zeros((60, 60), bool)
    mask[20:35, 20:35] = True
    clone(source, target, mask, mode=merging.Strongest(select="pixel"))
    with count_compilations() as count:
        rule = merging.Strongest(select="pixel")
        clone(target, source, mask, offset=(5, 4), mode=rule)
    assert count() == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": np.zeros((8, 9, 3), np.uint8)}, "Divide by 255"),
        ({"target": np.full((8, 9, 3), np.nan)}, "`target` must be finite"),
        ({"source": np.zeros((8, 9, 1))}, "`source` must be of 3 channels"),
        ({"mask": np.ones((8, 9))}, "`mask > 127`"),
        ({"mask": disc(9, 8)}, r"`mask` must be of shape \(8, 9\)"),
        ({"mask": np.zeros((8, 9), bool)}, "an empty mask"),
        ({"mask": np.ones((8, 9), bool)}, "no known pixel"),
        ({"offset": (8, 0)}, "all of the mask lies outside"),
        ({"offset": 3}, r"`offset` must be \(row, column\)"),
        ({"mode": "poisson"}, "'normal', 'mixed', 'average', 'monochrome'"),
        ({"method": "fft"}, "`method`"),
        ({"max_steps": 0}, "`max_steps`"),
        ({"rtol": 0.0}, "`rtol` must be a finite number above 0"),
    ],
)
def test_bad_input_is_refused(change, message):
    arguments = {
        "source": np.zeros((8, 9, 3)),
        "target": np.zeros((8, 9, 3)),
        "mask": disc(8, 9),
        **change,
    }
    with refuses(message):
        inr.clone(**arguments)


def test_non_convergence_is_reported():
    source, target = (draw(40, 40, 1, seed=s).astype(np.float32) for s in (0, 1))
    with pytest.raises(poisson.NotConverged):
        inr.clone(source, target, disc(40, 40), method="cg", max_steps=2)
