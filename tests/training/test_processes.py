"""Trainings by two real processes on this machine."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest
from support import refuses

from inr import training
from inr.training import processes

pytest.importorskip("grain")

ROOT = pathlib.Path(__file__).parents[2]
SECONDS = 120  # after which the processes are ended

TRAININGS = """
import itertools, json, os, signal, sys
import numpy as np

sys.path[:0] = {paths!r}
process, port, folder, out = int(sys.argv[1]), *sys.argv[2:]
if process < 0:
    os.environ["XLA_FLAGS"] += " --xla_force_host_platform_device_count=2"
import jax
from jax.sharding import NamedSharding, PartitionSpec
from inr import training

COUNT = 1 if process < 0 else 2
INDEX = max(process, 0)
training.join_processes(
    "127.0.0.1:" + port, process=INDEX, num_processes=COUNT, timeout=60
)
DEVICES = jax.make_mesh((2,), ("batch",))
images = np.random.default_rng(0).integers(0, 256, (8, 20, 20, 3), np.uint8)
params = dict(
    w=np.float32([[0.5, -0.2, 0.1]] * 3).T.copy(), shift=np.zeros(3, np.float32)
)

def loss(params, key, crops):
    batch = training.point_batch(key, crops, size=(8, 8), num_points=32, gray=False)
    colors = jax.numpy.tanh(batch.colors @ params["w"] + params["shift"][None, None])
    error = colors - batch.inputs.mean((1, 2))[:, None]
    return (error**2).mean(), dict(mae=abs(error).mean())

def evaluate(params):
    return dict(size=(params["w"] ** 2).sum())

def batches(part=(INDEX, COUNT), batch_size=8, images=images):
    return training.crop_batches(
        jax.random.key(3), images, batch_size=batch_size, side=16, part=part
    )

def train(data=None, *, key=7, loss=loss, sharding=DEVICES, num_steps=10, **options):
    return training.train(
        jax.random.key(key), loss, params, batches() if data is None else data,
        num_steps=num_steps, optimizer=training.warmup_adam(10), checkpoint_every=3,
        evaluate=evaluate, score="size", sharding=sharding, progress=False, **options,
    )

def bits(result):
    leaves = jax.tree.leaves((result.params, result.ema, result.best_ema))
    if COUNT > 1:
        assert all(len(x.devices()) == 1 for x in jax.tree.leaves(result.params))
    arrays = [np.asarray(x).tobytes().hex() for x in leaves]
    return [arrays, result.history, result.num_steps, result.status]

def error(call):
    try:
        call()
    except Exception as exception:
        return f"{{type(exception).__name__}}: {{exception}}"

report = dict(uninterrupted=bits(train()))
"""

TEAM = """
for each in (folder, folder + "_of_one"):
    train(num_steps=6, checkpoint=each)
report["resumed"] = bits(train(checkpoint=folder))

class Interrupting:
    def __init__(self):
        self.data, self.step = iter(batches()), 0
    def __iter__(self):
        return self
    def __next__(self):
        self.step += 1
        if self.step == 6 and INDEX == 1:
            signal.raise_signal(signal.SIGINT)
        return next(self.data)
    def get_state(self):
        return self.data.get_state()
    def set_state(self, state):
        self.data.set_state(state)

stopped = train(Interrupting(), checkpoint=folder + "_stopped")
report["stopped"] = [stopped.status, stopped.num_steps]
report["continued"] = bits(train(checkpoint=folder + "_stopped"))

def damaged():
    yield from itertools.islice(iter(batches()), 3 if INDEX else None)
    raise OSError("damaged")

report["failure"] = error(lambda: train(damaged()))

def other_loss(params, key, crops):
    value, metrics = loss(params, key, crops)
    return value * {factor}, metrics
other_loss.__qualname__ = "loss"

file = folder + "_file"
if INDEX == 0:
    open(file, "w").close()
half = NamedSharding(jax.sharding.Mesh(jax.devices()[:1], "a"), PartitionSpec("a"))
report["errors"] = dict(
    key=error(lambda: train(key=INDEX)),
    code=error(lambda: train(loss=other_loss)),
    rows=error(lambda: train(batches((0, 2)))),
    size=error(lambda: train(batches(batch_size=4 + 2 * INDEX))),
    images=error(lambda: train(batches(images=images[: 8 - INDEX]))),
    parts=error(lambda: batches(batch_size=7)),
    folder=error(lambda: train(checkpoint=file)),
    devices=error(lambda: train(sharding=half)),
)
"""

END = """
with open(out, "w") as file:
    json.dump(report, file)
"""

ALONE = """
report["one device"] = bits(train(sharding=None))
report["moved"] = bits(train(checkpoint=folder + "_of_one"))
report["uneven"] = error(lambda: train(batches(batch_size=7)))
"""


def start(code, process, port, folder, out):
    paths = [str(ROOT), str(ROOT / "tests")]
    code = (TRAININGS + code + END).format(paths=paths, factor=1 + abs(process))
    arguments = [str(process), str(port), str(folder), str(out)]
    with open(errors_of(out), "w") as errors:
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stderr=errors,
            env={**os.environ, "JAX_PLATFORMS": "cpu"},
        )


def errors_of(out):
    return out.with_suffix(".errors")


def finish(children, outs):
    """Wait for processes, and end those that take too long."""
    try:
        for child, out in zip(children, outs, strict=True):
            code = child.wait(timeout=SECONDS)
            assert code == 0, errors_of(out).read_text()[-3000:]
    finally:
        for child in children:
            child.kill()
            child.wait()


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """What two processes report, and then one with two devices."""
    folder = tmp_path_factory.mktemp("processes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    outs = [folder / f"{i}.json" for i in (0, 1, 2)]
    finish([start(TEAM, i, port, folder / "run", outs[i]) for i in (0, 1)], outs[:2])
    finish([start(ALONE, -1, 0, folder / "run", outs[2])], outs[2:])
    return [json.loads(out.read_text()) for out in outs]


@pytest.mark.slow
def test_two_processes_equal_one_with_two_devices_bit_by_bit(reports):
    first, second, alone = reports
    assert first["uninterrupted"] == second["uninterrupted"]
    assert first["uninterrupted"] == alone["uninterrupted"]
    assert first["uninterrupted"][2:] == [10, "finished"]


@pytest.mark.slow
def test_two_processes_agree_with_one_device(reports):
    two, one = (
        [row["loss"] for row in rows if "loss" in row]
        for rows in (reports[0]["uninterrupted"][1], reports[2]["one device"][1])
    )
    assert len(two) == 10
    np.testing.assert_allclose(two, one, rtol=1e-4)
    assert one[-1] < one[0]


@pytest.mark.slow
@pytest.mark.parametrize("training", ["resumed", "continued"])
def test_a_training_by_two_processes_resumes_bit_by_bit(reports, training):
    first, second, _ = reports
    assert first[training] == second[training] == first["uninterrupted"]


@pytest.mark.slow
def test_a_checkpoint_moves_to_another_number_of_processes(reports):
    assert reports[2]["moved"] == reports[2]["uninterrupted"]


@pytest.mark.slow
def test_all_processes_stop_when_one_is_interrupted(reports):
    first, second, _ = reports
    assert first["stopped"] == second["stopped"]
    status, steps = first["stopped"]
    assert status == "interrupted"
    assert 4 < steps < 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("key", "ValueError: `key` must be equal in all processes, got others in p"),
        ("code", "ValueError: `code` must be equal in all processes"),
        ("rows", "ValueError: `batches` must be a different part of each batch"),
        ("size", "ValueError: `batches` must be equal in all processes"),
        ("images", "ValueError: `images` must be equal in all processes"),
        ("parts", "ValueError: `batch_size` must be a multiple of 2"),
        ("folder", "ValueError: `checkpoint` must be a folder, got the file"),
        ("devices", "ValueError: `sharding` must be on devices of this process"),
    ],
)
def test_all_processes_raise_the_same_error(reports, name, message):
    first, second, _ = reports
    if name != "devices":  # The first process could train on its own device.
        assert first["errors"][name] == second["errors"][name]
    assert second["errors"][name].startswith(message)


@pytest.mark.slow
def test_no_process_waits_for_one_that_cannot_read_its_batch(reports):
    first, second, _ = reports
    assert first["failure"].startswith("RuntimeError: Another process failed to read")
    assert second["failure"] == "OSError: damaged"


@pytest.mark.slow
def test_an_uneven_batch_is_refused_by_name(reports):
    message = "ValueError: `batches` must be arrays of a multiple of 2 rows"
    assert reports[2]["uneven"].startswith(message)


def test_a_missing_coordinator_is_an_error_within_the_time():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with refuses("`coordinator` must be the address of process 0", TimeoutError):
        training.join_processes(address, process=1, num_processes=2, timeout=0.3)


def test_the_description_of_code_changes_with_its_constants():
    def scaled(factor):
        return [lambda x: 2 * x, lambda x: 3 * x, lambda x: 3 * x][factor]

    two, three, again = (processes.code_of(scaled(i)) for i in range(3))
    assert two != three
    assert three == again
