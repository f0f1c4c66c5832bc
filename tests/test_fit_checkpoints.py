"""A checkpoint resumes its own fit and refuses every other one."""

import os
import pathlib
import random
import subprocess
import sys
import time

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from support import refuses

import inr
from inr import coords
from inr.fitting import Term

MODEL = inr.Siren(features=1, width=8, depth=1)
POINTS = coords.grid((6, 6)).reshape(-1, 2)
FEATURES = jnp.sin(3 * POINTS.sum(-1, keepdims=True))
NUM_STEPS = 4


def fit(data=(POINTS, FEATURES), *, model=MODEL, key=0, **options):
    options = {"num_steps": NUM_STEPS, "progress": False, **options}
    return inr.fit(jax.random.key(key), model, data, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of the finished default fit."""
    folder = tmp_path_factory.mktemp("fit")
    fit(checkpoint=folder)
    return folder


def smallest_change(array):
    array = np.array(array)
    array[0, 0] = np.nextafter(array[0, 0], 2)
    return jnp.asarray(array)


def residual_of(factor):
    def residual(field, batch):
        points, features = batch
        return factor * (field(points) - features)

    return residual


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"data": (POINTS, smallest_change(FEATURES))}, "data"),
        ({"data": (POINTS, FEATURES.astype(jnp.bfloat16))}, "data"),
        ({"key": 1}, "key"),
        ({"model": inr.Siren(features=1, width=8, depth=1, omega=9.0)}, "model"),
        ({"model": inr.Siren(features=1, width=9, depth=1)}, "model"),
        ({"optimizer": 1e-5}, "optimizer"),
        ({"optimizer": optax.adam(1e-3)}, "optimizer"),
        ({"batch_size": 5}, "batch size or residual"),
        ({"data": Term(residual_of(1), (POINTS, FEATURES))}, "batch size or residual"),
    ],
)
def test_another_fit_is_refused(folder, options, difference):
    with refuses(f"`checkpoint` must be .* which differs in .*{difference}. Choose"):
        fit(checkpoint=folder, **options)


def test_other_initial_parameters_are_refused(folder):
    init = fit().params
    with refuses("`checkpoint` .* which differs in initial parameters. Choose"):
        fit(checkpoint=folder, init=init)


def test_values_that_a_residual_encloses_are_compared(tmp_path):
    first, second = (Term(residual_of(x), (POINTS, FEATURES)) for x in (1, 2))
    fit(first, checkpoint=tmp_path)
    with refuses("`checkpoint` .* which differs in batch size or residual. Choose"):
        fit(second, checkpoint=tmp_path)


def test_another_kind_of_fit_is_refused(folder):
    options = {"num_steps": NUM_STEPS, "progress": False, "checkpoint": folder}
    data = (POINTS, FEATURES)
    with refuses("`checkpoint` .* which differs in .*damping"):
        inr.fit_least_squares(jax.random.key(0), MODEL, data, **options)
    with refuses("`checkpoint` .* which differs in data and batch size"):
        inr.fit_many(jax.random.key(0), MODEL, (POINTS, FEATURES[None]), **options)


@pytest.mark.slow
def test_another_image_is_refused(tmp_path):
    def run(image):
        options = {"num_steps": NUM_STEPS, "progress": False, "checkpoint": tmp_path}
        return inr.fit_image(jax.random.key(0), image, model=MODEL, **options)

    image = FEATURES.reshape(6, 6, 1) / 2 + 0.5
    first = run(image)
    chex.assert_trees_all_equal(run(image).params, first.params)
    with refuses("`checkpoint` .* which differs in data. Choose"):
        run(image[::-1])


def test_another_damping_is_refused(tmp_path):
    def run(damping):
        options = {"num_steps": 2, "progress": False, "checkpoint": tmp_path}
        data = (POINTS, FEATURES)
        return inr.fit_least_squares(
            jax.random.key(0), MODEL, data, damping=damping, **options
        )

    run(0.1)
    with refuses("`checkpoint` .* which differs in damping. Choose"):
        run(0.2)


@pytest.mark.long
@pytest.mark.slow
def test_fit_many_refuses_other_signals_and_rates(tmp_path):
    def run(features, **options):
        options = {"num_steps": NUM_STEPS, "progress": False, **options}
        signals = (POINTS, jnp.stack([FEATURES, features]))
        return inr.fit_many(
            jax.random.key(0), MODEL, signals, checkpoint=tmp_path, **options
        )

    first = run(FEATURES / 2)
    chex.assert_trees_all_equal(run(FEATURES / 2).params, first.params)
    with refuses("`checkpoint` .* which differs in data. Choose"):
        run(FEATURES / 3)
    with refuses("`checkpoint` .* which differs in optimizer. Choose"):
        run(FEATURES / 2, optimizer=1e-5)
    with refuses("`checkpoint` .* which differs in batch size. Choose"):
        run(FEATURES / 2, batch_size=5)


def test_more_steps_another_target_and_another_callback_continue(tmp_path):
    first = fit(checkpoint=tmp_path, target_loss=10.0)
    assert (first.status, first.num_steps) == ("target reached", 0)
    fit(checkpoint=tmp_path)
    steps = []
    longer = fit(
        checkpoint=tmp_path,
        num_steps=2 * NUM_STEPS,
        callback=lambda step, loss, field: steps.append(step),
    )
    assert (longer.status, longer.num_steps) == ("finished", 2 * NUM_STEPS)
    assert min(steps) > NUM_STEPS
    np.testing.assert_array_equal(longer.history[:NUM_STEPS], fit().history)
    with refuses(f"`num_steps` must be at least {2 * NUM_STEPS}, the step of the chec"):
        fit(checkpoint=tmp_path)


def test_an_interruption_in_the_first_chunk_stores_its_step(tmp_path):
    def stop(step, loss, field):
        raise KeyboardInterrupt

    result = fit(checkpoint=tmp_path, callback=stop)
    assert (result.status, len(result.history)) == ("interrupted", 1)
    resumed = fit(checkpoint=tmp_path)
    chex.assert_trees_all_equal(resumed.params, fit().params)


LONG = 20_000
CHILD = """
import sys, time
sys.path.insert(0, sys.argv[1])
from inr import _loop
import test_fit_checkpoints as t

_loop._SECONDS_PER_CHECKPOINT = 0
def report(step, loss, field):
    print("step", flush=True)
    time.sleep(0.02)

print("start", flush=True)
t.fit(num_steps=t.LONG, batch_size=8, checkpoint=sys.argv[2], callback=report)
"""


@pytest.mark.long
@pytest.mark.slow
def test_a_fit_that_is_killed_ten_times_equals_an_uninterrupted_one(tmp_path):
    folder = tmp_path / "checkpoints"
    generator = random.Random(0)
    environment = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        **os.environ,
    }
    steps = []
    for i in range(10):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, pathlib.Path(__file__).parent, folder],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        # Half of them are killed early: most of these load a checkpoint or compile.
        for line in ("start\n", "step\n")[: 1 + i % 2]:
            assert child.stdout.readline() == line
        time.sleep(generator.uniform(0, 1))
        assert child.poll() is None
        child.kill()
        child.wait()
        child.stdout.close()
        numbers = [int(p.name) for p in folder.glob("*") if p.name.isdigit()]
        steps.append(max(numbers, default=0))
    assert steps == sorted(steps)
    assert len(set(steps)) > 3
    complete = fit(num_steps=LONG, batch_size=8)
    resumed = fit(num_steps=LONG, batch_size=8, checkpoint=folder)
    assert resumed.num_steps == LONG
    chex.assert_trees_all_equal(resumed.params, complete.params)
    np.testing.assert_array_equal(resumed.history, complete.history)
