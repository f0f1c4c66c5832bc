"""The sheet of the example that compares restorers."""

import jax
import numpy as np
import pytest
from small_restorer import SMALL, random_params
from support import refuses

import inr
from inr import commands
from inr.models import save_model


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    # Small chroma: nothing is clipped in the files.
    params = jax.tree.map(lambda x: 0.2 * x, random_params())
    save_model(path, SMALL, params)
    return path


@pytest.fixture
def photo(tmp_path):
    y, x = np.moveaxis(np.asarray(inr.coords.grid((36, 24))), -1, 0)
    image = np.stack([0.5 + 0.2 * y, 0.5 - 0.1 * x * y, 0.45 + 0.1 * x], -1)
    folder = tmp_path / "photos"
    folder.mkdir()
    inr.write_image(folder / "photo.png", image)
    return folder / "photo.png"


@pytest.mark.long
@pytest.mark.slow
def test_restorers_are_compared_view_by_view(photo, weights, tmp_path):
    (sheet,) = commands.compare_restorers(
        [weights], image=photo, side=12, size=32, output=tmp_path / "out"
    )
    assert sheet.name == "photo_restorers.png"
    # Three columns: bicubic, the model, the original; four rows of views.
    h, w, _ = inr.read_image(sheet).shape
    assert 1.2 < h / w < 1.6
    with refuses("`models` must be different models"):
        commands.compare_restorers([weights, weights], image=photo, side=12)
    with refuses("`side` must be at least 1"):
        commands.compare_restorers([weights], image=photo, side=0)
