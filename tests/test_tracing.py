"""Functions that run on the host refuse traced arrays by name, and caches hold none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import inr
from inr.models import files

MODEL = inr.Siren(3, width=4, depth=0)
PARAMS = MODEL.init(jax.random.key(0), jnp.zeros((1, 2)))
IMAGE = np.random.default_rng(0).random((8, 8, 3), np.float32)
SHORT = {"num_steps": 1, "progress": False}


def moved(image):
    """A field that depends on an image."""
    return inr.bind(MODEL, jax.tree.map(lambda x: x + image.mean(), PARAMS))


KEY = jax.random.key(0)
ROWS = inr.coords.grid((8, 8)).reshape(-1, 2)
CALLS = {
    "fit_image": ("image", lambda x: inr.fit_image(KEY, x, **SHORT)),
    "fit": ("data", lambda x: inr.fit(KEY, MODEL, (ROWS, x.reshape(-1, 3)), **SHORT)),
    "fit_many": (
        "signals",
        lambda x: inr.fit_many(KEY, MODEL, (ROWS, x.reshape(1, -1, 3)), **SHORT),
    ),
    "fit_video": ("frames", lambda x: inr.fit_video(KEY, x[None], **SHORT)),
    "fit_audio": ("samples", lambda x: inr.fit_audio(KEY, x.reshape(-1, 1), **SHORT)),
    "learn_init": ("signals", lambda x: inr.meta.learn_init(KEY, MODEL, x[None])),
    "upscale": ("image", lambda x: inr.upscale(x, 2)),
    "encode": ("image", inr.codec.encode),
    "suggest_omega": ("signal", inr.suggest_omega),
    "write_image": ("image", lambda x: inr.write_image("x.png", x)),
    "save_field": ("field", lambda x: inr.save_field("x.safetensors", moved(x))),
    "save_fields": ("fields", lambda x: inr.save_fields("x.safetensors", [moved(x)])),
    "reference": (
        "reference",
        lambda x: inr.to_html(inr.bind(MODEL, PARAMS), reference=x),
    ),
    "to_html": ("field", lambda x: inr.to_html(moved(x))),
    "images": ("images", lambda x: inr.plot.images([x])),
    "spectrum": ("image", inr.plot.spectrum),
    "derivatives": ("field", lambda x: inr.plot.derivatives(moved(x))),
    "history": ("result", lambda x: inr.plot.history(x[0, 0])),
}


@pytest.mark.parametrize("name", CALLS)
def test_traced_arrays_are_refused_by_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argument, call = CALLS[name]
    with pytest.raises(ValueError, match=rf"`{argument}\S*` .* runs on the host"):
        jax.jit(call)(IMAGE)
    assert list(tmp_path.iterdir()) == []


def test_mapped_weights_are_refused_by_name():
    weights = jnp.ones((2, 8, 8))
    with pytest.raises(ValueError, match=r"`weights` .* runs on the host"):
        jax.vmap(lambda w: inr.fit_image(KEY, IMAGE, weights=w, **SHORT).params)(
            weights
        )


def test_models_that_a_jitted_call_loads_work_afterwards():
    files._load_pretrained.cache_clear()
    jax.eval_shape(lambda: inr.models.load_model("photos").params)
    leaves = jax.tree.leaves(inr.models.load_model("photos").params)
    assert not any(isinstance(x, jax.core.Tracer) for x in leaves)
