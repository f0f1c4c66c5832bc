"""Images made larger or whole by references. How well is a benchmark's matter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import noisy
from support import refuses

from inr import training
from inr.restoration import (
    LoadedModel,
    TextureTransformer,
    inpaint_by_reference,
    load_model,
    save_model,
    texture_loss,
    upscale_by_reference,
)
from inr.restoration.files import example_inputs
from inr.restoration.holes import fill_holes, whole_cells

OPTIONS = {"width": 8, "textures": (4, 6, 8)}
BLOCKS = {1: (1, 1), 2: (1, 1, 1), 4: (1, 1, 1, 1)}


def photo(seed, h, w):
    return np.random.default_rng(seed).random((h, w, 3), np.float32)


def model(scale):
    made = TextureTransformer(scale, blocks=BLOCKS[scale], **OPTIONS)
    params = noisy(made, *example_inputs(made))
    return LoadedModel(made, jax.tree.map(jnp.asarray, params))


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 4])
def test_odd_sizes_and_references_of_any_size(scale):
    known = model(scale)
    made = upscale_by_reference(photo(0, 7, 5), [photo(1, 18, 13)], model=known)
    assert made.shape == (7 * scale, 5 * scale, 3)
    other = upscale_by_reference(photo(0, 7, 5), [photo(2, 18, 13)], model=known)
    assert np.abs(made - other).max() > 1e-4
    alone = upscale_by_reference(photo(0, 7, 5), [], model=known)
    assert np.abs(made - alone).max() > 1e-4


@pytest.mark.slow
def test_a_hole_is_filled_whatever_was_in_it(tmp_path):
    known = model(1)
    image, mask = photo(0, 21, 26), np.zeros((21, 26), bool)
    mask[5:12, 6:15] = True
    made = np.asarray(inpaint_by_reference(image, mask, [], model=known))
    np.testing.assert_array_equal(made[~mask], image[~mask])
    other = np.where(mask[..., None], 0.9, image).astype(np.float32)
    np.testing.assert_array_equal(
        inpaint_by_reference(other, mask, [], model=known), made
    )
    # Its own rest, and a reference, have a say.
    image[16:, 18:] = 1 - image[16:, 18:]
    assert (
        np.abs(inpaint_by_reference(image, mask, [], model=known) - made)[mask].max()
        > 0
    )
    more = inpaint_by_reference(other, mask, [photo(3, 16, 16)], model=known)
    assert np.abs(more - made)[mask].max() > 1e-4
    save_model(tmp_path / "kept.safetensors", *known)
    assert load_model(tmp_path / "kept.safetensors").model == known.model


@pytest.mark.slow
def test_a_first_guess_is_smooth_and_keeps_what_is_known():
    """A plane is a membrane too."""
    grid = np.linspace(0, 1, 17, dtype=np.float32)
    image = np.stack([grid[:, None] + 0 * grid, 0 * grid[:, None] + grid], -1)
    hole = np.zeros((17, 17), bool)
    hole[6:9, 7:12] = True
    found = np.asarray(fill_holes(jnp.asarray(image), jnp.asarray(hole)))
    np.testing.assert_array_equal(found[~hole], image[~hole])
    np.testing.assert_allclose(found[hole], image[hole], atol=2e-3)
    flat = fill_holes(jnp.full((17, 17, 2), 0.3), jnp.asarray(hole))
    np.testing.assert_allclose(flat, 0.3, atol=1e-6)
    one = np.ones((5, 6), bool)
    one[2, 3] = False
    spread = fill_holes(jnp.asarray(photo(0, 5, 6)), jnp.asarray(one))
    np.testing.assert_allclose(
        spread, np.broadcast_to(photo(0, 5, 6)[2, 3], (5, 6, 3)), atol=1e-6
    )
    nothing = fill_holes(jnp.asarray(photo(0, 5, 6)), jnp.ones((5, 6), bool))
    np.testing.assert_array_equal(nothing, 0)


def test_cells_near_a_hole_are_not_whole():
    hole = np.zeros((24, 32), bool)
    hole[9, 14] = True  # cell (2, 3)
    whole = np.asarray(whole_cells(jnp.asarray(hole), 4, 1))
    expected = np.ones((6, 8), bool)
    expected[1:4, 2:5] = False
    np.testing.assert_array_equal(whole, expected)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1, 4])
def test_the_loss_of_a_network_that_adds_nothing(scale):
    known = model(scale)
    params = known.params["params"]
    output = jax.tree.map(jnp.zeros_like, params["generator"]["output"])
    params = {**params, "generator": {**params["generator"], "output": output}}
    pairs = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 6)).astype(np.uint8)
    loss = jax.jit(texture_loss(known.model, side=16))
    _, parts = loss({"params": params}, jax.random.key(0), pairs)
    small = np.asarray(training.reduce_images(pairs, (16, 16), interpolation="bicubic"))
    wanted = small.clip(0, 1)[..., :3]
    if scale == 4:
        given = training.reduce_images(wanted, (4, 4), interpolation="bicubic")
        expected = jax.image.resize(given, (2, 16, 16, 3), "cubic")
        np.testing.assert_allclose(
            parts["square"], np.mean((expected - wanted) ** 2), rtol=1e-4
        )
    else:
        hole_key = jax.random.split(jax.random.key(0), 4)[1]
        holes = np.asarray(training.random_holes(hole_key, (16, 16), count=2))
        expected = 0
        for image, hole in zip(wanted, holes, strict=True):
            error = (
                np.asarray(fill_holes(jnp.asarray(image), jnp.asarray(hole))) - image
            )
            expected += np.mean(error**2) / (hole.mean() + 1e-3) / 2
        np.testing.assert_allclose(parts["square"], expected, rtol=1e-4)


@pytest.mark.slow
def test_unrelated_references_and_none():
    """Another's reference, of one pair twice, is its own; with none it is no matter."""
    known = model(4)
    draw = np.random.default_rng(0)
    one, two = draw.integers(0, 255, (2, 1, 32, 32, 6)).astype(np.uint8)
    two[..., :3] = one[..., :3]

    def error(*pairs, **shares):
        loss = texture_loss(known.model, side=32, views=0.0, **shares)
        return loss(known.params, jax.random.key(0), np.concatenate(pairs))[0]

    own = error(one, one, unrelated=0.0, without=0.0)
    other = error(two, two, unrelated=0.0, without=0.0)
    none = error(one, one, unrelated=0.0, without=1.0)
    assert abs(own - other) > 1e-5
    assert abs(own - none) > 1e-5
    np.testing.assert_allclose(
        error(two, two, unrelated=1.0, without=1.0), none, rtol=1e-5
    )
    mixed = error(one, two, unrelated=0.0, without=0.0)
    np.testing.assert_allclose(mixed, (own + other) / 2, rtol=1e-5)
    # Turned by one, each has the other's reference, and the picture is the same.
    np.testing.assert_allclose(
        error(one, two, unrelated=1.0, without=0.0), mixed, rtol=1e-5
    )
    apart = error(one, one, unrelated=1.0, without=0.0)
    np.testing.assert_allclose(apart, own, rtol=1e-5)


@pytest.mark.slow
def test_all_losses_reach_the_weights(data_folder):
    import safetensors.numpy

    path = data_folder / "weights" / "vgg16_lpips.safetensors"
    weights = safetensors.numpy.load_file(path)
    known = model(4)
    pairs = np.random.default_rng(0).integers(0, 255, (1, 40, 40, 6)).astype(np.uint8)
    loss = texture_loss(known.model, side=32, without=0.0, weights=weights)
    value, gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(
        known.params, jax.random.key(0), pairs
    )
    total, parts = value
    named = parts["absolute"] + 0.01 * (parts["perceptual"] + parts["transferal"])
    np.testing.assert_allclose(total, named, rtol=1e-5)
    assert min(float(x) for x in parts.values()) > 0
    for leaf in jax.tree.leaves(gradient):
        assert np.isfinite(leaf).all()
        assert np.any(leaf)


def test_what_does_not_fit_is_refused():
    for scale, call in ((1, upscale_by_reference), (4, inpaint_by_reference)):
        made = TextureTransformer(scale, blocks=BLOCKS[scale], **OPTIONS)
        second = [[]] if scale == 1 else [np.ones((8, 8), bool), []]
        with refuses("`model` must be of scale"):
            call(photo(0, 8, 8), *second, model=LoadedModel(made, {}))
    known = LoadedModel(TextureTransformer(4, blocks=BLOCKS[4], **OPTIONS), {})
    with refuses("`image` must be RGB"):
        upscale_by_reference(photo(0, 8, 8)[..., :1], [], model=known)
    with refuses("`references` must be at least 4 pixels a side"):
        upscale_by_reference(photo(0, 8, 8), [photo(0, 3, 8)], model=known)
    with refuses("`mask` must be a bool array"):
        inpaint_by_reference(photo(0, 8, 8), np.ones((8, 8)), [], model=known)
