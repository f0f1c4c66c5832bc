"""Fits of signed distances, against a sphere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import count_compilations, refuses
from surfaces import (
    CENTER,
    RADIUS,
    sphere_distance,
    sphere_points,
)

import inr
from inr.signals import Mesh

MODEL = inr.Siren(features=1, width=48, depth=2, omega=8.0)


def fitted(key, shape, **options):
    options = {"num_steps": 300, "batch_size": 256, "progress": False, **options}
    return inr.fit_shape(key, shape, **{"model": MODEL, **options})


@pytest.mark.long
@pytest.mark.slow
def test_a_sphere_is_fitted_in_value_gradient_and_surface(key):
    """In the user's units. Bounds are three times the greatest error of five seeds."""
    result = fitted(key, sphere_points(4000))
    field = result.field
    rng = np.random.default_rng(1)
    away = rng.uniform(-1.05, 1.05, (4000, 3))
    coords = jnp.asarray(CENTER + RADIUS * away, jnp.float32)
    coords = coords[np.linalg.norm(away, axis=1) > 0.3]  # the center is a kink
    value, slope, _ = jax.jit(inr.value_gradient_laplacian)(field, coords)
    error = np.asarray(value - sphere_distance(coords)) / RADIUS
    assert np.abs(error).mean() < 0.012
    direction = np.asarray(coords) - CENTER
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    assert np.linalg.norm(slope[..., 0] - direction, axis=1).mean() < 0.19
    on = jnp.asarray(sphere_points(1000, seed=2).points, jnp.float32)
    assert np.abs(field(on)).mean() / RADIUS < 0.002
    assert result.history[-1] < 0.006 * result.history[0]


@pytest.mark.long
@pytest.mark.slow
def test_a_mesh_with_a_hole_is_closed(key):
    """The volume is nearly that of the sphere, a tenth of whose faces are missing.

    The cap that is cut off at height 0.8 has 2.8 % of the volume.
    """
    trimesh = pytest.importorskip("trimesh", reason="the sphere is made by trimesh")
    pytest.importorskip("skimage", reason="marching cubes needs scikit-image")
    sphere = trimesh.creation.icosphere(3, RADIUS)
    faces = sphere.faces[sphere.triangles_center[:, 2] < 0.8 * RADIUS]
    mesh = Mesh(np.array(sphere.vertices)[:, ::-1] + CENTER, np.array(faces))
    extracted = inr.extract_mesh(fitted(key, mesh).field, resolution=40)
    closed = trimesh.Trimesh(extracted.vertices[:, ::-1], extracted.faces)
    assert closed.is_watertight
    volume = 4 / 3 * np.pi * RADIUS**3
    assert 0.94 * volume < closed.volume < 1.02 * volume


@pytest.mark.long
@pytest.mark.slow
def test_another_fit_of_equal_shapes_compiles_nothing(key):
    fitted(key, sphere_points(300), num_steps=3)
    with count_compilations() as count:
        fitted(key, sphere_points(300, seed=1), num_steps=3)
        assert count() == 0


@pytest.mark.slow
def test_a_fit_resumes_bit_by_bit(key, tmp_path):
    options = {"shape": sphere_points(300), "batch_size": 32}
    through = fitted(key, num_steps=8, **options)
    settings = {"checkpoint": tmp_path / "run", **options}

    def interrupt(step, loss, field):
        raise KeyboardInterrupt

    first = fitted(key, num_steps=8, callback=interrupt, **settings)
    assert first.status == "interrupted"
    resumed = fitted(key, num_steps=8, **settings)
    np.testing.assert_array_equal(resumed.history, through.history)
    for a, b in zip(
        jax.tree.leaves(resumed.params), jax.tree.leaves(through.params), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_without_a_model_it_is_a_siren(key):
    result = fitted(key, sphere_points(300), model=None, num_steps=2)
    assert result.field.model == inr.Siren(features=1, width=128)


def test_bad_input_is_refused(key):
    cloud = sphere_points(300)
    with refuses("Mesh or a PointCloud", TypeError):
        inr.fit_shape(key, cloud.points)
    with refuses("model.*features=1"):
        inr.fit_shape(key, cloud, model=MODEL.clone(features=3))
    with refuses("batch_size"):
        inr.fit_shape(key, cloud, batch_size=0, progress=False)
    with refuses("`key` must be a PRNG key", TypeError):
        inr.fit_shape(0, cloud)
