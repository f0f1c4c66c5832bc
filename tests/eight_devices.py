"""Runs code in a process that has eight virtual devices."""

import json
import os
import pathlib
import subprocess
import sys

TESTS = pathlib.Path(__file__).parent

BEFORE = """
import json
import jax, jax.numpy as jnp, numpy as np
import inr
from inr import _sharding

explicit = jax.make_mesh((8,), ("all",))
two_axes = jax.make_mesh((4, 2), ("rows", "columns"))
split = _sharding.as_split("sharding", explicit)
report = {"devices": len(jax.devices())}

def pair(name, call, *shardings):
    one = np.asarray(call(None))
    report[name] = [
        float(abs(np.asarray(call(sharding)) - one).max() / abs(one).max())
        for sharding in shardings
    ]

def error(call):
    try:
        call()
    except ValueError as exception:
        return str(exception)

generator = np.random.default_rng(0)
"""
AFTER = """
print(json.dumps(report))
"""


def report(code):
    """The dictionary `report` that the code fills.

    `pair(name, call, *shardings)` stores the largest relative difference of
    `call(sharding)` from `call(None)`; `error(call)` is the text of a ValueError.
    """
    flags = "--xla_force_host_platform_device_count=8"
    flags = f"{os.environ.get('XLA_FLAGS', '')} {flags}"
    path = os.pathsep.join(map(str, (TESTS.parent, TESTS)))
    environment = {**os.environ, "XLA_FLAGS": flags, "PYTHONPATH": path}
    child = subprocess.run(
        [sys.executable, "-c", BEFORE + code + AFTER],
        env={**environment, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert child.returncode == 0, child.stderr[-3000:]
    return json.loads(child.stdout)
