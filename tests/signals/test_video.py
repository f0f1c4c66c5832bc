import jax
import numpy as np
import optax
import pytest
from support import count_compilations, refuses

import inr
from inr import coords
from inr.fitting import GridSamples

MODEL = inr.Siren(features=3, width=32, depth=1, omega=10.0)
RNG = np.random.default_rng(0)


def clip(t=6, h=8, w=12):
    """A pattern that moves: smooth in time and space."""
    z, y, x = np.moveaxis(np.asarray(coords.grid((t, h, w))), -1, 0)
    shades = [np.sin(2 * x + z), np.cos(3 * y - 2 * z), np.sin(x * y + z)]
    return (0.5 + 0.4 * np.stack(shades, -1)).astype(np.float32)


def fit(frames, model=MODEL, **options):
    options = {"num_steps": 300, "batch_size": 256, "progress": False, **options}
    return inr.fit_video(jax.random.key(0), model, frames, **options)


@pytest.mark.slow
def test_a_clip_is_held_also_between_its_frames(tmp_path):
    result = fit(clip(), num_steps=800)
    out = np.memmap(tmp_path / "frames", np.float32, "w+", shape=(12, 16, 24, 3))
    inr.render(inr.bind(MODEL, result.params), (12, 16, 24), out=out)
    error = np.abs(out - clip(12, 16, 24))[2:-2, 2:-2, 2:-2]
    assert error.max() < 0.05


def test_every_row_drawn_is_the_pixel_at_its_coordinate(key):
    levels = RNG.integers(0, 256, (3, 4, 5, 2)).astype(np.uint8)
    points, values = GridSamples(levels, 4096)(key, 0)
    t, y, x = np.rint(((np.asarray(points) + 1) * (3, 4, 5) - 1) / 2).astype(int).T
    np.testing.assert_array_equal(np.rint(255 * values), levels[t, y, x])
    np.testing.assert_array_equal(points, coords.grid((3, 4, 5))[t, y, x])
    drawn = np.bincount(np.ravel_multi_index((t, y, x), (3, 4, 5)), minlength=60)
    # 60 pixels, 68 draws each on average: 5 standard deviations is 41.
    assert np.abs(drawn - 4096 / 60).max() < 41


def test_each_step_draws_other_pixels(key):
    samples = GridSamples(clip(), 64)
    a, b = (samples(jax.random.fold_in(key, i), i)[0] for i in range(2))
    assert not np.array_equal(a, b)


@pytest.mark.slow
def test_bytes_and_their_values_give_the_same_fit():
    levels = RNG.integers(0, 256, (3, 4, 5, 3)).astype(np.uint8)
    a, b = (fit(x, num_steps=30) for x in (levels, levels.astype(np.float32) / 255))
    np.testing.assert_allclose(a.history, b.history, rtol=1e-4)
    np.testing.assert_allclose(
        a.params["normalization"]["features_shift"],
        b.params["normalization"]["features_shift"],
        rtol=1e-6,
    )


def test_frequencies_are_the_same_per_pixel_and_per_frame():
    result = fit(clip(2, 4, 8), num_steps=1)
    scale = result.params["normalization"]["coords_scale"]
    np.testing.assert_allclose(scale, [0.25, 0.5, 1.0])


def test_the_batch_is_a_fair_sample_of_the_error():
    """The mean of many first losses is the error of all pixels at the start."""
    frames = clip()
    start = fit(frames, num_steps=1, learning_rate=1e-30).params
    rendered = inr.render(inr.bind(MODEL, start), frames.shape[:3])
    keys = jax.random.split(jax.random.key(1), 40)
    options = {"num_steps": 1, "batch_size": 256, "progress": False}
    losses = [
        inr.fit_video(k, MODEL, frames, params=start, **options).history[0]
        for k in keys
    ]
    truth = float(np.mean((np.asarray(rendered) - frames) ** 2))
    np.testing.assert_allclose(np.mean(losses), truth, rtol=0.05)


def test_it_goes_on_from_params_and_from_a_checkpoint(tmp_path):
    whole = fit(clip(), num_steps=40)
    after = fit(clip(), num_steps=1, params=whole.params)
    assert after.history[0] < 0.5 * whole.history[0]
    folder, psnr = tmp_path / "fit", -10 * float(np.log10(whole.history[9]))
    fit(clip(), num_steps=40, checkpoint=folder, target_psnr=psnr)
    resumed = fit(clip(), num_steps=40, checkpoint=folder)
    np.testing.assert_array_equal(resumed.history, whole.history)


def test_an_optimizer_and_a_callback_pass_through():
    seen = []
    result = fit(
        clip(),
        num_steps=3,
        optimizer=optax.sgd(0.0),
        callback=lambda step, loss, field: seen.append((step, field(np.zeros((1, 3))))),
    )
    assert seen[-1][0] == 3
    assert seen[-1][1].shape == (1, 3)
    first = fit(clip(), num_steps=1, optimizer=optax.sgd(0.0))
    for a, b in zip(
        jax.tree.leaves(result.params), jax.tree.leaves(first.params), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_a_second_clip_of_the_same_size_compiles_nothing():
    fit(clip(), num_steps=3)
    with count_compilations() as count:
        fit(1 - clip(), num_steps=4)
    assert count() == 0


def test_the_frames_are_no_part_of_the_program(key):
    """They are its argument: compiled in, each clip would be compiled anew."""
    term = inr.Term(lambda field, batch: batch[1], GridSamples(clip(), 16))
    assert any(np.shape(x) == clip().shape for x in jax.tree.leaves(term))
    drawn = jax.jit(lambda term: term.data(key, 0)[1])(term)
    np.testing.assert_array_equal(drawn, term.data(key, 0)[1])


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((0, 4, 4, 3), np.float32), "non-empty"),
        (np.zeros((2, 4, 4, 3), np.int16), "uint8"),
        (np.zeros((4, 4, 3), np.float32), r"\[t, h, w, c\]"),
        (np.full((2, 4, 4, 3), np.nan, np.float32), "finite"),
        (np.zeros((2, 4, 4, 1), np.uint8), "features=1"),
    ],
)
def test_bad_frames_are_refused(frames, message):
    with refuses(message):
        fit(frames)


def test_a_batch_has_at_least_one_pixel():
    with refuses("batch_size"):
        fit(clip(), batch_size=0)
