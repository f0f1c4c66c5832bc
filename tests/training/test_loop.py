import itertools
import json
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
from support import count_compilations, refuses

from inr import coords, training

pytest.importorskip("grain")

ROOT = pathlib.Path(__file__).parents[2]
EVERY = 6
STEPS = 20


class Tiny(nn.Module):
    """Maps a gray image and points to colors by a convolution and a perceptron."""

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
    return training.crop_batches(jax.random.key(3), images(), batch_size=4, side=16)


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
    """All bits are equal."""
    for name in ("params", "ema", "best_ema"):
        chex.assert_trees_all_equal(getattr(result, name), getattr(expected, name))
    assert result.history == expected.history
    assert result.num_steps == expected.num_steps
    assert result.status == expected.status


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The result of an uninterrupted training, and its folder."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    return train(checkpoint=folder), folder


def test_the_loop_repeats_the_pure_step(uninterrupted):
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
    result, _ = uninterrupted
    rows = steps_of(result.history)
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    np.testing.assert_allclose([row["loss"] for row in rows], losses, rtol=1e-6)
    np.testing.assert_allclose([row["mae"] for row in rows], maes, rtol=1e-6)
    chex.assert_trees_all_close(result.params, state.params, rtol=1e-5, atol=1e-7)
    chex.assert_trees_all_close(result.ema, state.ema, rtol=1e-5, atol=1e-7)
    assert (result.num_steps, result.status) == (STEPS, "finished")


def test_the_folder_has_the_history_the_last_two_checkpoints_and_the_best(
    uninterrupted,
):
    result, folder = uninterrupted
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == result.history
    scores = {r["step"]: r["distance"] for r in result.history if "distance" in r}
    assert list(scores) == [6, 12, 18, 20]
    best = min(scores, key=scores.get)
    checkpoints = {int(p.name) for p in folder.iterdir() if p.is_dir()}
    assert checkpoints == {18, 20, best}
    np.testing.assert_allclose(evaluate(result.best_ema)["distance"], scores[best])


def test_a_finished_training_is_restored_without_a_step(uninterrupted):
    result, folder = uninterrupted
    assert_same(train(checkpoint=folder), result)


def test_the_result_does_not_depend_on_a_folder(uninterrupted):
    assert_same(train(), uninterrupted[0])


@pytest.mark.long
@pytest.mark.slow
def test_a_small_model_overfits_eight_images():
    def plain_loss(params, key, crops):
        batch = training.point_batch(key, crops, size=(8, 8), num_points=64)
        error = MODEL.apply(params, batch.inputs, batch.coords) - batch.colors
        return jnp.mean(error**2), {}

    # Each image has one color, which follows from its gray.
    red = np.linspace(0, 255, 8)
    colors = np.stack([red, red**2 / 255, 255 - red], -1).astype(np.uint8)
    flat = colors[:, None, None].repeat(16, axis=1).repeat(16, axis=2)
    result = train(
        training.crop_batches(jax.random.key(0), flat, batch_size=8, side=16),
        loss=plain_loss,
        num_steps=300,
        optimizer=training.warmup_adam(300, learning_rate=0.02),
        evaluate=None,
        score=None,
    )
    best_constant = (colors / 255).var(0).mean()
    losses = [row["loss"] for row in result.history]
    assert np.mean(losses[-10:]) < best_constant / 20
    assert result.best_ema is None


class Interrupted:
    """The dataset; `interrupt` is called before its batch number `step`."""

    def __init__(self, step, interrupt):
        self.step, self.interrupt = step, interrupt
        self.position, self.iterator = 0, iter(dataset())
        self.get_state = self.iterator.get_state

    def __iter__(self):
        return self

    def set_state(self, state):
        self.position = state["next_index"]
        self.iterator.set_state(state)

    def __next__(self):
        self.position += 1
        if self.position == self.step:
            self.interrupt()
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
def sigint():
    """Handle Ctrl-C, which processes in the background of a shell ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("step", [3, 9, 17])
def test_training_resumes_after_a_crash(uninterrupted, tmp_path, step):
    """The crash is before the first checkpoint, after it, and after several."""
    with pytest.raises(Crash):
        train(Interrupted(step, crash), checkpoint=tmp_path)
    assert_same(train(checkpoint=tmp_path), uninterrupted[0])
    metrics, expected = (
        folder / "metrics.jsonl" for folder in (tmp_path, uninterrupted[1])
    )
    assert metrics.read_bytes() == expected.read_bytes()


CHILD = """
    import sys, time
    sys.path[:0] = {paths!r}
    import {module} as t

    def evaluate(params):
        values = t.evaluate(params)
        evaluations.append(values)
        if len(evaluations) == 3:
            print("now", flush=True)
            time.sleep(100)
        return values

    evaluations = []
    t.train(checkpoint={folder!r}, evaluate=evaluate)
"""


def run_child(code, **formats):
    # The name of this module is a part of the name of its loss.
    formats = {"module": __name__, "paths": [str(ROOT), str(ROOT / "tests")], **formats}
    code = textwrap.dedent(code).format(**formats)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.long
@pytest.mark.slow
def test_training_resumes_after_its_process_was_killed(uninterrupted, tmp_path):
    child = run_child(CHILD, folder=str(tmp_path))
    assert child.stdout.readline() == "now\n"
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    path = tmp_path / "metrics.jsonl"
    assert (
        len(path.read_text().splitlines()) > 2 * EVERY + 2
    )  # more rows than checkpointed
    with path.open("a") as file:
        file.write('{"step": 19, "lo')  # an incomplete line
    assert_same(train(checkpoint=tmp_path), uninterrupted[0])
    assert path.read_bytes() == (uninterrupted[1] / "metrics.jsonl").read_bytes()


@pytest.mark.usefixtures("sigint")
def test_training_resumes_after_ctrl_c(uninterrupted, tmp_path):
    handler = signal.getsignal(signal.SIGINT)
    result = train(Interrupted(8, press_ctrl_c), checkpoint=tmp_path)
    assert (result.status, result.num_steps) == ("interrupted", 8)
    assert steps_of(result.history) == steps_of(uninterrupted[0].history)[:8]
    assert signal.getsignal(signal.SIGINT) is handler
    assert_same(train(checkpoint=tmp_path), uninterrupted[0])


@pytest.mark.usefixtures("sigint")
def test_ctrl_c_twice_ends_the_training_at_once(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(Interrupted(8, press_ctrl_c_twice), checkpoint=tmp_path)
    assert train(checkpoint=tmp_path, num_steps=6).num_steps == 6


@pytest.mark.usefixtures("sigint")
def test_ctrl_c_is_ignored_where_the_process_ignores_it(uninterrupted):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert_same(train(Interrupted(8, press_ctrl_c_twice)), uninterrupted[0])
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_a_second_call_compiles_nothing(uninterrupted):
    with count_compilations() as count:
        train(num_steps=STEPS)
    assert count() <= 1  # the dataset's seed


def jump_loss(params, key, batch):
    return jnp.sum(params["w"] * batch) / (params["w"][0] < 3), {}


def test_divergence_raises_with_the_parameters_before_it(tmp_path):
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
    assert (result.status, result.num_steps) == ("diverged", 3)
    np.testing.assert_array_equal(result.params["w"], [3.0, 0.0])
    assert len(result.history) == 4


@pytest.mark.slow
def test_a_number_is_the_peak_rate_of_the_default_optimizer():
    results = [
        train(num_steps=3, optimizer=optimizer)
        for optimizer in (0.02, training.warmup_adam(3, learning_rate=0.02))
    ]
    assert_same(*results)
    with refuses("`optimizer` must be"):
        train(optimizer=0.0)


def test_a_result_has_a_short_repr(uninterrupted):
    text = repr(uninterrupted[0])
    assert re.fullmatch(r"TrainResult\('finished', num_steps=20, loss=0\.\d+\)", text)


def test_metrics_are_strict_json(tmp_path):
    def loss(params, key, batch):
        return params["w"].sum(), {"ratio": jnp.float32(np.nan)}

    options = {"evaluate": None, "score": None, "checkpoint": tmp_path}
    result = train(loss=loss, params={"w": jnp.ones(2)}, num_steps=2, **options)
    assert np.isnan(result.history[0]["ratio"])
    lines = (tmp_path / "metrics.jsonl").read_text()
    assert "NaN" not in lines
    assert json.loads(lines.splitlines()[0])["ratio"] is None


def other_loss(params, key, crops):
    return color_loss(params, key, crops)


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"optimizer": optax.sgd(0.1)}, "optimizer"),
        ({"key": 8}, "key"),
        ({"loss": other_loss}, "loss"),
        ({"params": {**PARAMS, "more": jnp.zeros(2)}}, "params"),
        ({"ema_decay": 0.5, "score": None}, "ema_decay and score"),
        (
            {
                "batches": training.crop_batches(
                    jax.random.key(3), images(), batch_size=4, side=12
                )
            },
            "batches",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_folder_of_another_training_is_refused(uninterrupted, options, difference):
    _, folder = uninterrupted
    before = (folder / "metrics.jsonl").read_bytes()
    with refuses(f"`checkpoint` .* which differs in {difference}. Choose"):
        train(checkpoint=folder, **options)
    assert (folder / "metrics.jsonl").read_bytes() == before


def test_a_folder_of_more_steps_is_refused(uninterrupted):
    with refuses("`num_steps` must be at least 20, the step of the checkpoint, got 6"):
        train(checkpoint=uninterrupted[1], num_steps=6)


@pytest.mark.slow
def test_a_dataset_without_the_stored_position_is_refused(tmp_path):
    class Short(Interrupted):
        def set_state(self, state):
            if state["next_index"] > 3:
                raise IndexError("out of range")
            super().set_state(state)

    train(num_steps=6, checkpoint=tmp_path)
    with refuses("`batches` must be the dataset of the checkpoint"):
        train(Short(99, crash), checkpoint=tmp_path)


@pytest.mark.slow
def test_a_training_continues_with_more_steps_and_another_rate(tmp_path):
    train(num_steps=6, checkpoint=tmp_path)
    result = train(num_steps=8, checkpoint=tmp_path, optimizer=1e-4)
    assert (result.num_steps, len(steps_of(result.history))) == (8, 8)


def test_invalid_arguments_are_refused(tmp_path):
    with refuses("`score` must be None without"):
        train(evaluate=None)
    with refuses("`score` must be one of"):
        train(score="psnr")
    with refuses("`batches` must be 20 or more trees of arrays, got 3. Repeat"):
        train(list(itertools.islice(iter(dataset()), 3)))
    with refuses("`batches` must be a grain dataset"):
        train([images()] * 20, checkpoint=tmp_path)
    with refuses("`loss` must be a loss without metrics named step"):
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
    import {module} as t
    from jax.sharding import NamedSharding, PartitionSpec
    from inr import training

    shardings = []

    def loss(params, key, crops):
        jax.debug.inspect_array_sharding(crops, callback=shardings.append)
        return t.color_loss(params, key, crops)

    def train(sharding, **options):
        batches = training.crop_batches(
            jax.random.key(3), t.images(), batch_size=16, side=16
        )
        optimizer = training.warmup_adam(t.STEPS)
        return t.train(
            batches, loss=loss, sharding=sharding, optimizer=optimizer, **options
        )

    sharding = NamedSharding(jax.make_mesh((8,), ("batch",)), PartitionSpec("batch"))
    one, eight = train(None), train(sharding)
    train(sharding, num_steps=12, checkpoint={folder!r})
    moved = train(None, checkpoint={folder!r})
    rows = [t.steps_of(result.history) for result in (one, eight, moved)]
    print(json.dumps(dict(
        losses=[[row["loss"] for row in each] for each in rows],
        shards=[len(s.device_set) for s in shardings],
        split=[not s.is_fully_replicated for s in shardings],
        replicated=[len(x.devices()) == 8 and x.is_fully_replicated
                    for x in jax.tree.leaves((eight.params, eight.ema))],
    )))
"""


@pytest.mark.long
@pytest.mark.slow
def test_eight_devices_agree_with_one(tmp_path):
    child = run_child(DEVICES, folder=str(tmp_path))
    out, _ = child.communicate()
    assert child.returncode == 0
    report = json.loads(out)
    one, eight, moved = map(np.asarray, report["losses"])
    assert len(one) == STEPS
    np.testing.assert_allclose(eight, one, rtol=1e-4)
    np.testing.assert_allclose(moved, one, rtol=1e-4)
    assert report["shards"][:2] == [1, 8]
    assert report["split"][:2] == [False, True]
    assert report["replicated"]
    assert all(report["replicated"])
