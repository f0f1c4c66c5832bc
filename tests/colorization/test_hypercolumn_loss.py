"""The loss of the perceptrons of a colorizer of hypercolumns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inr import training
from inr.colorization import HypercolumnColorizer, hypercolumn_loss
from inr.colorization.hypercolumn_loss import soft_labels

MODEL = HypercolumnColorizer(components=(1,) * 5, width=16, depth=1, heads=2, bins=3)
COLORS = np.float32([[0.0, 0.0], [0.2, 0.0], [0.0, -0.3]])


@pytest.fixture(scope="module")
def params():
    image = jnp.zeros((16, 16, 1), jnp.float32)
    tree = MODEL.init(jax.random.key(0), jnp.zeros((1, 2), jnp.float32), image)
    return {**tree, "params": {**tree["params"], "colors": jnp.asarray(COLORS)}}


def perceptrons(params):
    names = [name for name in params["params"] if name.startswith("perceptron")]
    return {name: params["params"][name] for name in names}


def batch(n=64):
    """The sign of the first input tells which of two colors a row has."""
    inputs = np.random.default_rng(0).normal(size=(n, 10)).astype(np.float32)
    return inputs, COLORS[1 + (inputs[:, 0] > 0)]


def test_labels_are_gaussian_weights():
    chroma = np.float32([[0.05, 0.01], [0.2, 0.0]])
    distance = np.square(chroma[:, None] - COLORS).sum(-1)
    weights = np.exp(-distance / (2 * 0.02**2))
    expected = weights / weights.sum(-1, keepdims=True)
    np.testing.assert_allclose(soft_labels(chroma, COLORS), expected, atol=1e-5)


@pytest.mark.slow
def test_without_randomness_it_is_entropy_and_square(params, key):
    loss = hypercolumn_loss(MODEL, params, dropout=0.0, mixup=0.0, mean_weight=3.0)
    inputs, chroma = batch()
    value, parts = loss(perceptrons(params), key, (inputs, chroma))
    outputs = MODEL.apply(params, jnp.asarray(inputs), method="log_probabilities")
    outputs = np.asarray(outputs)
    entropy = -(np.asarray(soft_labels(chroma, COLORS)) * outputs).sum(-1).mean()
    square = np.square(np.exp(outputs) @ COLORS - chroma).sum(-1).mean()
    np.testing.assert_allclose(parts["entropy"], entropy, rtol=1e-5)
    np.testing.assert_allclose(parts["square"], square, rtol=1e-5)
    np.testing.assert_allclose(value, entropy + 3 * square, rtol=1e-5)


@pytest.mark.slow
def test_mixup_mixes_inputs_and_labels_alike(params, key):
    """Of equal rows nothing is mixed; of others, labels are no longer of one color."""
    calm = hypercolumn_loss(MODEL, params, dropout=0.0, mixup=0.0)
    mixed = hypercolumn_loss(MODEL, params, dropout=0.0, mixup=1.0)
    inputs, chroma = batch()
    same = np.repeat(inputs[:1], 8, 0), np.repeat(chroma[:1], 8, 0)
    values = [f(perceptrons(params), key, same)[0] for f in (calm, mixed)]
    np.testing.assert_allclose(*values, rtol=1e-5)
    values = [f(perceptrons(params), key, (inputs, chroma))[0] for f in (calm, mixed)]
    assert abs(values[0] - values[1]) > 1e-3


@pytest.mark.slow
def test_dropout_drops_a_share_of_the_inputs_of_every_layer(params, key):
    """A dropped input of one row has no gradient in the kernel."""
    loss = hypercolumn_loss(MODEL, params, dropout=0.3, mixup=0.0)
    gradient = jax.grad(lambda tree, key: loss(tree, key, batch(1))[0])
    keys = jax.random.split(key, 1000)
    gradients = jax.vmap(gradient, (None, 0))(perceptrons(params), keys)
    for layer in ("hidden_0", "output"):
        kernel = np.asarray(gradients["perceptron_1"][layer]["kernel"])
        assert 0.27 < (kernel == 0).all(-1).mean() < 0.33


@pytest.mark.slow
def test_perceptrons_learn_what_the_inputs_tell(params, key):
    loss = hypercolumn_loss(MODEL, params, dropout=0.1, mixup=0.2)
    trained = training.train(
        key, loss, perceptrons(params), [batch()] * 300, num_steps=300,
        optimizer=1e-2, progress=False,
    ).params  # fmt: skip
    inputs, chroma = batch()
    calm = hypercolumn_loss(MODEL, params, dropout=0.0, mixup=0.0)
    before, after = (
        float(calm(p, key, (inputs, chroma))[1]["square"])
        for p in (perceptrons(params), trained)
    )
    assert after < 0.1 * before
