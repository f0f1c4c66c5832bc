"""Terms of the Helmholtz equation, against plane waves in stretched coords."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

from inr.signals import helmholtz_residual, helmholtz_terms

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
    """Strength that reflects 1e-4 of a wave: 2 k a L / 3 = log(1e4)."""
    return 3 * np.log(1e4) / (2 * k * thickness)


@pytest.mark.slow
@pytest.mark.parametrize("angle", [0.0, 0.7, 2.5])
@pytest.mark.parametrize("thickness", [0.4, 1.1])
def test_a_wave_that_decays_in_the_layer_leaves_no_residual(angle, thickness):
    terms = helmholtz_terms(K, thickness=thickness)
    wave = plane_wave(K, angle, thickness, strength_of(K, thickness))
    for term in terms[:2]:
        batch = sourceless(jax.tree.map(lambda x: x[:2000], term.data))
        error = np.abs(jax.jit(helmholtz_residual, static_argnums=0)(wave, batch))
        size = np.abs(wave(batch[0])).max(-1)
        # Waves that come from outside grow in the layer: the error is relative to them.
        assert (error.max(-1) / np.maximum(size, 1)).max() < 5e-4
    outer = np.abs(np.asarray(terms[0].data[0])).max()
    assert outer == pytest.approx(1 + thickness, abs=1e-3)


@pytest.mark.slow
def test_another_wavenumber_or_strength_leaves_a_residual():
    thickness = 0.8
    batch = sourceless(helmholtz_terms(K, thickness=thickness)[0].data)
    strength = strength_of(K, thickness)
    for k, a in ((1.05 * K, strength), (K, 1.3 * strength)):
        error = helmholtz_residual(plane_wave(k, 0.7, thickness, a), batch)
        assert np.abs(error).max() > 0.05


def test_the_source_is_a_gaussian_of_integral_one():
    """Its width and place are the options; the equation is divided by -k^2."""
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


@pytest.mark.slow
def test_a_medium_is_an_image_or_a_function():
    """Both give the square of the slowness, and continue outside as on the edge."""
    image = np.broadcast_to(1 + np.arange(64)[:, None] / 63, (64, 32))

    def function(coords):
        return 1 + jnp.clip((coords[:, 0] + 1) * 64 - 1, 0, 126) / 126

    image_rows, function_rows = (
        helmholtz_terms(K, slowness=s)[0].data for s in (image.astype("f4"), function)
    )
    np.testing.assert_allclose(image_rows[1], function_rows[1], atol=1e-3)
    y = np.asarray(image_rows[0])[:, 0]
    np.testing.assert_allclose(np.asarray(image_rows[1])[y > 1], 4, atol=1e-3)
    np.testing.assert_allclose(np.asarray(image_rows[1])[y < -1], 1, atol=1e-3)


def test_the_edge_is_the_layers_outer_edge():
    edge = np.asarray(helmholtz_terms(K, thickness=0.5)[2].data[0])
    on = np.abs(edge) == 1.5
    assert (on.sum(1) == 1).all()
    sides = {(axis, s) for axis in (0, 1) for s in np.sign(edge[on[:, axis], axis])}
    assert len(sides) == 4
    assert np.abs(edge.mean(0)).max() < 0.02


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
