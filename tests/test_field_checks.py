import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import refuses

import inr
from inr import _field_checks
from inr.fields import Affine, FieldModule


def test_a_module_must_hash_by_value():
    class Lists(FieldModule):
        bands: tuple = ()

        def network(self, x):
            return Affine(self.features)(x)

    _field_checks.check_module(Lists(bands=(1, 2)))
    with refuses("Replace lists and arrays by tuples", TypeError):
        _field_checks.check_module(Lists(bands=np.ones(2)))
    with refuses("already a field", TypeError):
        _field_checks.check_module(jnp.sin)


def test_a_model_without_params_is_no_field():
    _field_checks.check_field(jnp.sin)
    with refuses("`bind`", TypeError):
        _field_checks.check_field(inr.Siren())
    with refuses("got int", TypeError):
        _field_checks.check_field(3)


def test_results_and_files_are_told_where_their_field_is(tmp_path):
    model = inr.Siren(width=4, depth=1)
    coords = inr.coords.grid((4, 4)).reshape(-1, 2)
    key, options = jax.random.key(0), {"num_steps": 1, "progress": False}
    result = inr.fit(key, model, (coords, coords[:, :1]), **options)
    many = inr.fit_many(key, model, (coords, jnp.zeros((2, 16, 1))), **options)
    with refuses("got FitResult. Use its attribute `field`", TypeError):
        inr.render(result, (2, 2))
    with refuses("got FitResult. Use its attribute `field`", TypeError):
        inr.save_field(tmp_path / "a.safetensors", result)
    with refuses("got FitManyResult. Use its attribute `fields`", TypeError):
        inr.render(many, (2, 2))
    with refuses("Read a file by `inr.load_field", TypeError):
        inr.render("a.safetensors", (2, 2))
    with refuses("`field` must be one field, got 2. Map"):
        inr.render(many.fields, (2, 2))
    with refuses("`size` must be 2 numbers for this field, got 3"):
        inr.render(result.field, (2, 2, 2))
    second = jax.tree.map(lambda x: x[1], many.fields)
    mapped = jax.vmap(lambda field: inr.render(field, (2, 2)))(many.fields)
    np.testing.assert_allclose(mapped[1], inr.render(second, (2, 2)), atol=1e-6)


def test_params_are_those_of_the_family():
    model = inr.Siren(features=2, width=4, depth=1)
    params = model.init(jax.random.key(0), jnp.zeros((1, 2)))
    _field_checks.check_params(model, params)
    batch = jax.tree.map(lambda x: jnp.stack([x, x]), params)
    _field_checks.check_params(model, batch)
    with refuses("`init` must be those of Siren, with params/linear/kernel"):
        _field_checks.check_params(model.clone(width=5), params, argument="init")
    with refuses("the collection 'params'", TypeError):
        _field_checks.check_params(model, params["params"])


def test_features_of_a_model_are_those_of_the_signal():
    _field_checks.check_features(inr.Siren(features=2), 2)
    with pytest.raises(ValueError, match="features=2"):
        _field_checks.check_features(inr.Siren(features=3), 2)
