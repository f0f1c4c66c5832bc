"""The Helmholtz equation, against plane waves in stretched coords and H0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import hankel1
from support import refuses

import inr
from inr.signals import fit_helmholtz, helmholtz_residual, helmholtz_terms

K = 9.0


def plane_wave(k, angle, thickness, strength):
    """e^(i k.x) with the layer's complex coords, which solves the equation exactly."""

    def field(coords):
        depth = jnp.maximum(jnp.abs(coords) - 1, 0)
        decay = strength * depth**3 / (3 * thickness**2)
        direction = jnp.array([[np.sin(angle), np.cos(angle)]], coords.dtype)
        phase = k * (coords * direction).sum(-1)
        fall = jnp.exp(-k * (jnp.sign(coords) * decay * direction).sum(-1))
        return fall[..., None] * jnp.stack([jnp.cos(phase), jnp.sin(phase)], -1)

    return field


def sourceless(batch):
    coords, mass, source, *others = batch
    return (coords, mass, 0 * source, *others)


def strength_of(k, thickness):
    """Of which 1e-4 of a wave comes back: 2 k a L / 3 = log(1e4)."""
    return 3 * np.log(1e4) / (2 * k * thickness)


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.5])
@pytest.mark.parametrize("thickness", [0.4, 1.1])
def test_a_wave_that_decays_in_the_layer_leaves_no_residual(angle, thickness):
    terms = helmholtz_terms(K, thickness=thickness)
    wave = plane_wave(K, angle, thickness, strength_of(K, thickness))
    for term in terms[:2]:
        batch = sourceless(jax.tree.map(lambda x: x[:2000], term.data))
        left = np.abs(jax.jit(helmholtz_residual, static_argnums=0)(wave, batch))
        size = np.abs(wave(batch[0])).max(-1)
        # Waves that meet a side from outside grow: relative to them.
        assert (left.max(-1) / np.maximum(size, 1)).max() < 5e-4
    outer = np.abs(np.asarray(terms[0].data[0])).max()
    assert outer == pytest.approx(1 + thickness, abs=1e-3)


@pytest.mark.slow
def test_another_wavenumber_or_strength_leaves_one():
    thickness = 0.8
    batch = sourceless(helmholtz_terms(K, thickness=thickness)[0].data)
    strength = strength_of(K, thickness)
    for k, a in ((1.05 * K, strength), (K, 1.3 * strength)):
        left = helmholtz_residual(plane_wave(k, 0.7, thickness, a), batch)
        assert np.abs(left).max() > 0.05


def test_the_source_is_a_gaussian_of_integral_one():
    """Of width and place as asked; the equation is divided by -k^2."""
    width, place = 0.07, (0.3, -0.2)
    everywhere, near, _ = helmholtz_terms(K, source=place, source_width=width)
    coords, _, source = (np.asarray(x, np.float64) for x in everywhere.data[:3])
    area = (2 * np.abs(coords).max()) ** 2
    density = K**2 * source
    assert area * density.mean() == pytest.approx(1, abs=0.01)
    middle = (coords * density[:, None]).mean(0) / density.mean()
    np.testing.assert_allclose(middle, place, atol=2e-3)
    spread = (np.square(coords - place) * density[:, None]).mean(0) / density.mean()
    np.testing.assert_allclose(np.sqrt(spread), width, rtol=0.02)
    away = np.linalg.norm(np.asarray(near.data[0]) - place, axis=1)
    assert away.max() < 5.01 * width


def test_a_medium_is_an_image_or_a_function():
    """Both as the square of the slowness, and both going on as on the edge."""
    image = np.broadcast_to(1 + np.arange(64)[:, None] / 63, (64, 32))

    def function(coords):
        return 1 + jnp.clip((coords[:, 0] + 1) * 64 - 1, 0, 126) / 126

    one, other = (
        helmholtz_terms(K, slowness=s)[0].data for s in (image.astype("f4"), function)
    )
    np.testing.assert_allclose(one[1], other[1], atol=1e-3)
    y = np.asarray(one[0])[:, 0]
    np.testing.assert_allclose(np.asarray(one[1])[y > 1], 4, atol=1e-3)
    np.testing.assert_allclose(np.asarray(one[1])[y < -1], 1, atol=1e-3)


def test_the_edge_is_the_layers_outer_edge():
    edge = np.asarray(helmholtz_terms(K, thickness=0.5)[2].data[0])
    on = np.abs(edge) == 1.5
    assert (on.sum(1) == 1).all()
    sides = {(axis, s) for axis in (0, 1) for s in np.sign(edge[on[:, axis], axis])}
    assert len(sides) == 4
    assert np.abs(edge.mean(0)).max() < 0.02


def error_of(result, model, k, width):
    """Relative L2 error half a wavelength or more from the source."""
    field = inr.bind(model, result.params)
    coords = np.asarray(inr.coords.grid((64, 64)), np.float64)
    away = np.linalg.norm(coords, axis=-1)
    exact = 0.25j * hankel1(0, k * away) * np.exp(-((k * width) ** 2) / 2)
    made = np.asarray(inr.render(field, (64, 64)))
    far = away > np.pi / k
    wrong = (made[..., 0] + 1j * made[..., 1] - exact)[far]
    return np.linalg.norm(wrong) / np.linalg.norm(exact[far])


@pytest.mark.slow
def test_a_point_source_is_found_in_open_space(key):
    """Within the layer's reflection and more: 1.3 % when it was written."""
    k = 4.0
    model = inr.Siren(features=2, width=16, depth=2, omega=1.5 * (k + 2 * np.pi))
    result = fit_helmholtz(key, model, k, num_steps=50, progress=False)
    assert error_of(result, model, k, 1 / k) < 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wavenumber": 0.0}, "`wavenumber` must be a finite number above 0"),
        ({"wavenumber": float("nan")}, "`wavenumber`"),
        ({"wavenumber": -3.0}, "`wavenumber`"),
        ({"source": (1.2, 0.0)}, "`source` must be .y, x. inside"),
        ({"source": (0.0, float("nan"))}, "`source`"),
        ({"source": (0.0,)}, "`source`"),
        ({"source_width": 0.0}, "`source_width`"),
        ({"thickness": 2.5}, "`thickness` must be at most 2, the side of the square"),
        ({"thickness": -0.1}, "`thickness`"),
        ({"slowness": np.zeros((4, 4), "f4")}, "`slowness` must be above 0"),
        ({"slowness": np.full((4, 4), np.nan, "f4")}, "`slowness` must be finite"),
        ({"slowness": np.ones((4, 4, 1), "f4")}, "`slowness` must be .h, w."),
        ({"slowness": np.ones((4, 4), "u1")}, "`slowness` must be a floating array"),
        ({"slowness": lambda x: x}, "`slowness` must be a function from"),
        ({"slowness": lambda x: x[:, 0] / 0}, "`slowness` must be finite"),
        ({"batch_size": 3}, "`batch_size`"),
    ],
)
def test_bad_input_is_refused(options, message):
    options = {"wavenumber": K, **options}
    with refuses(message), np.errstate(all="ignore"):
        helmholtz_terms(options.pop("wavenumber"), **options)


def test_a_model_of_one_feature_is_refused(key):
    with refuses("features=2"):
        fit_helmholtz(key, inr.Siren(features=1, width=8), K)
