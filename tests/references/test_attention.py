"""Hard attention in blocks, against all pairs at once in NumPy."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import mostly_slow, refuses

from inr.references import Match, attention, match_patches, transfer

STEPS = list(itertools.product((-1, 0, 1), repeat=2))


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def unfolded(x):
    """Patches of length one as rows, in float64."""
    h, w, c = x.shape
    padded = np.pad(x.astype(np.float64), [(1, 1), (1, 1), (0, 0)])
    rows = np.stack(
        [padded[i : i + 3, j : j + 3].ravel() for i in range(h) for j in range(w)]
    )
    assert rows.shape[1] == 9 * c
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def dense(queries, keys, allowed=None):
    """Source, position and relevance from the matrix of all relevances."""
    product = unfolded(queries) @ np.concatenate([unfolded(x) for x in keys]).T
    if allowed is not None:
        product[:, ~np.concatenate([a.ravel() for a in allowed])] = -np.inf
    best = product.argmax(-1)
    positions = [
        (i, y, x) for i, k in enumerate(keys) for y, x in np.ndindex(k.shape[:2])
    ]
    match = np.array(positions)[best].reshape(*queries.shape[:2], 3)
    return match[..., 0], match[..., 1:], product.max(-1).reshape(queries.shape[:2])


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    "blocks", mostly_slow([(2048, 2048), (14, 10), (1, 1)], (14, 10))
)
def test_blocks_equal_the_dense_product(blocks, monkeypatch):
    queries, keys = noise(0, 5, 7, 3), [noise(1, 6, 4, 3), noise(2, 3, 9, 3)]
    small = dict(zip(("query_cells", "key_cells"), blocks, strict=True))
    monkeypatch.setattr(
        attention, "best_of", functools.partial(attention.best_of, **small)
    )
    match = match_patches(queries, keys)
    source, position, relevance = dense(queries, keys)
    np.testing.assert_array_equal(match.source, source)
    np.testing.assert_array_equal(match.position, position)
    np.testing.assert_allclose(match.relevance, relevance, atol=1e-6)


@pytest.mark.long
@pytest.mark.slow
def test_an_image_matches_itself():
    x = noise(0, 8, 6, 4)
    match = match_patches(x, [noise(1, 5, 5, 4), 3 * x])
    assert np.all(np.asarray(match.source) == 1)
    np.testing.assert_array_equal(
        match.position, np.stack(np.meshgrid(range(8), range(6), indexing="ij"), -1)
    )
    np.testing.assert_allclose(match.relevance, 1, atol=1e-6)
    fine = noise(2, 16, 12, 5)
    copied = transfer(match, [noise(3, 10, 10, 5), fine], cell=2)
    np.testing.assert_allclose(copied, fine, atol=1e-6)


@pytest.mark.slow
def test_masked_keys_are_not_chosen():
    x = noise(0, 6, 6, 3)
    allowed = np.ones((6, 6), bool)
    allowed[1:4, 2:5] = False
    match = match_patches(x, [x], allowed=[allowed])
    _, position, relevance = dense(x, [x], [allowed])
    np.testing.assert_array_equal(match.position, position)
    np.testing.assert_allclose(match.relevance, relevance, atol=1e-6)
    at = np.asarray(match.position)
    assert allowed[at[..., 0], at[..., 1]].all()
    none = match_patches(x, [x], allowed=[np.zeros((6, 6), bool)])
    np.testing.assert_array_equal(none.relevance, -1)


@pytest.mark.slow
@pytest.mark.parametrize("cell", [1, 2])
def test_transferred_patches_are_averaged(cell):
    """Against a loop over cells."""
    sizes = [(4, 5), (3, 3)]
    values = [noise(i, cell * h, cell * w, 2) for i, (h, w) in enumerate(sizes)]
    draw = np.random.default_rng(5)
    source = draw.integers(0, 2, (3, 4)).astype(np.int32)
    position = np.stack(
        [draw.integers(0, np.array([s[i] for s in sizes])[source]) for i in (0, 1)], -1
    ).astype(np.int32)
    match = Match(*map(jnp.asarray, (source, position, np.zeros((3, 4), np.float32))))
    total, count = np.zeros((3 * cell, 4 * cell, 2)), np.zeros((3, 4))
    for (i, j), (y, x) in itertools.product(np.ndindex(3, 4), STEPS):
        h, w = sizes[source[i, j]]
        row, column = position[i, j] + (y, x)
        if 0 <= i + y < 3 and 0 <= j + x < 4 and 0 <= row < h and 0 <= column < w:
            span = np.s_[:cell], np.s_[:cell]
            of = values[source[i, j]][row * cell :, column * cell :][span]
            total[(i + y) * cell :, (j + x) * cell :][span] += of
            count[i + y, j + x] += 1
    expected = total / np.kron(count, np.ones((cell, cell)))[..., None]
    np.testing.assert_allclose(transfer(match, values, cell=cell), expected, atol=1e-6)


@pytest.mark.long
@pytest.mark.slow
def test_relevance_is_differentiable():
    queries, keys = noise(0, 4, 4, 2), noise(1, 5, 5, 2)

    def total(queries, keys):
        return match_patches(queries, [keys]).relevance.sum()

    steps = 1e-3 * noise(2, *queries.shape), 1e-3 * noise(3, *keys.shape)
    gradients = jax.grad(total, (0, 1))(queries, keys)
    expected = sum(float((g * s).sum()) for g, s in zip(gradients, steps, strict=True))
    ahead, behind = (
        total(queries + sign * steps[0], keys + sign * steps[1]) for sign in (1, -1)
    )
    np.testing.assert_allclose((ahead - behind) / 2, expected, rtol=0.02)
    flat = jax.grad(total)(np.zeros_like(queries), keys)
    assert np.isfinite(flat).all()


@pytest.mark.slow
def test_maps_that_do_not_fit_are_refused():
    x = noise(0, 4, 4, 2)
    with refuses("`keys` must be at least one map"):
        match_patches(x, [])
    with refuses("`keys` must be .h, w, 2. as the queries"):
        match_patches(x, [noise(0, 4, 4, 3)])
    with refuses("`allowed` must be a bool mask of each map's size"):
        match_patches(x, [x], allowed=[np.ones((3, 4), bool)])
    with refuses("`values` must be of sizes divisible by `cell`, 3"):
        transfer(match_patches(x, [x]), [x], cell=3)
