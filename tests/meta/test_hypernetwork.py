"""Hypernetworks: latents in one pass."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import coords as _coords, meta

SIREN = inr.Siren(features=1, width=8, depth=1, omega=6.0)
MODULATED = inr.Modulated(features=1, model=SIREN, latent_shape=(3,))
MODEL = meta.Hypernetwork(encoder=meta.SetEncoder(width=8, depth=1), model=MODULATED)
IMAGES = np.random.default_rng(0).random((3, 6, 5, 1), np.float32)
POINTS = _coords.grid((6, 5)).reshape(-1, 2)


@functools.cache
def start(model=MODEL):
    params = model.init(jax.random.key(1), POINTS)
    normal = params["normalization"]["model"]
    values = {"features_scale": jnp.full(1, 0.5), "features_shift": jnp.full(1, 0.4)}
    return inr.Init(model, {**params, "normalization": {"model": {**normal, **values}}})


def test_the_fields_of_images_are_those_of_their_latents():
    latents = meta.encode(start(), IMAGES)
    assert latents.shape == (3, 3)
    fields = meta.decode(start(), latents)
    assert fields.model == SIREN
    for i, image in enumerate(IMAGES):
        bound = inr.bind(MODEL, start().params, image)
        np.testing.assert_allclose(bound.feature_map, latents[i], atol=1e-6)
        one = jax.tree.map(lambda x, i=i: x[i], fields)
        np.testing.assert_allclose(bound(POINTS), one(POINTS), atol=1e-5)


def test_a_latent_is_a_linear_map_of_the_encoder_of_normalized_features():
    layers = start().params["params"]
    known = np.ones((6, 5), np.float32)
    normalized = (IMAGES[1] - 0.4) / 0.5
    encoder = MODEL.encoder.clone(parent=None)
    vector = encoder.apply(
        {"params": layers["encoder"]}, _coords.grid((6, 5)), normalized, known
    )
    expected = np.asarray(vector) @ layers["head"]["kernel"] + layers["head"]["bias"]
    np.testing.assert_allclose(meta.encode(start(), IMAGES)[1], expected, atol=1e-6)


def test_only_known_samples_count():
    mask = np.zeros((6, 5), bool)
    mask[:2] = True
    latents = meta.encode(start(), IMAGES, mask=mask)
    others = np.where(mask[..., None], IMAGES, 0.7)
    np.testing.assert_array_equal(meta.encode(start(), others, mask=mask), latents)
    samples = (POINTS[:10], IMAGES.reshape(3, -1, 1)[:, :10])
    np.testing.assert_allclose(meta.encode(start(), samples), latents, atol=1e-6)


def test_derivatives_and_jit_are_those_of_the_field():
    bound = inr.bind(MODEL, start().params, IMAGES[0])
    field = meta.decode(start(), bound.feature_map)
    np.testing.assert_allclose(jax.jit(bound)(POINTS), bound(POINTS), atol=1e-6)
    actual = inr.value_gradient_laplacian(bound, POINTS)
    expected = inr.value_gradient_laplacian(field, POINTS)
    chex.assert_trees_all_close(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("modulation", ["shift", "low_rank", "weights"])
def test_every_parameter_has_a_finite_gradient(modulation):
    model = MODEL.clone(model=MODULATED.clone(modulation=modulation, rank=2))
    params = start(model).params

    def loss(layers):
        bound = inr.bind(model, {**params, "params": layers}, IMAGES[0])
        return jnp.square(bound(POINTS) - IMAGES[0].reshape(-1, 1)).mean()

    gradient = jax.grad(loss)(params["params"])
    chex.assert_tree_all_finite(gradient)
    unused = gradient["model"].pop("latent")
    np.testing.assert_array_equal(unused, 0)
    assert all(np.abs(x).max() > 0 for x in jax.tree.leaves(gradient))


@pytest.mark.long
@pytest.mark.slow
def test_learning_predicts_held_out_waves_from_some_samples():
    """A tenth of the squared error of the mean image, from 12 known pixels of 30."""
    phases = np.random.default_rng(2).uniform(0, 6, (68, 1, 1, 1))
    x = np.asarray(_coords.grid((6, 5)))[None]
    waves = (0.5 + 0.4 * np.sin(3 * x[..., :1] + phases)).astype(np.float32)
    train, held_out = waves[:60], waves[60:]
    base = SIREN.clone(width=16)
    modulated = MODULATED.clone(model=base, latent_shape=(4,))
    model = MODEL.clone(encoder=meta.SetEncoder(width=32, depth=1), model=modulated)
    learned = meta.learn_init(
        jax.random.key(0), model, train, method="encoder", num_steps=300,
        batch_size=30, num_points=20, learning_rate=1e-2, progress=False,
    )  # fmt: skip
    mask = np.zeros(30, bool)
    mask[np.random.default_rng(0).permutation(30)[:12]] = True
    latents = meta.encode(learned, held_out, mask=mask.reshape(6, 5))
    values = jax.vmap(lambda field: field(POINTS))(meta.decode(learned, latents))
    target = held_out.reshape(8, -1, 1)
    error = np.square(values - target).mean()
    assert error < np.square(train.reshape(60, -1, 1).mean(0) - target).mean() / 10


def test_a_file_holds_a_hypernetwork(tmp_path):
    path = tmp_path / "hypernetwork.safetensors"
    inr.models.save_model(path, MODEL, start().params)
    loaded = inr.models.load_model(path)
    assert loaded.model == MODEL
    expected = meta.encode(start(), IMAGES)
    actual = meta.encode(inr.Init(loaded.model, loaded.params), IMAGES)
    np.testing.assert_allclose(actual, expected, atol=1e-3)


def test_bad_calls_are_refused():
    with refuses("`mask` must be True for at least one sample of each signal, got non"):
        mask = np.ones((3, 6, 5), bool)
        mask[1] = False
        meta.encode(start(), IMAGES, mask=mask)
    with refuses("`num_steps` must be None for a `Hypernetwork`, got 3"):
        meta.encode(start(), IMAGES, num_steps=3)
    with refuses("`start` must be an `Init` with rates"):
        meta.adapt(start(), IMAGES)
    learn = functools.partial(meta.learn_init, jax.random.key(0), num_steps=1)
    with refuses("`method` must be 'encoder' for a `Hypernetwork`"):
        learn(MODEL, IMAGES, method="maml")
    with refuses("got 'encoder' for a Siren"):
        learn(SIREN, IMAGES, method="encoder")
    with refuses("features=1"):
        learn(MODEL, np.zeros((2, 4, 4, 3), np.float32), method="encoder")
    with refuses("`model` must be", TypeError):
        meta.Hypernetwork(model=SIREN)
    with refuses("`encoder` must be", TypeError):
        meta.Hypernetwork(encoder=3)
