"""Latents and fields of new signals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import coords as _coords, meta

SIREN = inr.Siren(features=1, width=16, depth=1, omega=6.0)
VECTOR = inr.Modulated(features=1, model=SIREN, latent_shape=(3,))
GRID = inr.Modulated(features=1, model=SIREN, latent_shape=(2, 2, 2))
BOTH = pytest.mark.parametrize("model", [VECTOR, GRID], ids=["vector", "grid"])
IMAGES = np.random.default_rng(0).random((3, 6, 5, 1), np.float32)
POINTS = _coords.grid((6, 5)).reshape(-1, 2)


def start_of(model):
    """Random shared layers, and a rate for every number of the latent."""
    params = model.init(jax.random.key(1), POINTS)
    rng = np.random.default_rng(1)
    rates = {"latent": jnp.asarray(rng.uniform(0.01, 0.1, model.latent_shape))}
    return inr.Init(model, params, jax.tree.map(jnp.float32, rates))


def descended(start, image, weights, num_steps):
    """Gradient descent on the latent alone, written with the model itself."""
    latent = start.params["params"]["latent"]
    target, weights = image.reshape(-1, 1), weights.reshape(-1)

    def loss(latent):
        tree = {**start.params["params"], "latent": latent}
        squares = (
            start.model.apply({**start.params, "params": tree}, POINTS) - target
        ) ** 2
        return (squares[:, 0] * weights).sum() / weights.sum()

    for _ in range(num_steps):
        latent = latent - start.rates["latent"] * jax.grad(loss)(latent)
    return latent


@BOTH
def test_encoding_is_gradient_descent_on_the_latent(model):
    start = start_of(model)
    latents = meta.encode(start, IMAGES, num_steps=2)
    assert latents.shape == (3, *model.latent_shape)
    for latent, image in zip(latents, IMAGES, strict=True):
        expected = descended(start, image, np.ones((6, 5)), 2)
        np.testing.assert_allclose(latent, expected, rtol=1e-4, atol=1e-6)


def test_unknown_samples_have_no_effect():
    start = start_of(VECTOR)
    mask = np.zeros((6, 5), bool)
    mask[:2] = True
    latents = meta.encode(start, IMAGES, mask=mask, num_steps=2)
    expected = descended(start, IMAGES[1], mask.astype(np.float32), 2)
    np.testing.assert_allclose(latents[1], expected, rtol=1e-4, atol=1e-6)
    others = np.where(mask[..., None], IMAGES, 0)
    np.testing.assert_array_equal(
        latents, meta.encode(start, others, mask=mask, num_steps=2)
    )
    each = np.broadcast_to(mask, (3, 6, 5))
    again = meta.encode(start, IMAGES, mask=each, num_steps=2)
    np.testing.assert_array_equal(latents, again)


def test_samples_at_coords_are_an_image():
    start = start_of(VECTOR)
    samples = (POINTS, IMAGES.reshape(3, -1, 1))
    expected = meta.encode(start, IMAGES)
    np.testing.assert_allclose(meta.encode(start, samples), expected, atol=1e-6)


@BOTH
def test_fields_of_latents_are_the_adapted_ones(model):
    start = start_of(model)
    latents = meta.encode(start, IMAGES)
    fields = meta.decode(start, latents)
    values = jax.vmap(lambda field: field(POINTS))(fields)
    expected = jax.vmap(lambda field: field(POINTS))(meta.adapt(start, IMAGES))
    np.testing.assert_allclose(values, expected, atol=1e-5)
    one = meta.decode(start, latents[2])
    np.testing.assert_allclose(one(POINTS), expected[2], atol=1e-5)
    assert inr.render(one, (12, 10), progress=False).shape == (12, 10, 1)


@pytest.mark.long
@pytest.mark.slow
@BOTH
def test_learning_improves_the_latents_and_keeps_the_first_at_zero(model):
    """Half the squared error of three steps before the network was learned."""
    phases = np.random.default_rng(2).uniform(0, 6, (24, 1, 1, 1))
    x = np.asarray(_coords.grid((6, 5)))[None]
    waves = (0.5 + 0.4 * np.sin(3 * x[..., :1] + phases)).astype(np.float32)
    train, held_out = waves[:20], waves[20:]
    options = {"method": "maml", "learning_rate": 2e-3, "progress": False}
    key = jax.random.key(0)
    first = meta.learn_init(key, model, train, num_steps=1, **options)
    learned = meta.learn_init(
        key, model, train, num_steps=300, batch_size=20, **options
    )

    def error(start):
        values = jax.vmap(lambda field: field(POINTS))(meta.adapt(start, held_out))
        return np.square(values - held_out.reshape(4, -1, 1)).mean()

    assert error(learned) < 0.5 * error(first)
    assert set(learned.rates) == {"latent"}
    np.testing.assert_array_equal(learned.params["params"]["latent"], 0)


def test_bad_latents_and_masks_are_refused():
    start = start_of(VECTOR)
    with refuses(
        r"`latents` must be \(3,\), or that with a leading axis, got \(2, 4\)"
    ):
        meta.decode(start, np.zeros((2, 4), np.float32))
    with refuses(
        "`mask` must be True for at least one sample of each signal, got none of"
    ):
        mask = np.ones((3, 6, 5), bool)
        mask[2] = False
        meta.encode(start, IMAGES, mask=mask)
    plain = inr.Init(SIREN, SIREN.init(jax.random.key(0), POINTS))
    with refuses("`start` must be of a `Modulated` model or of a `Hypernetwork`"):
        meta.decode(plain, np.zeros(3, np.float32))
