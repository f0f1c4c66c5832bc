import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("constriction")

import small_codec
from support import refuses

from inr.codec.coding import (
    LARGEST_LATENT,
    best_shifts,
    decode_latents,
    encode_latents,
    networks,
)
from inr.codec.entropy import Entropy
from inr.codec.fixed_point import Tables
from inr.codec.laplace import frequencies, reach


@pytest.fixture(scope="module")
def model():
    return networks(small_codec.networks().entropy)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (37, 50)])
def test_round_trip(model, size):
    latents = small_codec.latents(size)
    data = encode_latents(model, latents)
    back = decode_latents(model, size, data)
    jax.tree.map(np.testing.assert_array_equal, back, latents)


def test_numbers_beyond_the_tables_escape(model):
    latents = small_codec.latents((16, 16))
    latents[0][3, 4] = LARGEST_LATENT - 1
    latents[1][2, 2, 1] = -LARGEST_LATENT
    back = decode_latents(model, (16, 16), encode_latents(model, latents))
    jax.tree.map(np.testing.assert_array_equal, back, latents)


def test_data_that_no_encoder_writes(model):
    with refuses("`data`.*no encoder"):
        decode_latents(model, (37, 50), b"\xff" * 400)


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_the_shift_of_a_plane_is_the_shortest(factor):
    """Lengths from the tables of the range coder, for samples of other scales."""
    rng = np.random.default_rng(0)
    index = rng.integers(8, 24, (4000, 2)).astype(np.int32)
    scale = factor * 2 ** (-4 + index / 4)
    values = np.rint(rng.laplace(0.0, scale * [1.0, 2.0]))

    def bits(plane, shift):
        total = 0.0
        for i in np.unique(index[:, plane]):
            counts = frequencies(int(i) + shift, 0)
            own = values[index[:, plane] == i, plane].astype(int)
            symbols = np.clip(own + reach(int(i) + shift), 0, len(counts) - 1)
            total -= np.log2(counts[symbols] / 2**20).sum()
        return total

    shifts = best_shifts(values, Tables(np.zeros_like(index), index))
    for plane, shift in enumerate(shifts):
        assert shift == min(range(-8, 9), key=lambda s: bits(plane, s))
    assert shifts[1] > shifts[0]


def test_one_latent_does_not_shift():
    tables = Tables(np.zeros((1, 1), np.int32), np.full((1, 1), 4, np.int32))
    assert best_shifts(np.zeros((1, 1)), tables) == 0


def test_other_statistics_than_those_of_the_model_cost_less_with_shifts(
    model, monkeypatch
):
    latents = small_codec.latents((96, 128), scale=0.2)
    with_shifts = len(encode_latents(model, latents))
    monkeypatch.setattr("inr.codec.coding._SHIFTS", np.array([0]))
    assert with_shifts < 0.95 * len(encode_latents(model, latents))


@pytest.mark.slow
def test_the_length_is_that_of_the_entropy_model(model, monkeypatch):
    monkeypatch.setattr("inr.codec.coding._SHIFTS", np.array([0]))
    latents = small_codec.latents((96, 128), scale=0.2)
    bits = Entropy().apply(
        small_codec.networks().entropy,
        jax.tree.map(jnp.asarray, latents),
        method="bits",
    )
    length = len(encode_latents(model, latents))
    assert length == pytest.approx(float(bits.sum()) / 8, rel=0.01, abs=32)


CHILD = """
import pathlib, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import small_codec
from inr.codec.coding import decode_latents, networks
model = networks(small_codec.networks().entropy)
latents = decode_latents(model, (40, 44), pathlib.Path(sys.argv[2]).read_bytes())
np.savez(sys.argv[3], *latents)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        {"JAX_ENABLE_X64": "1"},
        {"JAX_DISABLE_JIT": "1"},
    ],
    ids=lambda x: next(iter(x)),
)
def test_another_process_decodes_the_same(model, tmp_path, environment):
    latents = small_codec.latents((40, 44))
    (tmp_path / "data").write_bytes(encode_latents(model, latents))
    here = pathlib.Path(__file__).parents[1]
    subprocess.run(
        [sys.executable, "-c", CHILD, here, tmp_path / "data", tmp_path / "out.npz"],
        env=os.environ | environment, check=True, timeout=300,
    )  # fmt: skip
    stored = np.load(tmp_path / "out.npz")
    for i, expected in enumerate(latents):
        np.testing.assert_array_equal(stored[f"arr_{i}"], expected)
