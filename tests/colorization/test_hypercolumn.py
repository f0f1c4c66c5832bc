"""The colorizer of hypercolumns. Its quality is tested with the pretrained models."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_restorer import SMALL, gray_image, random_params
from support import refuses

import inr
from inr import color, metrics
from inr.colorization import (
    HypercolumnColorizer,
    LumaChromaField,
    colorization_field,
)
from inr.colorization.hypercolumn import hypercolumns
from inr.models import LoadedModel

MODEL = HypercolumnColorizer(
    components=(2, 2, 2, 3, 3), width=8, heads=2, bins=6, resolution=32
)


@pytest.fixture(scope="module")
def loaded():
    return LoadedModel(MODEL, random_params(MODEL))


def apply(loaded, *inputs, method):
    return loaded.model.apply(loaded.params, *inputs, method=method)


def test_any_size_keeps_luma_and_has_color(loaded):
    gray = gray_image(40, 70)
    rgb = inr.colorize(gray, model=loaded, detail=None)
    assert rgb.shape == (40, 70, 3)
    np.testing.assert_allclose(color.rgb_to_luma(rgb), gray, atol=1e-5)
    assert np.abs(np.diff(rgb, axis=-1)).max() > 1e-3
    region = ((0.25, 0.5), (0.5, 1.0))
    part = inr.colorize(gray, region=region, model=loaded, detail=None)
    np.testing.assert_allclose(part, rgb[10:20, 35:], atol=1e-5)


def test_hypercolumns_are_the_features_of_vgg16(loaded):
    """Those that LPIPS compares, on one grid."""
    gray = gray_image(32, 48)
    weights = {f"NetLinLayer_{i}/Conv_0/kernel": np.zeros(1) for i in range(5)}
    for i in range(13):
        for part in ("kernel", "bias"):
            array = loaded.params["vgg16"]["layers"][str(i)][part]
            weights[f"VGG16_0/Conv_{i}/{part}"] = array
    features = metrics.deep_features(np.repeat(gray, 3, -1)[None], weights=weights)
    roots = hypercolumns(loaded.params["vgg16"]["layers"], jnp.asarray(gray))
    assert roots.shape == (8, 12, 64 + 128 + 256 + 512 + 512)
    stages = np.split(np.square(roots), np.cumsum([64, 128, 256, 512]), -1)
    scale = [np.abs(f).max() for f in features]
    means = features[0][0].reshape(8, 4, 12, 4, 64).mean((1, 3))
    np.testing.assert_allclose(stages[0], means, atol=1e-5 * scale[0])
    np.testing.assert_allclose(stages[2], features[2][0], atol=1e-5 * scale[2])
    # Cell (3, 4) is a quarter of a pixel below and left of pixel (1, 2) of stage 4.
    f = np.asarray(features[3][0])
    near, far = 0.75, 0.25
    rows = near * f[1] + far * f[2]
    expected = near * rows[2] + far * rows[1]
    np.testing.assert_allclose(stages[3][3, 4], expected, atol=1e-5 * scale[3])


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def test_logits_are_those_of_numpy(loaded):
    """Components and their means, two perceptrons, and frequencies by confidence."""
    generator = np.random.default_rng(0)
    widths = (64, 128, 256, 512, 512)
    stages = [generator.uniform(0, 4, (2, 3, k)).astype(np.float32) for k in widths]
    params = jax.tree.map(np.asarray, loaded.params["params"])

    def dense(layer, x):
        return x @ layer["kernel"] + layer["bias"]

    local = np.concatenate(
        [dense(params[f"projection_{i}"], np.sqrt(x)) for i, x in enumerate(stages)], -1
    )
    mean = np.broadcast_to(local.mean((0, 1)), local.shape)
    outputs = []
    for i in range(2):
        head, x = params[f"perceptron_{i}"], np.concatenate([local, mean], -1)
        for name in ("hidden_0", "hidden_1"):
            x = gelu(dense(head[name], x))
        outputs.append(log_softmax(dense(head["output"], x)))
    expected = 0.8 * np.mean(outputs, 0) + 0.2 * params["log_prior"]
    roots = jnp.sqrt(jnp.concatenate(stages, -1))
    result = apply(loaded, roots, method="logits")
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_a_file_has_no_trunk(tmp_path):
    """The trunk is that of the library, whatever the parameters hold."""
    params = MODEL.init(jax.random.key(0), jnp.zeros((1, 2)), gray_image(16, 16))
    path = tmp_path / "colors.safetensors"
    inr.models.save_model(path, MODEL, params)
    assert path.stat().st_size < 2**17
    again = inr.models.load_model(path)
    assert again.model == MODEL
    jax.tree.map(np.testing.assert_array_equal, again.params["vgg16"], params["vgg16"])
    half = jax.tree.map(lambda x: np.asarray(x, np.float16), params["params"])
    jax.tree.map(np.testing.assert_array_equal, again.params["params"], half)


def test_vividness_lowers_the_temperature_from_that_of_the_mean_to_a_quarter(loaded):
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(5, 6)), jnp.float32)
    colors = np.asarray(loaded.params["params"]["colors"])
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)

    def chroma(vividness):
        model = loaded.model.clone(vividness=vividness)
        return apply(loaded._replace(model=model), logits, method="chroma")

    np.testing.assert_allclose(chroma(0.0), probabilities @ colors, atol=1e-6)
    prior = np.exp(loaded.params["params"]["log_prior"])
    sharp = (probabilities / prior**0.75) ** 4
    sharp /= sharp.sum(-1, keepdims=True)
    np.testing.assert_allclose(chroma(1.0), sharp @ colors, atol=1e-5)


def test_rebalancing_divides_by_the_frequencies_of_colors(loaded):
    prior = np.float32([0.5, 0.2, 0.1, 0.1, 0.05, 0.05])
    params = dict(loaded.params["params"], log_prior=np.log(prior))
    model = loaded.model.clone(vividness=2 / 3, rebalancing=2.0)
    logits = jnp.log(prior)[None]
    variables = dict(loaded.params, params=params)
    result = model.apply(variables, logits, method="chroma")
    np.testing.assert_allclose(result[0], params["colors"].mean(0), atol=1e-6)


@pytest.mark.slow
def test_the_trunk_is_frozen(loaded):
    def loss(params):
        field = inr.bind(loaded.model, params, gray_image(32, 32))
        return jnp.square(field(jnp.zeros((1, 2)))).sum()

    gradient = jax.grad(loss)(loaded.params)
    changes = {
        name: any(np.any(leaf != 0) for leaf in jax.tree.leaves(leaves))
        for name, leaves in {**gradient, **gradient["params"]}.items()
    }
    assert not changes["vgg16"]
    assert changes["colors"]
    assert changes["projection_0"]
    assert changes["perceptron_1"]


@pytest.mark.parametrize(("side", "gains_detail"), [(64, True), (65, False)])
def test_images_of_at_most_64_pixels_gain_detail(loaded, side, gains_detail):
    field = colorization_field(gray_image(40, side), model=loaded)
    assert isinstance(field, LumaChromaField) == gains_detail


def test_vividness_needs_a_distribution():
    model = LoadedModel(SMALL, random_params())
    with refuses("`vividness` must be None for a Restorer, got 0.5"):
        inr.colorize(gray_image(), model=model, vividness=0.5)
