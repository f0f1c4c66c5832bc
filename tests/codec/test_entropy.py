import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_codec
from scipy import stats

from inr.codec.entropy import Entropy, grids_of, laplace_bits, visible


def test_laplace_bits_are_those_of_the_interval():
    rng = np.random.default_rng(0)
    value = rng.integers(-9, 10, 200).astype(np.float32)
    mean = rng.normal(0, 3, 200).astype(np.float32)
    scale = np.exp(rng.uniform(-1, 3, 200)).astype(np.float32)
    mass = stats.laplace.cdf(value + 0.5, mean, scale) - stats.laplace.cdf(
        value - 0.5, mean, scale
    )
    expected = -np.log2(np.maximum(mass, 1e-6))
    actual = laplace_bits(*map(jnp.asarray, (value, mean, scale)))
    np.testing.assert_allclose(actual, expected, atol=2e-3)


def test_laplace_bits_have_finite_gradients_everywhere():
    x = jnp.array([0.0, 0.5, -0.5, 1e4, 0.25])
    for scale in (2.0**-4, 1.0, 2.0**8):
        gradient = jax.grad(lambda v, s: laplace_bits(v, jnp.zeros(5), s).sum(), (0, 1))
        values = gradient(x, jnp.full(5, scale))
        assert all(jnp.isfinite(v).all() for v in values)


def test_each_phase_sees_context_and_the_phases_before():
    mask = visible(2, 1, 1)
    np.testing.assert_array_equal(mask[:2], np.ones((2, 4)))
    np.testing.assert_array_equal(mask[2:], np.triu(np.ones((4, 4)), 1))


def test_context_is_of_coarser_levels_and_of_the_luma_beside():
    latents = list(map(jnp.asarray, small_codec.latents((16, 16))))
    before = grids_of(tuple(latents), 2, "luma")
    finer = [x + 1 if k < 2 else x for k, x in enumerate(latents)]
    jax.tree.map(
        np.testing.assert_array_equal, before, grids_of(tuple(finer), 2, "luma")
    )
    coarser = [x + 1 if k == 3 else x for k, x in enumerate(latents)]
    assert (grids_of(tuple(coarser), 2, "luma").context != before.context).any()
    chroma = grids_of(tuple(latents), 2, "chroma")
    np.testing.assert_array_equal(
        chroma.local[0, 0],
        abs(latents[2][:2, :2, 0].reshape(-1)[np.array([0, 3, 1, 2])]),
    )


@pytest.mark.parametrize("size", [(1, 1), (9, 6)])
def test_cells_outside_the_grid_cost_nothing(size):
    """The bits are those of the latents alone, cell by cell."""
    latents = jax.tree.map(jnp.asarray, small_codec.latents(size))
    params = small_codec.networks().entropy
    bits = Entropy().apply(params, latents, method="bits")

    def level_bits(module, level):
        total = 0.0
        for kind in ("luma", "chroma")[: 1 if level == 0 else 2]:
            grids = grids_of(latents, level, kind)
            mean, scale = module.network(level, kind)(*grids)
            all_bits = np.asarray(laplace_bits(grids.own, mean, scale))
            h, w = latents[level].shape[:2]
            for phase, (i, j) in enumerate(((0, 0), (1, 1), (0, 1), (1, 0))):
                total += all_bits[: -(-(h - i) // 2), : -(-(w - j) // 2), phase].sum()
        return total

    for level in (0, 1, 3):
        expected = Entropy().apply(params, level, method=level_bits)
        assert float(bits[level]) == pytest.approx(expected, rel=1e-5)
