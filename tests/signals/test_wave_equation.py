"""Terms of the wave equation, against waves of known form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

from inr.signals import wave_terms


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


@pytest.mark.long
@pytest.mark.slow
def test_a_standing_wave_leaves_no_residual():
    speed = 1.7
    terms = wave_terms(tone, 2.0, speed=speed)
    for term, batch in batches(terms):
        loss = term.weight * jnp.square(term.residual(standing(speed), batch)).mean()
        assert loss < 1e-9
        shifted = jnp.square(term.residual(lambda c: standing(speed)(c) + 0.1, batch))
        # A constant changes neither the equation nor the velocity.
        is_invariant = term in (terms[0], terms[2])
        assert (term.weight * shifted.mean() < 1e-9) == is_invariant
    wrong = standing(1.2 * speed)
    square = jnp.square(terms[0].residual(wrong, next(batches(terms))[1])).mean()
    assert terms[0].weight * square > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("side", [0, 1, 2, 3])
def test_an_open_edge_absorbs_a_wave_at_normal_incidence(side):
    speed = 0.8
    outward = np.zeros(2, np.float32)
    outward[side % 2] = 1 if side < 2 else -1

    def field(coords):
        way = (coords[:, 1:] * outward[None]).sum(-1) - speed * coords[:, 0]
        return jnp.sin(3 * way)[:, None]

    terms = wave_terms(hump, 1.0, speed=speed, boundary="open")
    *_, (term, (coords, *others)) = batches(terms)
    on_side = np.asarray(coords[:, 1 + side % 2]) == outward[side % 2]
    assert 0.2 < on_side.mean() < 0.3
    batch = tuple(x[on_side] for x in (coords, *others))
    assert np.abs(term.residual(field, batch)).max() < 1e-4
    *_, (fixed, batch) = batches(wave_terms(hump, 1.0))
    assert np.abs(fixed.residual(field, batch)).max() > 0.5


@pytest.mark.slow
def test_the_initial_velocity_is_a_term():
    def field(coords):
        return (jnp.sin(2 * coords[:, 0]) * tone(coords[:, 1:]))[:, None]

    terms = wave_terms(hump, 1.0, velocity=lambda c: 2 * tone(c))
    _, _, (term, batch), _ = batches(terms)
    assert np.abs(term.residual(field, batch)).max() < 1e-5
    assert np.abs(batch[0][:, 0]).max() == 0


@pytest.mark.slow
def test_a_speed_is_a_number_an_image_or_a_function():
    rows = [
        np.asarray(next(batches(wave_terms(hump, 1.0, speed=c)))[1][1])
        for c in (2.0, np.full((5, 7), 2.0, "f4"), lambda x: 0 * x[:, 0] + 2)
    ]
    np.testing.assert_allclose(rows[0], 0.25, rtol=1e-6)
    np.testing.assert_allclose(rows[1], rows[0], rtol=1e-6)
    np.testing.assert_allclose(rows[2], rows[0], rtol=1e-6)


@pytest.mark.slow
def test_units_of_time_and_amplitude_change_nothing():
    """Three times the amplitude and half the speed have the same relative loss."""
    losses = []
    for size, speed in ((1.0, 1.0), (3.0, 0.5)):
        terms = wave_terms(lambda c, a=size: a * tone(c), 1 / speed, speed=speed)
        wrong = standing(1.2 * speed)
        losses.append(
            [
                term.weight
                * jnp.square(term.residual(lambda c, a=size: a * wrong(c), b)).mean()  # noqa: B023
                for term, b in batches(terms)
            ]
        )
    np.testing.assert_allclose(*losses, rtol=0.01, atol=1e-7)


@pytest.mark.slow
def test_the_window_of_time_grows(key):
    equation, *_, edge = wave_terms(hump, 4.0, window_steps=50)
    for term in (equation, edge):
        last = [float(term.data(key, step)[0][:, 0].max()) for step in (0, 24, 49, 99)]
        np.testing.assert_allclose(last, [0.4, 2.0, 4.0, 4.0], rtol=0.02)
    all_times = wave_terms(hump, 4.0)[0].data(key, 0)[0]
    np.testing.assert_allclose(np.asarray(all_times).mean(0), [2, 0, 0], atol=0.1)
    np.testing.assert_allclose(all_times.max(0), [4, 1, 1], rtol=0.01)


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
        wave_terms(initial, **{"duration": 1.0, **options})
