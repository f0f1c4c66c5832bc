import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_codec

from inr.codec.entropy import Entropy, grids_of
from inr.codec.fixed_point import FRACTIONS, FixedPointNetwork


def network(level, kind):
    weights = small_codec.networks().entropy["params"]
    name = f"luma_{level}" if kind == "luma" else f"chroma_{level - 1}"
    return FixedPointNetwork(weights[name], level)


@pytest.mark.parametrize(("level", "kind"), [(0, "luma"), (1, "chroma"), (4, "luma")])
def test_integers_agree_with_floats(level, kind):
    latents = small_codec.latents((40, 52))
    grids = grids_of(latents, level, kind)
    mean, scale = Entropy().apply(
        small_codec.networks().entropy,
        *map(jnp.asarray, grids),
        method=lambda m, *x: m.network(level, kind)(*x),
    )
    fixed = network(level, kind)
    for phase in range(4):
        tables = fixed.tables(grids, phase)
        # Half a step of rounding, and the roundings of weights and activations.
        np.testing.assert_allclose(
            tables.mean / FRACTIONS, mean[:, :, phase], atol=0.5 / FRACTIONS + 0.05
        )
        octaves = np.log2(scale[:, :, phase])
        np.testing.assert_allclose(-4 + tables.scale / 4, octaves, atol=0.125 + 0.02)


@pytest.mark.parametrize("kind", ["luma", "chroma"])
def test_a_phase_does_not_see_itself_or_later_ones(kind):
    latents = small_codec.latents((16, 16))
    grids = grids_of(latents, 1, kind)
    fixed = network(1, kind)
    for phase in range(4):
        before = fixed.tables(grids, phase)
        other = grids.own.copy()
        other[:, :, phase:] += 5
        after = fixed.tables(grids._replace(own=other), phase)
        jax.tree.map(np.testing.assert_array_equal, before, after)
        if phase:
            other[:, :, phase - 1] += 5
            seen = fixed.tables(grids._replace(own=other), phase)
            assert (seen.scale != before.scale).any()


def test_extreme_latents_stay_exact():
    """Sums are whole numbers below 2^53, whatever a file holds."""
    latents = tuple(np.full_like(x, 2.0**14) for x in small_codec.latents((8, 8)))
    grids = grids_of(latents, 0, "luma")
    tables = network(0, "luma").tables(grids, 3)
    assert tables.scale.min() >= 0
    assert tables.scale.max() <= 48
    weights = small_codec.networks().entropy["params"]["luma_0"]
    largest = 2.0**12 * max(np.abs(x).max() for x in jax.tree.leaves(weights))
    # Inputs of a sum, the largest input or activation, and the largest weight.
    assert 54 * 2.0**22 * largest < 2.0**53
