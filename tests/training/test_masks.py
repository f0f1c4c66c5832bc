import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import stats
from support import refuses

from inr import training

mask_cells = jax.jit(training.mask_cells, static_argnames="cells")


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def covered_by(cells, *, b=64, size=(64, 64), key=0):
    """Masks `[b, h, w]` of the covered pixels."""
    images = noise(b, *size, 1) * 0.4
    masked = mask_cells(jax.random.key(key), images, cells=cells)
    covered = np.asarray(masked == 0.5)
    np.testing.assert_array_equal(np.where(covered, 0.5, images), masked)
    return covered[..., 0]


def enlarge(cells, size):
    """Masks `[b, G, G]` enlarged by Pillow's nearest-neighbor interpolation."""
    nearest = Image.Resampling.NEAREST
    return np.stack(
        [
            np.asarray(Image.fromarray(x).resize(size[::-1], nearest), bool)
            for x in cells
        ]
    )


def at_cell_centers(covered, number):
    """Masks `[b, G, G]`: values at the centers of G x G cells."""
    h, w = covered.shape[1:]
    rows, columns = (((2 * np.arange(number) + 1) * n) // (2 * number) for n in (h, w))
    return covered[:, rows[:, None], columns[None]]


@pytest.mark.parametrize("number", [4, 7, 8, 16, 32, 61])
@pytest.mark.parametrize("size", [(64, 64), (64, 96)])
def test_covered_cells_are_complete(number, size):
    # At these sizes no pixel's center lies on the border of a cell.
    covered = covered_by(number, b=8, size=size)
    expected = enlarge(at_cell_centers(covered, number), size)
    np.testing.assert_array_equal(expected, covered)


def test_the_number_of_covered_cells_is_uniform_up_to_three_quarters():
    counts = at_cell_centers(covered_by(3, b=7000, size=(6, 6)), 3).sum((1, 2))
    frequency = np.bincount(counts, minlength=7)
    assert len(frequency) == 7  # 0, ..., floor(0.75 * 9)
    assert stats.chisquare(frequency).pvalue > 1e-3


def test_all_cells_are_covered_equally_often():
    cells = at_cell_centers(covered_by(4, b=4000, size=(8, 8)), 4)
    share = cells.mean(0)
    np.testing.assert_allclose(share, 6 / 16, atol=4 * np.sqrt(0.25 / 4000))
    # Given their number, the covered cells are random: most masks are different.
    assert len({x.tobytes() for x in cells}) > 2000


def coarsest(covered):
    """The smallest G such that the masks of a batch consist of G x G cells."""
    size = covered.shape[1:]
    return next(
        g
        for g in range(1, 65)
        if np.array_equal(enlarge(at_cell_centers(covered, g), size), covered)
    )


@pytest.mark.parametrize("kind", ["uniform", "dynamic"])
def test_the_number_of_cells_varies_from_batch_to_batch(kind):
    numbers = {coarsest(covered_by(kind, b=8, key=key)) for key in range(24)}
    primes = {g for g in range(5, 64) if all(g % i for i in range(2, g))}
    if kind == "dynamic":
        assert numbers <= primes | {64}
    else:
        assert numbers <= set(range(5, 65))
        assert numbers - primes - {64}
    assert len(numbers) > 8


def test_at_most_three_quarters_are_covered_for_every_number_of_cells():
    for key in range(6):
        covered = covered_by("uniform", b=32, key=key)
        share = at_cell_centers(covered, coarsest(covered)).mean((1, 2))
        assert share.max() <= 0.75
        assert share.std() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("cells", [4, "dynamic"])
def test_masks_under_jit_are_the_same(key, cells):
    images = jnp.asarray(noise(4, 16, 16, 1))
    mask = lambda k: training.mask_cells(k, images, cells=cells)  # noqa: E731
    np.testing.assert_array_equal(mask(key), jax.jit(mask)(key))


def test_invalid_numbers_of_cells_are_refused(key):
    images = noise(2, 8, 8, 3)
    with refuses("`cells`"):
        training.mask_cells(key, images, cells="primes")
    with refuses("`cells`"):
        training.mask_cells(key, images, cells=0)


def test_holes_are_rectangles_and_strokes():
    draw = jax.jit(training.random_holes, static_argnames=("size", "num_holes"))
    holes = np.asarray(draw(jax.random.key(0), size=(40, 60), num_holes=64))
    assert holes.shape == (64, 40, 60)
    assert holes.any((1, 2)).all()
    is_rectangle = []
    for hole in holes:
        rows, columns = hole.any(1).nonzero()[0], hole.any(0).nonzero()[0]
        box = hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        is_rectangle.append(box.all())
        if box.all():
            assert 0.1 * 40 <= box.shape[0] <= 0.55 * 40
            assert 0.1 * 60 <= box.shape[1] <= 0.55 * 60
    assert 16 < sum(is_rectangle) < 48
    strokes = holes[~np.array(is_rectangle)].mean((1, 2))
    assert 0.01 < strokes.mean() < 0.3
    other = np.asarray(draw(jax.random.key(1), size=(40, 60), num_holes=64))
    assert (other != holes).any()
