import jax
import jax.numpy as jnp
import numpy as np
import pytest

import inr
from inr import coords as _coords
from inr.fields import activations

POINTS = np.random.default_rng(0).uniform(-1, 1, (200, 2)).astype(np.float32)


@jax.jit
def value(field, coords):
    return field(coords)


def bound(model):
    params = model.init(jax.random.key(0, impl="rbg"), jnp.zeros((1, 2), jnp.float32))
    return inr.bind(model, params)


def layers(field):
    """The parameters as float64 NumPy arrays."""
    return jax.tree.map(lambda x: np.asarray(x, np.float64), field.params["params"])


def test_gauss_equals_its_formula():
    field = bound(inr.Gauss(1, width=16, depth=1, scale=4.0))
    p, h = layers(field), POINTS.astype(np.float64)
    for name in ("gauss_0", "gauss_1"):
        h = np.exp(-np.square(4.0 * (h @ p[name]["kernel"] + p[name]["bias"])))
    expected = h @ p["linear"]["kernel"] + p["linear"]["bias"]
    np.testing.assert_allclose(value(field, POINTS), expected, atol=1e-5)


def test_finer_equals_its_formula():
    field = bound(inr.Finer(1, width=16, depth=1, omega=9.0, bias_scale=2.0))
    p, h = layers(field), POINTS.astype(np.float64)
    for name in ("finer_0", "finer_1"):
        z = h @ p[name]["kernel"] + p[name]["bias"]
        h = np.sin(9.0 * (np.abs(z) + 1) * z)
    expected = h @ p["linear"]["kernel"] + p["linear"]["bias"]
    np.testing.assert_allclose(value(field, POINTS), expected, atol=2e-5)


def test_wire_equals_its_formula_in_complex_numbers():
    omega, scale = 6.0, 4.0
    field = bound(inr.Wire(2, width=16, depth=2, omega=omega, scale=scale))
    assert all(jnp.isrealobj(x) for x in jax.tree.leaves(field.params))
    p = layers(field)

    def wavelet(z):
        return np.exp(1j * omega * z - np.square(np.abs(scale * z)))

    h = wavelet(POINTS @ p["gabor_0"]["kernel"] + p["gabor_0"]["bias"])
    for name in ("gabor_1", "gabor_2"):
        kernel = p[name]["kernel_real"] + 1j * p[name]["kernel_imaginary"]
        h = wavelet(h @ kernel + p[name]["bias_real"] + 1j * p[name]["bias_imaginary"])
    # The linear kernel contains the real part, then minus the imaginary part.
    kernel = p["linear"]["kernel"][:16] - 1j * p["linear"]["kernel"][16:]
    expected = (h @ kernel + p["linear"]["bias"]).real
    np.testing.assert_allclose(value(field, POINTS), expected, atol=2e-5)


def test_default_families_have_similar_parameter_counts():
    counts = []
    for model in (inr.Siren(3), inr.Gauss(3), inr.Finer(3), inr.Wire(3)):
        params = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 2)))
        counts.append(sum(x.size for x in jax.tree.leaves(params["params"])))
    assert max(counts) < 1.01 * min(counts)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("family", [inr.Siren, inr.Finer, inr.Gauss, inr.Wire])
def test_default_options_fit_a_photograph(family, key):
    """With omega=20, Wire reaches 16 dB, as Gauss does with scale=30."""
    image = pytest.importorskip("skimage.data").chelsea()[80:128, 150:198]
    model = family(3, width=64, depth=2)
    result = inr.fit_image(key, image, model=model, num_steps=200, progress=False)
    means = inr.render(result.field, (48, 48), antialias=2)
    assert inr.psnr(means, np.float32(image) / 255) > 28


@pytest.mark.slow
def test_finer_has_continuous_slopes_through_zero():
    z = jnp.array([-1e-4, 0.0, 1e-4], jnp.float32)
    slope = jax.vmap(jax.grad(lambda u: activations._finer(30.0, u)))(z)
    np.testing.assert_allclose(slope, 1.0, atol=1e-4)


@pytest.mark.slow
def test_larger_biases_of_finer_add_higher_frequencies():
    """A larger k in U(-k, k) widens the initial spectrum."""
    energies = []
    for k in (0.1, 3.0):
        field = bound(inr.Finer(1, width=64, depth=1, bias_scale=k))
        image = value(field, _coords.grid((64, 64)))[..., 0]
        differences = np.diff(np.asarray(image), axis=0)
        energies.append(np.square(differences).mean() / image.var())
    assert energies[1] > 2 * energies[0]


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_the_envelope_of_wire_is_bounded_as_documented(ratio):
    model = inr.Wire(1, omega=10.0 * ratio, scale=10.0)
    v = jnp.linspace(-1, 1, 4001, dtype=jnp.float32)
    np.testing.assert_allclose(model._damping(v).max(), np.exp(ratio**2 / 4), rtol=1e-4)
