import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

from inr import coords, training

views = jax.jit(training.random_views, static_argnames="amount")


def smooth(h=24, w=32, b=3):
    """Plane waves, each image its own: known at every point."""
    grid = np.asarray(coords.grid((h, w)))
    return np.stack([wave(grid, i) for i in range(b)])


def wave(points, i):
    angle = points @ np.array([1.2 + i, 0.7], np.float32)
    return np.float32(0.5 + 0.4 * np.sin(angle))[..., None]


def test_nothing_changes_by_nothing():
    images = smooth()
    made = views(jax.random.key(0), images, amount=0.0)
    np.testing.assert_allclose(made, images, atol=1e-6)


def test_a_view_is_the_image_at_turned_enlarged_shifted_points():
    """The closed form of the image, at points of an affine map fitted to the view."""
    h, w = 48, 64
    grid = np.asarray(coords.grid((h, w)))
    ramp = np.stack([0.5 + 0.4 * grid[..., :1], 0.5 + 0.4 * grid[..., 1:]], 0)
    images = np.concatenate([np.concatenate(list(ramp), -1)[None]] * 8)
    made = np.asarray(views(jax.random.key(3), np.float32(images), amount=0.1))
    points = (made - 0.5) / 0.4
    inner = np.s_[8:-8, 8:-8]
    seen = []
    for i in range(8):
        flat = np.concatenate([grid[inner].reshape(-1, 2), np.ones((32 * 48, 1))], -1)
        affine, error, *_ = np.linalg.lstsq(
            flat, points[i][inner].reshape(-1, 2), rcond=None
        )
        assert np.sqrt(error / len(flat)).max() < 2e-3
        # In pixels it is a turn times a share: equal columns, at right angles.
        pixels = np.array([h, w]) / 2
        turn = affine[:2] / pixels[:, None] * pixels
        share = np.sqrt(abs(np.linalg.det(turn)))
        np.testing.assert_allclose(turn @ turn.T, share**2 * np.eye(2), atol=4e-3)
        angle = np.arctan2(turn[0, 1], turn[0, 0])
        assert 0.8 - 1e-3 < share < 1 + 1e-3
        assert abs(angle) < 0.1 + 1e-3
        assert np.abs(affine[2]).max() < 1 - share + 5e-3
        seen.append((share, angle))
    assert np.ptp(seen, axis=0).min() > 0.03


def test_each_image_has_a_view_of_its_own_and_keys_others():
    images = np.repeat(smooth(b=1), 2, 0)
    made = views(jax.random.key(0), images, amount=0.2)
    assert np.abs(made[0] - made[1]).max() > 0.01
    other = views(jax.random.key(1), images, amount=0.2)
    assert np.abs(made[0] - other[0]).max() > 0.01


def test_bytes_are_levels():
    levels = np.random.default_rng(0).integers(0, 255, (2, 12, 12, 3), np.uint8)
    made = views(jax.random.key(0), levels, amount=0.1)
    expected = views(jax.random.key(0), levels.astype(np.float32) / 255, amount=0.1)
    np.testing.assert_allclose(made, expected, atol=1e-6)
    assert made.dtype == jnp.float32


@pytest.mark.parametrize("amount", [-0.1, 0.5, np.nan])
def test_an_amount_outside_its_range_is_refused(amount):
    with refuses("`amount` must be from 0 to below 0.5"):
        training.random_views(jax.random.key(0), smooth(), amount=float(amount))


def test_holes_are_rectangles_and_strokes():
    make = jax.jit(training.random_holes, static_argnames=("size", "count"))
    holes = np.asarray(make(jax.random.key(0), size=(40, 60), count=64))
    assert holes.shape == (64, 40, 60)
    assert holes.any((1, 2)).all()
    filled = []
    for hole in holes:
        rows, columns = hole.any(1).nonzero()[0], hole.any(0).nonzero()[0]
        box = hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        filled.append(box.all())
        if box.all():
            assert 0.1 * 40 <= box.shape[0] <= 0.55 * 40
            assert 0.1 * 60 <= box.shape[1] <= 0.55 * 60
    assert 16 < sum(filled) < 48
    strokes = holes[~np.array(filled)].mean((1, 2))
    assert 0.01 < strokes.mean() < 0.3
    other = np.asarray(make(jax.random.key(1), size=(40, 60), count=64))
    assert (other != holes).any()
