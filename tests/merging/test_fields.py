import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import merging

SIZE = (24, 32)
MODEL = inr.Siren(features=3, width=32, depth=2, omega=10.0)


def field(seed, features=3):
    model = MODEL.clone(features=features)
    return inr.bind(model, model.init(jax.random.key(seed), jnp.zeros((1, 2))))


@pytest.mark.long
@pytest.mark.slow
def test_mean_gradients_give_the_mean_of_the_fields(key):
    fields = [field(1), field(2)]
    result = merging.merge_fields(
        key, MODEL, fields, SIZE, guidance="mean", num_steps=800, progress=False
    )
    merged = inr.render(inr.bind(MODEL, result.params), SIZE)
    expected = sum(inr.render(f, SIZE) for f in fields) / 2
    np.testing.assert_allclose(merged.mean((0, 1)), expected.mean((0, 1)), atol=1e-5)
    error = np.sqrt(np.mean((merged - expected) ** 2, (0, 1)))
    spread = np.asarray(expected).std((0, 1))
    assert np.all(error < 0.1 * spread)


@pytest.mark.long
@pytest.mark.slow
def test_the_strongest_gradient_resembles_the_exact_merge_on_the_grid(key):
    """For fields that the grid resolves, in every channel."""
    fields = [field(1), field(2)]
    result = merging.merge_fields(
        key, MODEL, fields, SIZE, num_steps=500, progress=False
    )
    merged = np.asarray(inr.render(inr.bind(MODEL, result.params), SIZE))
    exact = np.asarray(inr.merge([inr.render(f, SIZE) for f in fields]))
    for c in range(3):
        correlation = np.corrcoef(merged[..., c].ravel(), exact[..., c].ravel())
        assert correlation[0, 1] > 0.95


@pytest.mark.long
@pytest.mark.slow
def test_history_is_the_mean_squared_difference_of_gradients(key):
    fields = [field(1)]
    result = merging.merge_fields(key, MODEL, fields, SIZE, num_steps=1, progress=False)
    assert result.history.shape == (1,)
    converged = merging.merge_fields(
        key, MODEL, fields, SIZE, num_steps=400, progress=False
    )
    assert converged.history[-1] < converged.history[0] / 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fields": []}, "`fields` must be at least one"),
        ({"model": MODEL.clone(features=1)}, "features=3"),
        ({"size": (0, 4)}, "`size`"),
        ({"size": (4, 4, 4)}, r"`size` must be \(h, w\)"),
        ({"guidance": "max"}, "`guidance`"),
        ({"guidance": lambda g, w: g}, "`guidance` must be a function that returns"),
    ],
)
def test_invalid_input_raises(key, change, message):
    arguments = {"model": MODEL, "fields": [field(1)], "size": SIZE, **change}
    with refuses(message):
        merging.merge_fields(key, **arguments, progress=False)
