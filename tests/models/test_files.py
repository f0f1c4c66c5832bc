"""Files of conditional models."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import SMALL, random_params
from support import refuses

import inr
from inr.colorization import Restorer
from inr.models import LoadedModel, load_model, resolve, save_model


@pytest.fixture(scope="module")
def params():
    return jax.tree.map(lambda x: np.float32(np.float16(x)), random_params())


@pytest.mark.slow
def test_a_file_round_trip(params, tmp_path):
    path = tmp_path / "small.safetensors"
    save_model(path, SMALL, params)
    loaded = load_model(path)
    assert loaded.model == SMALL
    jax.tree.map(np.testing.assert_array_equal, loaded.params, params)


def test_files_of_other_models_are_refused(params, tmp_path):
    siren = inr.Siren(1, width=8, depth=1)
    siren_params = siren.init(jax.random.key(0), jnp.zeros((1, 2)))
    path = tmp_path / "siren.safetensors"
    inr.save_field(path, inr.bind(siren, siren_params))
    with refuses("of kind Codec, Colorizer, .*, Restorer, "):
        load_model(path)
    other = tmp_path / "other.safetensors"
    with refuses("must hold the arrays of Restorer"):
        save_model(other, Restorer(widths=(4,), width=8), params)
    with refuses("`model` must be of a registered class", TypeError):
        save_model(other, siren, siren_params)
    large = jax.tree.map(lambda x: 1e6 + x, params)
    with refuses("at most 65504"):
        save_model(other, SMALL, large)
    assert not other.exists()


def test_models_are_resolved_by_task(params):
    loaded = LoadedModel(SMALL, params)
    assert resolve(loaded, "colorize") is loaded
    assert resolve("photos", "colorize").model.task == "colorize"
    with refuses("`model` must be a model for task 'upscale', got Restorer"):
        resolve(loaded, "upscale")
    with refuses("`model` must be one of"):
        resolve("cartoons", "upscale")


def test_names_of_models_are_those_of_the_task():
    assert inr.models.pretrained_names("colorize") == (
        "photos",
        "photos_restorer",
        "portraits",
    )
    with refuses("'portraits', got 'photo'. Did you mean 'photos'?"):
        inr.models.resolve("photo", "colorize")
    with refuses("Pretrained for this task: upscale, upscale_photo."):
        inr.models.resolve("photos", "upscale")
