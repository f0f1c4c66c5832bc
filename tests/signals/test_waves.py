"""The wave equation, against waves of known form and a sine series."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.fft
from support import refuses

import inr
from inr.signals import fit_wave, wave_terms

CALM = {"duration": 1.0}


def hump(coords):
    return jnp.exp(-8 * jnp.square(coords).sum(-1))


def tone(coords):
    """Vanishes on the edge of the square; its wavenumber is pi sqrt(5) / 2."""
    y, x = coords[:, 0], coords[:, 1]
    return jnp.cos(np.pi / 2 * y) * jnp.sin(np.pi * x)


def standing(speed):
    """The tone as a wave that starts at rest, a field of (t, y, x)."""
    beat = speed * np.pi * np.sqrt(5) / 2

    def field(coords):
        moment = jnp.cos(beat * coords[:, 0])
        return (moment * tone(coords[:, 1:]))[:, None]

    return field


def batches(terms):
    for i, term in enumerate(terms):
        batch = term.data
        if callable(batch):
            batch = batch(jax.random.key(i), jnp.int32(0))
        yield term, batch


@pytest.mark.slow
def test_a_standing_wave_leaves_no_residual():
    speed = 1.7
    terms = wave_terms(tone, duration=2.0, speed=speed)
    for term, batch in batches(terms):
        left = term.weight * jnp.square(term.residual(standing(speed), batch)).mean()
        assert left < 1e-9
        other = jnp.square(term.residual(lambda c: standing(speed)(c) + 0.1, batch))
        # The equation and the velocity do not see a constant.
        blind = term in (terms[0], terms[2])
        assert (term.weight * other.mean() < 1e-9) == blind
    wrong = standing(1.2 * speed)
    made = jnp.square(terms[0].residual(wrong, next(batches(terms))[1])).mean()
    assert terms[0].weight * made > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("side", [0, 1, 2, 3])
def test_a_wave_that_meets_an_open_edge_squarely_leaves_it(side):
    speed = 0.8
    outward = np.zeros(2, np.float32)
    outward[side % 2] = 1 if side < 2 else -1

    def field(coords):
        way = (coords[:, 1:] * outward[None]).sum(-1) - speed * coords[:, 0]
        return jnp.sin(3 * way)[:, None]

    terms = wave_terms(hump, duration=1.0, speed=speed, boundary="open")
    *_, (term, (coords, *others)) = batches(terms)
    there = np.asarray(coords[:, 1 + side % 2]) == outward[side % 2]
    assert 0.2 < there.mean() < 0.3
    batch = tuple(x[there] for x in (coords, *others))
    assert np.abs(term.residual(field, batch)).max() < 1e-4
    *_, (fixed, batch) = batches(wave_terms(hump, duration=1.0))
    assert np.abs(fixed.residual(field, batch)).max() > 0.5


def test_the_velocity_at_the_beginning_is_asked_for():
    def field(coords):
        return (jnp.sin(2 * coords[:, 0]) * tone(coords[:, 1:]))[:, None]

    terms = wave_terms(hump, duration=1.0, velocity=lambda c: 2 * tone(c))
    _, _, (term, batch), _ = batches(terms)
    assert np.abs(term.residual(field, batch)).max() < 1e-5
    assert np.abs(batch[0][:, 0]).max() == 0


@pytest.mark.slow
def test_a_speed_is_a_number_an_image_or_a_function():
    made = [
        np.asarray(next(batches(wave_terms(hump, duration=1.0, speed=c)))[1][1])
        for c in (2.0, np.full((5, 7), 2.0, "f4"), lambda x: 0 * x[:, 0] + 2)
    ]
    np.testing.assert_allclose(made[0], 0.25, rtol=1e-6)
    np.testing.assert_allclose(made[1], made[0], rtol=1e-6)
    np.testing.assert_allclose(made[2], made[0], rtol=1e-6)


def test_units_of_time_and_amplitude_change_nothing():
    """A wave of thrice the amplitude at half the speed has the same relative loss."""
    losses = []
    for size, speed in ((1.0, 1.0), (3.0, 0.5)):
        terms = wave_terms(
            lambda c, a=size: a * tone(c), duration=1 / speed, speed=speed
        )
        wrong = standing(1.2 * speed)
        losses.append(
            [
                term.weight
                * jnp.square(term.residual(lambda c, a=size: a * wrong(c), b)).mean()  # noqa: B023
                for term, b in batches(terms)
            ]
        )
    np.testing.assert_allclose(*losses, rtol=0.01, atol=1e-7)


def test_the_window_of_time_grows(key):
    equation, *_, edge = wave_terms(hump, duration=4.0, window_steps=50)
    for term in (equation, edge):
        last = [float(term.data(key, step)[0][:, 0].max()) for step in (0, 24, 49, 99)]
        np.testing.assert_allclose(last, [0.4, 2.0, 4.0, 4.0], rtol=0.02)
    whole = wave_terms(hump, duration=4.0)[0].data(key, 0)[0]
    np.testing.assert_allclose(np.asarray(whole).mean(0), [2, 0, 0], atol=0.1)
    np.testing.assert_allclose(whole.max(0), [4, 1, 1], rtol=0.01)


def sine_series(initial, n, time):
    """The exact solution with fixed edges, at the n^2 inner points of a grid."""
    axis = np.linspace(-1, 1, n + 2)[1:-1]
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    parts = scipy.fft.dstn(np.asarray(initial(points)).reshape(n, n), type=1)
    wave = np.pi / 2 * np.arange(1, n + 1)
    moment = np.cos(np.hypot(wave[:, None], wave[None]) * time)
    return points, scipy.fft.idstn(parts * moment, type=1).reshape(-1)


@pytest.mark.slow
def test_a_pulse_is_followed_to_the_end(key):
    model = inr.Siren(features=1, width=24, depth=1, omega=15.0)
    result = fit_wave(
        key, model, hump, duration=1.0, num_steps=80, batch_size=1200, progress=False
    )
    points, exact = sine_series(hump, 63, 1.0)
    coords = np.concatenate([np.ones((len(points), 1)), points], 1)
    made = np.asarray(inr.bind(model, result.params)(coords.astype("f4")))[:, 0]
    assert np.linalg.norm(made - exact) < 0.05 * np.linalg.norm(exact)


@pytest.mark.parametrize(
    ("initial", "options", "message"),
    [
        (hump, {"speed": 0.0}, "`speed` must be a finite number above 0"),
        (hump, {"speed": np.zeros((3, 3), "f4")}, "`speed` must be above 0"),
        (hump, {"speed": np.full((3, 3), np.inf, "f4")}, "`speed` must be finite"),
        (hump, {"duration": -1.0}, "`duration` must be a finite number above 0"),
        (hump, {"boundary": "soft"}, "`boundary` must be one of 'fixed', 'open'"),
        (hump, {"window_steps": -1}, "`window_steps`"),
        (hump, {"batch_size": 1}, "`batch_size`"),
        (hump, {"velocity": lambda x: x}, "`velocity` must be a function from"),
        (np.zeros((3, 3), "f4"), {}, "`initial` must be not zero everywhere"),
        (np.full((3, 3), np.nan, "f4"), {}, "`initial` must be finite"),
        (np.ones((3, 3, 1), "f4"), {}, "`initial` must be .h, w."),
        (np.ones((3, 3), "u1"), {}, "`initial` must be a floating array"),
    ],
)
def test_bad_input_is_refused(initial, options, message):
    with refuses(message):
        wave_terms(initial, **{**CALM, **options})


def test_a_model_of_two_features_is_refused(key):
    with refuses("features=1"):
        fit_wave(key, inr.Siren(features=2, width=8), hump, **CALM)
