"""Many fields at once."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import count_compilations, refuses

import inr
from inr import coords

MODEL = inr.Siren(features=1, width=16, depth=1, omega=10.0)

POINTS = coords.grid((8, 8)).reshape(-1, 2)


def signals(b):
    speeds = 1 + np.arange(b).reshape(b, 1, 1)
    return (speeds * np.sin(speeds * np.asarray(POINTS[None, :, :1]))).astype(
        np.float32
    )


def fit(features, points=POINTS, **options):
    options = {"num_steps": 30, "progress": False, **options}
    return inr.fit_many(jax.random.key(0), MODEL, (points, features), **options)


@pytest.mark.long
@pytest.mark.slow
def test_the_fields_equal_single_fits():
    features = signals(10)  # more than are fitted at a time, and no multiple of it
    many = fit(features)
    for i in (0, 7, 9):
        start = jax.tree.map(lambda x, i=i: x[i], fit(features, optimizer=1e-30).params)
        data = (POINTS, jnp.asarray(features[i]))
        one = inr.fit(
            jax.random.key(5), MODEL, data, num_steps=30, init=start, progress=False
        )
        np.testing.assert_allclose(many.history[:, i], one.history, rtol=2e-3)
        params = jax.tree.map(lambda x, i=i: x[i], many.params)
        chex.assert_trees_all_close(params, one.params, atol=2e-3)


@pytest.mark.slow
def test_each_field_has_its_own_start_and_normalization():
    params = fit(signals(3)).params
    scale = np.asarray(params["normalization"]["features_scale"])[:, 0]
    assert (np.diff(scale) > 0).all()
    kernels = np.asarray(params["params"]["sine_0"]["kernel"])
    assert not np.allclose(kernels[0], kernels[1], atol=0.05)


@pytest.mark.slow
def test_each_field_stops_at_its_own_target():
    features = signals(3)
    complete = fit(features, num_steps=200)
    target = float(complete.history[40, 1])
    result = fit(features, num_steps=200, target_loss=target)
    for i in range(3):
        below = complete.history[:, i] <= target
        step = int(np.argmax(below)) if below.any() else 200
        assert result.num_steps[i] == step
        expected = "target reached" if below.any() else "finished"
        assert result.status[i] == expected
    rendered = jax.vmap(lambda field: field(POINTS))(result.fields)
    error = np.mean((rendered - features) ** 2, axis=(1, 2))
    np.testing.assert_allclose(error[1], result.history[-1, 1], rtol=1e-3)


@pytest.mark.slow
def test_one_that_diverges_leaves_the_others_alone():
    features = signals(3)
    params = fit(features, num_steps=1, optimizer=1e-30).params
    broken = params["params"]["linear"]["bias"].at[1].set(jnp.inf)
    params["params"]["linear"]["bias"] = broken
    result = fit(features, init=params)
    assert result.status == ("finished", "diverged", "finished")
    assert np.isfinite(result.history[:, [0, 2]]).all()


@pytest.mark.slow
def test_coords_may_differ_from_field_to_field():
    features = signals(2)
    shared = fit(features)
    separate = fit(features, jnp.stack([POINTS, POINTS]))
    np.testing.assert_array_equal(shared.history, separate.history)


def test_a_second_call_compiles_nothing():
    fit(signals(4), num_steps=3)
    with count_compilations() as count:
        fit(signals(4) + 1, num_steps=5, optimizer=1e-4)
    assert count() == 0


@pytest.mark.slow
def test_it_resumes_bit_by_bit(tmp_path):
    complete = fit(signals(3), num_steps=20)
    fit(signals(3), num_steps=20, checkpoint=tmp_path)
    again = fit(signals(3), num_steps=20, checkpoint=tmp_path)
    chex.assert_trees_all_equal(again.params, complete.params)


SHARDED = """
import jax, numpy as np, sys
sys.path.insert(0, "tests")
import inr
from fitting.test_many import POINTS, MODEL, fit, signals
assert len(jax.devices()) == 8
mesh = jax.sharding.Mesh(jax.devices(), ("fields",))
sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("fields"))
single, sharded = fit(signals(8)), fit(signals(8), sharding=sharding)
np.testing.assert_allclose(sharded.history, single.history, rtol=1e-3)
kernel = sharded.params["params"]["linear"]["kernel"]
assert len(kernel.sharding.device_set) == 8, kernel.sharding
"""


@pytest.mark.long
@pytest.mark.slow
def test_fields_on_eight_devices_are_fitted_equally():
    import os
    import pathlib
    import subprocess
    import sys

    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    root = pathlib.Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", SHARDED],
        cwd=root,
        env={**os.environ, **flags},
        check=True,
    )


@pytest.mark.parametrize(
    ("features", "points", "message"),
    [
        (np.zeros((4, 64), np.float32), POINTS, "`features`"),
        (np.zeros((0, 64, 1), np.float32), POINTS, "`features`"),
        (np.zeros((2, 60, 1), np.float32), POINTS, "`signals`"),
        (np.zeros((2, 64, 1), np.float32), POINTS[None], "`signals`"),
        (np.full((2, 64, 1), np.nan, np.float32), POINTS, "`features`"),
        (np.zeros((2, 64, 1), np.uint8), POINTS, "`features`"),
        (np.zeros((2, 64, 1), np.float32), POINTS[:, 0], "`coords`"),
    ],
)
def test_bad_data_are_refused(features, points, message):
    with refuses(message):
        fit(features, points)
