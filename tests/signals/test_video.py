"""Fits of video."""

import jax
import numpy as np
import optax
import pytest
from support import count_compilations, refuses

import inr
from inr import coords
from inr.signals import compact_grid

MODEL = inr.Siren(features=3, width=32, depth=1, omega=10.0)

RNG = np.random.default_rng(0)


def clip(t=6, h=8, w=12):
    """A moving pattern, smooth in time and space."""
    z, y, x = np.moveaxis(np.asarray(coords.grid((t, h, w))), -1, 0)
    shades = [np.sin(2 * x + z), np.cos(3 * y - 2 * z), np.sin(x * y + z)]
    return (0.5 + 0.4 * np.stack(shades, -1)).astype(np.float32)


def fit(frames, model=MODEL, **options):
    options = {"num_steps": 300, "batch_size": 256, "progress": False, **options}
    return inr.fit_video(jax.random.key(0), frames, model=model, **options)


@pytest.mark.long
@pytest.mark.slow
def test_a_clip_is_fitted_also_between_its_frames(tmp_path):
    result = fit(clip(), num_steps=800)
    out = np.memmap(tmp_path / "frames", np.float32, "w+", shape=(12, 16, 24, 3))
    inr.render(result.field, (12, 16, 24), out=out)
    error = np.abs(out - clip(12, 16, 24))[2:-2, 2:-2, 2:-2]
    assert error.max() < 0.05


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


@pytest.mark.slow
def test_frequencies_are_the_same_per_pixel_and_per_frame():
    result = fit(clip(2, 4, 8), num_steps=1)
    scale = result.params["normalization"]["coords_scale"]
    np.testing.assert_allclose(scale, [0.25, 0.5, 1.0])


@pytest.mark.slow
def test_the_batch_is_a_fair_sample_of_the_error():
    """The mean of many first losses is the error of all pixels at the start."""
    frames = clip()
    start = fit(frames, num_steps=1, optimizer=1e-30).params
    rendered = inr.render(inr.bind(MODEL, start), frames.shape[:3])
    keys = jax.random.split(jax.random.key(1), 40)
    options = {"num_steps": 1, "batch_size": 256, "progress": False}
    losses = [
        inr.fit_video(k, frames, model=MODEL, init=start, **options).history[0]
        for k in keys
    ]
    truth = float(np.mean((np.asarray(rendered) - frames) ** 2))
    np.testing.assert_allclose(np.mean(losses), truth, rtol=0.05)


@pytest.mark.slow
def test_it_continues_from_parameters_and_from_a_checkpoint(tmp_path):
    complete = fit(clip(), num_steps=40)
    after = fit(clip(), num_steps=1, init=complete.params)
    assert after.history[0] < 0.5 * complete.history[0]
    folder, psnr = tmp_path / "fit", -10 * float(np.log10(complete.history[9]))
    fit(clip(), num_steps=40, checkpoint=folder, target_psnr=psnr)
    resumed = fit(clip(), num_steps=40, checkpoint=folder)
    np.testing.assert_array_equal(resumed.history, complete.history)


@pytest.mark.slow
def test_an_optimizer_and_a_callback_pass_through():
    calls, origin = [], np.zeros((1, 3))
    result = fit(
        clip(),
        num_steps=3,
        optimizer=optax.sgd(0.0),
        callback=lambda step, loss, field: calls.append((step, field(origin))),
    )
    assert calls[-1][0] == 3
    assert calls[-1][1].shape == (1, 3)
    first = fit(clip(), num_steps=1, optimizer=optax.sgd(0.0))
    for a, b in zip(
        jax.tree.leaves(result.params), jax.tree.leaves(first.params), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_second_clip_of_the_same_size_compiles_nothing():
    fit(clip(), num_steps=3)
    with count_compilations() as count:
        fit(1 - clip(), num_steps=4)
    assert count() == 0


def count_parameters(model):
    points = np.zeros((1, 3), np.float32)
    params = jax.eval_shape(model.init, jax.random.key(0), points)["params"]
    return sum(x.size for x in jax.tree.leaves(params))


@pytest.mark.parametrize("budget", [4000, 30_000, 912_384])
def test_the_compact_grid_uses_its_budget_and_no_more(budget):
    model = compact_grid((120, 144, 176), budget)
    assert 0.6 * budget < count_parameters(model) <= budget


def test_a_budget_for_no_grid_is_refused():
    with refuses("`max_parameters` must be enough"):
        compact_grid((4, 4, 4), 10)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("size", [(6, 8, 12, 3), (1, 1, 1, 1)])
def test_without_a_model_it_is_a_compact_grid(size):
    frames = np.full(size, 0.3, np.float32)
    result = fit(frames, model=None, num_steps=2)
    assert isinstance(result.field.model, inr.HashGrid)
    assert result.field(np.zeros((1, 3), np.float32)).shape == (1, size[-1])


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
