import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import textwrap

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from PIL import Image
from support import count_compilations, refuses

from inr import coords, training

pytest.importorskip("grain")

ROOT = pathlib.Path(__file__).parents[2]
EVERY = 6
STEPS = 20


class Tiny(nn.Module):
    """A gray image and points to colors: a convolution, sampled, and a perceptron."""

    @nn.compact
    def __call__(self, gray, points):
        features = nn.Conv(8, (3, 3))(gray)
        features = jax.vmap(coords.sample_grid)(features, points)
        h = nn.relu(nn.Dense(32)(jnp.concatenate([features, points], -1)))
        return nn.Dense(3)(h)


MODEL = Tiny()
PARAMS = MODEL.init(jax.random.key(5), jnp.zeros((1, 8, 8, 1)), jnp.zeros((1, 1, 2)))


def color_loss(params, key, crops):
    batch = training.point_batch(key, crops, size=(8, 8), num_points=32, cells=4)
    error = MODEL.apply(params, batch.inputs, batch.coords) - batch.colors
    return jnp.mean(error**2), {"mae": jnp.abs(error).mean()}


def images(number=8):
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (number, 4, 4, 3), np.uint8)
    return coarse.repeat(5, axis=1).repeat(5, axis=2)


def dataset():
    return training.crop_batches(jax.random.key(3), images(), batch_size=4, size=16)


def evaluate(params):
    gray, points = jnp.full((1, 8, 8, 1), 0.3), coords.grid((4, 4)).reshape(1, 16, 2)
    return {"distance": jnp.abs(MODEL.apply(params, gray, points) - 0.2).mean()}


def train(batches=None, *, loss=color_loss, params=PARAMS, key=7, **options):
    options = {
        "num_steps": STEPS,
        "checkpoint_every": EVERY,
        "progress": False,
        "evaluate": evaluate,
        "score": "distance",
        **options,
    }
    batches = dataset() if batches is None else batches
    return training.train(jax.random.key(key), loss, params, batches, **options)


def steps_of(history):
    return [row for row in history if "loss" in row]


def assert_same(result, expected):
    """Bit by bit."""
    for name in ("params", "ema", "best"):
        chex.assert_trees_all_equal(getattr(result, name), getattr(expected, name))
    assert result.history == expected.history
    assert (result.step, result.status) == (expected.step, expected.status)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training that nothing disturbed, and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    return train(checkpoint=folder), folder


def test_the_loop_is_the_pure_step_repeated(whole):
    optimizer = training.warmup_adam(STEPS)
    state = training.init_training(PARAMS, optimizer=optimizer)
    step = jax.jit(training.train_step, static_argnames=("loss", "optimizer"))
    losses, maes = [], []
    for batch in itertools.islice(iter(dataset()), STEPS):
        state, info = step(
            jax.random.key(7), state, batch, color_loss, optimizer=optimizer
        )
        losses.append(float(info.loss))
        maes.append(float(info.metrics["mae"]))
    result, _ = whole
    rows = steps_of(result.history)
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    np.testing.assert_allclose([row["loss"] for row in rows], losses, rtol=1e-6)
    np.testing.assert_allclose([row["mae"] for row in rows], maes, rtol=1e-6)
    chex.assert_trees_all_close(result.params, state.params, rtol=1e-5, atol=1e-7)
    chex.assert_trees_all_close(result.ema, state.ema, rtol=1e-5, atol=1e-7)
    assert (result.step, result.status) == (STEPS, "finished")


def test_the_folder_holds_the_history_the_last_two_and_the_best(whole):
    result, folder = whole
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == result.history
    scores = {r["step"]: r["distance"] for r in result.history if "distance" in r}
    assert list(scores) == [6, 12, 18, 20]
    best = min(scores, key=scores.get)
    kept = {int(p.name) for p in folder.iterdir() if p.is_dir()}
    assert kept == {18, 20, best}
    np.testing.assert_allclose(evaluate(result.best)["distance"], scores[best])


def test_a_finished_training_comes_back_without_a_step(whole):
    result, folder = whole
    assert_same(train(checkpoint=folder), result)


def test_without_a_folder_it_is_the_same(whole):
    assert_same(train(), whole[0])


@pytest.mark.slow
def test_overfitting_eight_images_tells_them_apart():
    def plain_loss(params, key, crops):
        batch = training.point_batch(key, crops, size=(8, 8), num_points=64)
        error = MODEL.apply(params, batch.inputs, batch.coords) - batch.colors
        return jnp.mean(error**2), {}

    # Each of the images has one color, which its gray tells.
    red = np.linspace(0, 255, 8)
    colors = np.stack([red, red**2 / 255, 255 - red], -1).astype(np.uint8)
    flat = colors[:, None, None].repeat(16, axis=1).repeat(16, axis=2)
    result = train(
        training.crop_batches(jax.random.key(0), flat, batch_size=8, size=16),
        loss=plain_loss,
        num_steps=300,
        optimizer=training.warmup_adam(300, learning_rate=0.02),
        evaluate=None,
        score=None,
    )
    best_constant = (colors / 255).var(0).mean()
    losses = [row["loss"] for row in result.history]
    assert np.mean(losses[-10:]) < best_constant / 20
    assert result.best is None


class Disturbed:
    """The dataset, and a function to call before its batch of number `step`."""

    def __init__(self, step, disturb):
        self.step, self.disturb = step, disturb

    def __iter__(self):
        other = Disturbed(self.step, self.disturb)
        other.taken, other.iterator = 0, iter(dataset())
        other.get_state = other.iterator.get_state
        return other

    def __next__(self):
        self.taken += 1
        if self.taken == self.step:
            self.disturb()
        return next(self.iterator)


class Crash(Exception):
    pass


def crash():
    raise Crash


def press_ctrl_c():
    signal.raise_signal(signal.SIGINT)


def press_ctrl_c_twice():
    press_ctrl_c()
    press_ctrl_c()


@pytest.fixture
def hearing():
    """What a shell starts in the background ignores Ctrl-C, and so may these tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("step", [3, 9, 17])
def test_a_crash_between_checkpoints_leaves_no_trace(whole, tmp_path, step):
    """Before the first checkpoint, after it, and after several."""
    with pytest.raises(Crash):
        train(Disturbed(step, crash), checkpoint=tmp_path)
    assert_same(train(checkpoint=tmp_path), whole[0])
    again, expected = (folder / "metrics.jsonl" for folder in (tmp_path, whole[1]))
    assert again.read_bytes() == expected.read_bytes()


CHILD = """
    import sys, time
    sys.path[:0] = {paths!r}
    import test_train_loop as t

    def evaluate(params):
        values = t.evaluate(params)
        seen.append(values)
        if len(seen) == 3:
            print("now", flush=True)
            time.sleep(100)
        return values

    seen = []
    t.train(checkpoint={folder!r}, evaluate=evaluate)
"""


def run_child(code, **formats):
    paths = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "training")]
    code = textwrap.dedent(code).format(paths=paths, **formats)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_a_killed_process_leaves_no_trace(whole, tmp_path):
    child = run_child(CHILD, folder=str(tmp_path))
    assert child.stdout.readline() == "now\n"
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    path = tmp_path / "metrics.jsonl"
    assert len(path.read_text().splitlines()) > 2 * EVERY + 2  # more than is kept
    with path.open("a") as file:
        file.write('{"step": 19, "lo')  # as if it had been cut within a line
    assert_same(train(checkpoint=tmp_path), whole[0])
    assert path.read_bytes() == (whole[1] / "metrics.jsonl").read_bytes()


@pytest.mark.usefixtures("hearing")
def test_ctrl_c_keeps_the_current_step_and_resumes(whole, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    result = train(Disturbed(8, press_ctrl_c), checkpoint=tmp_path)
    assert (result.status, result.step) == ("interrupted", 8)
    assert steps_of(result.history) == steps_of(whole[0].history)[:8]
    assert signal.getsignal(signal.SIGINT) is before
    assert_same(train(checkpoint=tmp_path), whole[0])


@pytest.mark.usefixtures("hearing")
def test_ctrl_c_twice_ends_it_at_once(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(Disturbed(8, press_ctrl_c_twice), checkpoint=tmp_path)
    assert train(checkpoint=tmp_path, num_steps=6).step == 6


@pytest.mark.usefixtures("hearing")
def test_ctrl_c_is_not_heard_where_the_process_ignores_it(whole):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert_same(train(Disturbed(8, press_ctrl_c_twice)), whole[0])
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_a_second_call_compiles_nothing(whole):
    with count_compilations() as count:
        train(num_steps=STEPS)
    assert count() <= 1  # the dataset's seed


def jump_loss(params, key, batch):
    return jnp.sum(params["w"] * batch) / (params["w"][0] < 3), {}


def test_divergence_raises_and_keeps_the_parameters_before(tmp_path):
    batches = [jnp.array([-1.0, 0.0])] * 10
    with pytest.raises(
        training.TrainingDiverged, match=r"in step 4.*learning rate"
    ) as e:
        training.train(
            jax.random.key(0),
            jump_loss,
            {"w": jnp.zeros(2)},
            batches,
            num_steps=10,
            optimizer=optax.sgd(1.0),
            progress=False,
        )
    result = e.value.result
    assert (result.status, result.step) == ("diverged", 3)
    np.testing.assert_array_equal(result.params["w"], [3.0, 0.0])
    assert len(result.history) == 4


def test_a_file_of_metrics_is_strict_json(tmp_path):
    def loss(params, key, batch):
        return params["w"].sum(), {"ratio": jnp.float32(np.nan)}

    options = {"evaluate": None, "score": None, "checkpoint": tmp_path}
    result = train(loss=loss, params={"w": jnp.ones(2)}, num_steps=2, **options)
    assert np.isnan(result.history[0]["ratio"])
    lines = (tmp_path / "metrics.jsonl").read_text()
    assert "NaN" not in lines
    assert json.loads(lines.splitlines()[0])["ratio"] is None


def test_what_does_not_fit_is_refused(tmp_path, whole):
    with refuses("`score` must be None without"):
        train(evaluate=None)
    with refuses("`score` must be one of"):
        train(score="psnr")
    with refuses("`batches` must be 20 of them, got 3. Repeat"):
        train(list(itertools.islice(iter(dataset()), 3)))
    with refuses("`batches` must be a grain dataset"):
        train([images()] * 20, checkpoint=tmp_path)
    with refuses("`checkpoint`"):
        train(checkpoint=whole[1], optimizer=optax.sgd(0.1))
    with refuses("`loss` must be free of metrics"):
        train(
            loss=lambda p, k, b: (p["w"].sum(), {"step": 1.0}),
            params={"w": jnp.ones(2)},
        )
    with refuses("`size` must be a number"):
        train(
            loss=lambda p, k, b: (p["w"].sum(), {"size": jnp.ones(3)}),
            params={"w": jnp.ones(2)},
        )


DEVICES = """
    import os, sys
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
    sys.path[:0] = {paths!r}
    import json, jax, numpy as np
    import test_train_loop as t
    from jax.sharding import NamedSharding, PartitionSpec
    from inr import training

    seen = []

    def loss(params, key, crops):
        jax.debug.inspect_array_sharding(crops, callback=seen.append)
        return t.color_loss(params, key, crops)

    def train(sharding, **options):
        batches = training.crop_batches(
            jax.random.key(3), t.images(), batch_size=16, size=16
        )
        optimizer = training.warmup_adam(t.STEPS)
        return t.train(
            batches, loss=loss, sharding=sharding, optimizer=optimizer, **options
        )

    over_all = NamedSharding(jax.make_mesh((8,), ("batch",)), PartitionSpec("batch"))
    one, eight = train(None), train(over_all)
    train(over_all, num_steps=12, checkpoint={folder!r})
    moved = train(None, checkpoint={folder!r})
    rows = [t.steps_of(result.history) for result in (one, eight, moved)]
    print(json.dumps(dict(
        losses=[[row["loss"] for row in each] for each in rows],
        shards=[len(s.device_set) for s in seen],
        split=[not s.is_fully_replicated for s in seen],
        replicated=[len(x.devices()) == 8 and x.is_fully_replicated
                    for x in jax.tree.leaves((eight.params, eight.ema))],
    )))
"""


@pytest.mark.slow
def test_eight_devices_do_what_one_does(tmp_path):
    child = run_child(DEVICES, folder=str(tmp_path))
    out, _ = child.communicate()
    assert child.returncode == 0
    found = json.loads(out)
    one, eight, moved = map(np.asarray, found["losses"])
    assert len(one) == STEPS
    np.testing.assert_allclose(eight, one, rtol=1e-4)
    np.testing.assert_allclose(moved, one, rtol=1e-4)
    assert found["shards"][:2] == [1, 8]
    assert found["split"][:2] == [False, True]
    assert found["replicated"]
    assert all(found["replicated"])


@pytest.mark.slow
def test_the_readme_trains(tmp_path, monkeypatch):
    text = (ROOT / "README.md").read_text()
    section = text.split("## Training your own")[1].split("\n## ")[0]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    code, changed = re.subn(r"num_steps=[\d_]+", "num_steps=3", code)
    assert changed == 1
    (tmp_path / "photos").mkdir()
    for i, image in enumerate(images(6).repeat(7, axis=1).repeat(7, axis=2)):
        Image.fromarray(image).save(tmp_path / "photos" / f"a_{i}_0.png")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["result"].step == 3
    assert np.isfinite(names["result"].history[-1]["loss"])
    assert os.path.isdir(tmp_path / "run")
