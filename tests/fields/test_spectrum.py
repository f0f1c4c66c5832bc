import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import coords


def wave(points, cycles):
    """A sine along the last axis and a cosine along the first."""
    angle = np.pi * cycles * np.asarray(points, np.float64)
    return (np.sin(angle[..., -1:]) + np.cos(angle[..., :1])).astype(np.float32) / 2


@pytest.mark.parametrize("d", [1, 2])
def test_a_wave_gives_a_quarter_of_its_frequency(d):
    size = (256,) * d
    # The window widens the line by a few cycles, less than half a step of the rounding.
    cycles = 2**5.5 / (np.pi / 4)
    assert inr.suggest_omega(wave(coords.grid(size), cycles)) == d * 2**5.5
    assert inr.suggest_omega(wave(coords.grid(size), cycles * 2**0.25)) == d * 2**5.75


def test_omega_grows_with_the_frequency_and_ignores_contrast_and_mean():
    waves = [wave(coords.grid((128, 128)), cycles) for cycles in (1, 8, 16, 32)]
    omegas = [inr.suggest_omega(w) for w in waves]
    assert omegas == sorted(omegas)
    assert inr.suggest_omega(0.1 * waves[3] + 5) == pytest.approx(omegas[3])
    assert inr.suggest_omega(np.ones((9, 9, 1), np.float32)) == min(omegas)


def test_the_longest_axis_sets_the_unit():
    signal = wave(coords.grid((128, 128)), 32)
    np.testing.assert_allclose(
        inr.suggest_omega(signal[:64]), inr.suggest_omega(signal), rtol=0.1
    )


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(("d", "cycles", "n"), [(2, 2, 32), (1, 150, 1024)])
def test_the_suggestion_beats_omega_30_between_the_samples(d, cycles, n):
    points = coords.grid((n,) * d)
    signal = wave(points, cycles)
    between = 0.9 * coords.random_points(jax.random.key(3), 500, ndim=d)

    def error(omega):
        model = inr.Siren(width=64, depth=2, omega=omega)
        data = (points.reshape(-1, d), jnp.asarray(signal.reshape(-1, 1)))
        options = {"num_steps": 200, "optimizer": 5e-4, "progress": False}
        result = inr.fit(jax.random.key(0), model, data, **options)
        prediction = result.field(between)
        return float(np.mean((prediction - wave(between, cycles)) ** 2))

    assert error(inr.suggest_omega(signal)) < error(30.0) / 2


def test_invalid_signals_raise_an_error():
    with refuses("`signal` must be finite"):
        inr.suggest_omega(np.full((4, 4, 1), np.nan, np.float32))
    with refuses("`signal` must be non-empty"):
        inr.suggest_omega(np.zeros((0, 4, 1), np.float32))
    with refuses("`signal` must be a floating array"):
        inr.suggest_omega(np.zeros((4, 4, 1), np.uint8))
    with refuses("`signal`"):
        inr.suggest_omega(np.zeros(4, np.float32))
