"""The verbs' sizes, invariances and errors; a benchmark measures their quality."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_transformer import module, photo, transformer
from support import refuses

import inr
from inr.models import LoadedModel, load_model, save_model
from inr.poisson import solve_masked
from inr.references import match_references, upscale_by_reference
from inr.training import reduce_images


def square_mask(h, w):
    mask = np.zeros((h, w), bool)
    mask[5:12, 6:15] = True
    return mask


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 4])
def test_odd_sizes_and_references_of_any_size(scale):
    options = {"model": transformer(scale), "scale": scale}
    result = upscale_by_reference(photo(0, 7, 5), [photo(1, 18, 13)], **options)
    assert result.shape == (7 * scale, 5 * scale, 3)
    other = upscale_by_reference(photo(0, 7, 5), [photo(2, 18, 13)], **options)
    assert np.abs(result - other).max() > 1e-4
    without = upscale_by_reference(photo(0, 7, 5), [], **options)
    assert np.abs(result - without).max() > 1e-4


@pytest.mark.long
@pytest.mark.slow
def test_values_in_the_hole_have_no_effect(tmp_path):
    model = transformer(1)
    image, mask = photo(0, 21, 26), square_mask(21, 26)
    result = np.asarray(inr.inpaint(image, mask, model=model))
    np.testing.assert_array_equal(result[~mask], image[~mask])
    damaged = np.where(mask[..., None], 0.9, image).astype(np.float32)
    np.testing.assert_array_equal(inr.inpaint(damaged, mask, model=model), result)
    # Pixels far from the hole, and a reference, have one.
    image[16:, 18:] = 1 - image[16:, 18:]
    changed = inr.inpaint(image, mask, model=model)
    assert np.abs(changed - result)[mask].max() > 0
    references = [photo(3, 16, 16)]
    changed = inr.inpaint(damaged, mask, references=references, model=model)
    assert np.abs(changed - result)[mask].max() > 1e-4
    save_model(tmp_path / "holes.safetensors", *model)
    assert load_model(tmp_path / "holes.safetensors").model == model.model


@pytest.mark.slow
def test_a_membrane_solves_the_laplace_equation():
    image, mask = photo(0, 21, 26), square_mask(21, 26)
    result = inr.inpaint(image, mask, method="membrane")
    known = jnp.where(mask[..., None], 0, image)
    expected = solve_masked(jnp.zeros_like(known), mask, known).value
    np.testing.assert_array_equal(result, expected)
    # Discrete harmonicity, in NumPy.
    x = np.asarray(result)
    around = x[4:11, 6:15] + x[6:13, 6:15] + x[5:12, 5:14] + x[5:12, 7:16]
    np.testing.assert_allclose(around / 4, x[5:12, 6:15], atol=1e-3)
    gray = inr.inpaint(image[..., 0], mask, method="membrane")
    np.testing.assert_allclose(gray, result[..., :1], atol=1e-5)


def test_errors_name_the_argument():
    with refuses("`model` must be a model for task 'inpaint'"):
        inr.inpaint(photo(0, 8, 8), square_mask(8, 8), model=LoadedModel(module(4), {}))
    with refuses("`model` must be a model for task 'upscale_by_reference'"):
        upscale_by_reference(photo(0, 8, 8), [], model=LoadedModel(module(1), {}))
    model = LoadedModel(module(4), {})
    with refuses("`scale` must be 4 for this model"):
        upscale_by_reference(photo(0, 8, 8), [], scale=2, model=model)
    with refuses("`scale` must be one of 2, 4"):
        upscale_by_reference(photo(0, 8, 8), [], scale=3)
    with refuses("`model` must be given for scale 2"):
        upscale_by_reference(photo(0, 8, 8), [], scale=2)
    with refuses("`image` must be RGB"):
        upscale_by_reference(photo(0, 8, 8)[..., :1], [], model=model)
    with refuses("`references` must be at least 4 pixels a side"):
        upscale_by_reference(photo(0, 8, 8), [photo(0, 3, 8)], model=model)
    with refuses("`references` must be at least one image"):
        match_references(photo(0, 8, 8), [], model=model)
    with refuses("`mask` must be a bool array"):
        inr.inpaint(photo(0, 8, 8), np.ones((8, 8)))
    with refuses("`mask` must be False somewhere"):
        inr.inpaint(photo(0, 8, 8), np.ones((8, 8), bool))
    with refuses("`references` must be empty for a membrane"):
        inr.inpaint(
            photo(0, 8, 8),
            square_mask(8, 8),
            method="membrane",
            references=[photo(1, 8, 8)],
        )
    with refuses("`method` must be one of"):
        inr.inpaint(photo(0, 8, 8), square_mask(8, 8), method="blur")


@pytest.mark.long
@pytest.mark.slow
def test_a_match_is_the_position_of_the_same_content():
    """The image is a reduced crop of the second reference, so its cells are known."""
    y, x = np.meshgrid(np.arange(128), np.arange(128), indexing="ij")
    wide = 0.5 + 0.25 * np.sin(0.021 * x * y)[..., None] * np.array([1, 0.8, 0.5])
    wide = (wide + 0.2 * np.random.default_rng(0).random((128, 128, 3))).astype("f4")
    model = module(4)
    inputs = jax.tree.map(lambda x: jnp.zeros(x.shape), model.example_inputs())
    loaded = LoadedModel(model, model.init(jax.random.key(0), *inputs))
    image = jax.image.resize(wide, (32, 32, 3), "cubic")[4:24, 4:26]
    match = match_references(image, [photo(1, 24, 32), wide], model=loaded)
    assert match.position.shape == (20, 22, 2)
    # Cells whose receptive field ends inside the image.
    inner = np.s_[6:-6, 6:-6]
    np.testing.assert_array_equal(match.source[inner], 1)
    expected = np.stack(np.meshgrid(range(4, 24), range(4, 26), indexing="ij"), -1)
    np.testing.assert_array_equal(match.position[inner], expected[inner])


@pytest.mark.long
@pytest.mark.slow
def test_pretrained_weights_use_the_other_image_of_a_stereo_pair():
    """It raises PSNR; an unrelated reference changes PSNR by less than 0.2 dB."""
    data = pytest.importorskip("skimage.data")
    pair = [x[100:420, 250:570] / np.float32(255) for x in data.stereo_motorcycle()[:2]]
    left, right = (np.clip(reduce_images(x, (160, 160)), 0, 1) for x in pair)
    image = np.clip(reduce_images(left, (40, 40), interpolation="bicubic"), 0, 1)
    unrelated = data.chelsea()[60:220, 100:260] / np.float32(255)
    references = {"right": [right], "unrelated": [unrelated], "none": []}
    results = {k: upscale_by_reference(image, x) for k, x in references.items()}
    results["bicubic"] = jax.image.resize(image, left.shape, "cubic")
    scores = {
        k: float(inr.metrics.psnr_y(x, left, shave=0)) for k, x in results.items()
    }
    assert scores["right"] > scores["none"] + 0.2
    assert scores["none"] > scores["bicubic"] + 0.5
    assert abs(scores["unrelated"] - scores["none"]) < 0.2
