"""Programs that first calls compile: eager operations on arrays would add to them."""

import jax
import numpy as np
import pytest
from support import count_compilations

import inr
from inr.models import files

KEY = jax.random.key(0)
IMAGE = np.random.default_rng(0).random((80, 72, 3), np.float32)
MASK = np.zeros((80, 72), bool)
MASK[20:60, 10:50] = True
CALLS = {
    "upscale": (lambda: inr.upscale(IMAGE, 2), 1),
    "colorize": (lambda: inr.colorize(IMAGE[..., 0]), 2),
    "merge": (lambda: inr.merge([IMAGE, IMAGE[::-1]]), 1),
    "fit_image": (
        lambda: inr.fit_image(
            KEY, IMAGE, model=inr.Siren(3, width=16), num_steps=1, progress=False
        ),
        5,
    ),
    "seamless_clone": (lambda: inr.seamless_clone(IMAGE, IMAGE[::-1], MASK), 4),
}


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_first_calls_compile_few_programs(name):
    call, most = CALLS[name]
    jax.clear_caches()
    files._load_pretrained.cache_clear()
    with count_compilations() as count:
        call()
        assert 1 <= count() <= most


@pytest.mark.slow
@pytest.mark.parametrize("name", inr.pretrained.names())
def test_pretrained_files_pass_the_checks_that_their_names_skip(name):
    checked = inr.models.load_model(inr.pretrained.file(name))
    trusted = inr.models.load_model(name)
    assert checked.model == trusted.model
    jax.tree.map(np.testing.assert_array_equal, checked.params, trusted.params)
