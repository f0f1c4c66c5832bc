"""One-line texts of modules, samplers and loaded models."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

import inr
from inr import _display, diffusion
from inr.models import LoadedModel
from inr.upscaling import Upscaler


class Table(nn.Module):
    """A module with unusual hyperparameters."""

    values: tuple | np.ndarray = ()
    inner: nn.Module | None = None


def test_a_family_shows_its_size_and_what_differs_from_the_defaults():
    assert repr(inr.Siren()) == "Siren(features=1, width=256, depth=3, ...)"
    model = inr.Siren(features=3, depth=1, hidden_omega=(20.0,), dtype=jnp.bfloat16)
    hyperparameters = "features=3, width=256, depth=1, hidden_omega=(20.0,)"
    assert repr(model) == f"Siren({hyperparameters}, dtype=bfloat16, ...)"


def test_arrays_and_modules_inside_a_module_are_abbreviated():
    text = _display.module_text(Table(np.zeros((3, 4)), Table()))
    assert text == "Table(values=float64[3, 4], inner=Table(...))"
    assert len(_display.module_text(Table(tuple(range(1000))))) < 60


def test_a_loaded_model_shows_its_class_and_number_of_parameters():
    model = Upscaler(width=2, blocks=1, waves=1)
    shapes = jax.eval_shape(model.init, jax.random.key(0), *model.example_inputs())
    count = sum(x.size for x in jax.tree.leaves(shapes))
    loaded = LoadedModel(model, shapes)
    assert repr(loaded) == f"LoadedModel(Upscaler, {count:,} parameters)"
    assert repr(model).startswith("Upscaler(width=2, ")
    assert tuple(loaded) == (model, shapes)


def test_a_sampler_shows_its_options():
    assert repr(diffusion.ddim(num_steps=20, eta=0.5)) == (
        "Sampler(ddim, num_steps=20, spacing='trailing', eta=0.5)"
    )
    assert len(repr(diffusion.ddim(spacing=tuple(range(500))))) < 100


def test_results_are_still_tuples(key):
    model = inr.Siren(width=2, depth=0)
    field = inr.bind(model, model.init(key, jnp.zeros((1, 2))))
    result = inr.FitResult(field, np.ones(3, np.float32), 3, "finished")
    copy = pickle.loads(pickle.dumps(result))
    assert repr(copy) == repr(result)
    assert copy[2:] == (3, "finished")


def test_values_with_arrays_show_shapes_alone(key):
    waves = diffusion.draw_noise_field(key, features=1, length_scale=0.1, num_waves=64)
    assert repr(waves) == (
        "NoiseField(waves=float32[64, 2], cosines=float32[64, 1], sines=float32[64, 1])"
    )
    coords = inr.coords.grid((64, 64))
    term = inr.Term(inr.fitting.value_residual, (coords, coords), weight=2.0)
    assert repr(term) == (
        "Term(residual=value_residual, data=(float32[64, 64, 2], float32[64, 64, 2]), "
        "weight=2.0, batch_size=None, reduce=None)"
    )
    spline = inr.fitting.make_spline(np.zeros((8, 8, 3), np.float32))
    samples = inr.fitting.SplineSamples(key, spline, 100)
    assert repr(samples) == (
        "SplineSamples(key=key<fry>[], spline=Spline(rows=float32[65536, 3], "
        "size=int32[2]), batch_size=100)"
    )
    grid = jnp.zeros((6, 5, 4), jnp.float32)
    hinted = inr.colorization.HintedField(waves, grid)
    assert repr(hinted).endswith("coefficients=float32[6, 5, 4])")
    assert repr(inr.models.FeatureMap(grid, grid)) == (
        "FeatureMap(features=float32[6, 5, 4], image=float32[6, 5, 4])"
    )
