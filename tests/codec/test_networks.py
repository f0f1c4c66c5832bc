import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_codec

from inr.codec.networks import LAST_POINT, Codec, at_point, at_position, identity
from inr.models import load_model, save_model


def test_the_middle_of_the_range_has_the_parameters_themselves():
    networks = small_codec.networks()
    for name in networks._fields:
        stored = small_codec.params()["params"][name]
        jax.tree.map(
            np.testing.assert_array_equal, getattr(networks, name), {"params": stored}
        )


def test_biases_and_steps_are_polynomials_of_the_position():
    params = small_codec.params()
    networks = at_position(params, -0.5)
    for level, name, leaf in (
        ("luma_0", "output_bias", networks.entropy["params"]["luma_0"]),
        ("levels_3", "log_step", networks.synthesis["params"]["levels_3"]),
    ):
        kind = "entropy" if level == "luma_0" else "synthesis"
        value = params["params"][kind][level][name]
        linear, square = params["params"]["changes"][kind][level][name]
        expected = value - 0.5 * linear + 0.25 * square
        np.testing.assert_allclose(leaf[name], expected, rtol=1e-5)
    kernel = networks.entropy["params"]["luma_0"]["kernel"]
    assert kernel is params["params"]["entropy"]["luma_0"]["kernel"]


def test_points_span_the_range():
    model = small_codec.MODEL
    low, high = model.weights
    assert [model.point(w) for w in (low / 10, low, high, 10 * high)] == [
        0, 0, LAST_POINT, LAST_POINT,
    ]  # fmt: skip
    assert model.point((low * high) ** 0.5) in (LAST_POINT // 2, LAST_POINT // 2 + 1)
    np.testing.assert_allclose(
        model.position(jnp.array(model.weights)), [-1, 1], atol=1e-6
    )


@pytest.mark.parametrize("point", [0, 100, LAST_POINT])
def test_networks_of_a_file_are_those_of_its_position(point):
    params = small_codec.params()
    expected = at_position(params, 2 * point / LAST_POINT - 1)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        at_point(params, point),
        expected,
    )
    leaves = jax.tree.leaves(at_point(params, point))
    assert {leaf.dtype for leaf in leaves} == {np.dtype(np.float32)}


def test_the_identity_is_that_of_the_stored_weights(tmp_path):
    loaded = small_codec.codec()
    save_model(tmp_path / "codec.safetensors", *loaded)
    stored = load_model(tmp_path / "codec.safetensors")
    assert stored.model == small_codec.MODEL
    assert identity(stored.params) == identity(loaded.params)
    other = jax.tree.map(lambda x: x + 0.01, loaded.params)
    assert identity(other) != identity(loaded.params)


def test_the_identity_is_the_same_forever():
    """Files name their model by it."""
    assert identity({"a": np.ones(3, np.float32)}) == 3596791259


def test_init_has_no_change_but_of_steps():
    inputs = jax.tree.map(lambda x: jnp.zeros(x.shape), Codec().example_inputs())
    changes = Codec().init(jax.random.key(0), *inputs)["params"]["changes"]
    for path, leaf in jax.tree_util.tree_leaves_with_path(changes):
        assert leaf.shape[0] == 2
        is_step = path[-1].key == "log_step"
        np.testing.assert_allclose(leaf[0], 0.8 if is_step else 0.0)
        np.testing.assert_array_equal(leaf[1], 0.0)
