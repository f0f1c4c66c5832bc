"""`examples/cluster.py` on this process, and on a Ray cluster of two workers."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import inr

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"

CODE = """
import functools, json, os, pathlib, sys
sys.path.insert(0, {examples!r})
import cluster, inr

def task(image, path):
    marker = pathlib.Path({marker!r})
    if not marker.exists():
        marker.touch()
        os._exit(1)  # as a worker that was killed
    inr.write_image(path, 1 - image)

def run():
    return cluster.run(task, {source!r}, {out!r}, extension=".png", workers=2)

print(json.dumps([run(), run()]), file=sys.stderr)
"""


def photos(folder, count):
    folder.mkdir()
    generator = np.random.default_rng(0)
    for i in range(count):
        image = generator.integers(0, 256, (8, 9, 3), np.uint8)
        inr.write_image(folder / f"{i}.png", image)
    (folder / "damaged.png").write_bytes(b"no image")


def load_cluster():
    spec = importlib.util.spec_from_file_location("cluster", EXAMPLES / "cluster.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def invert(image, path):
    inr.write_image(path, 1 - image)


def check_results(source, out, count):
    for i in range(count):
        image = inr.read_image(source / f"{i}.png")
        result = inr.read_image(out / f"{i}.png.png")
        np.testing.assert_allclose(result, 1 - image, atol=1e-6)
    names = {path.name for path in out.iterdir()}
    assert names == {f"{i}.png.png" for i in range(count)} | {"failed.txt"}
    assert (out / "failed.txt").read_text().startswith("damaged.png: ")


def test_files_are_computed_once_and_damaged_ones_listed(tmp_path, capsys):
    cluster = load_cluster()
    source, out = tmp_path / "in", tmp_path / "out"
    photos(source, 3)
    options = {"extension": ".png", "workers": 0}
    assert [*cluster.run(invert, str(source), str(out), **options)] == ["damaged.png"]
    check_results(source, out, 3)
    (out / "1.png.png").unlink()
    capsys.readouterr()
    cluster.run(invert, str(source), str(out), **options)
    printed = capsys.readouterr().out
    assert printed.startswith("4 files, of which 2 have a result")
    check_results(source, out, 3)


@pytest.mark.long
@pytest.mark.slow
def test_two_workers_of_ray_survive_a_killed_one(tmp_path):
    pytest.importorskip("ray")
    source, out, marker = tmp_path / "in", tmp_path / "out", tmp_path / "marker"
    photos(source, 6)
    values = {"examples": EXAMPLES, "source": source, "out": out, "marker": marker}
    code = CODE.format(**{name: str(value) for name, value in values.items()})
    python_path = f"{EXAMPLES}{os.pathsep}{EXAMPLES.parent}"
    child = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": python_path, "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert child.returncode == 0, child.stderr[-3000:]
    assert marker.exists()
    check_results(source, out, 6)
    first, second = json.loads(child.stderr.splitlines()[-1])
    assert [*first] == [*second] == ["damaged.png"]
    assert "7 files, of which 6 have a result" in child.stdout
