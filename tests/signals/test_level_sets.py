"""Meshes of level sets, against spheres and boxes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import count_compilations, refuses
from surfaces import BOX, CENTER, RADIUS, is_closed, sphere_distance, volume_of

import inr
from inr.signals import sample_surface


def test_the_mesh_of_a_sphere_is_the_sphere():
    """Up to the triangles' sagitta: cell^2 / (8 radius) is 3e-4 of the radius."""
    pytest.importorskip("skimage", reason="marching cubes needs scikit-image")
    mesh = inr.extract_mesh(sphere_distance, resolution=64, bounds=BOX)
    radii = np.linalg.norm(mesh.vertices - CENTER, axis=1)
    np.testing.assert_allclose(radii, RADIUS, rtol=1e-3)
    # A positive volume: the faces turn outwards.
    np.testing.assert_allclose(volume_of(mesh), 4 / 3 * np.pi * RADIUS**3, rtol=3e-3)
    cloud, area = sample_surface(jax.random.key(0), mesh, num_points=1000)
    np.testing.assert_allclose(area, 4 * np.pi * RADIUS**2, rtol=3e-3)
    outwards = (cloud.normals * (cloud.points - CENTER)).sum(1) / RADIUS
    assert outwards.min() > 0.98
    assert is_closed(mesh)


def test_a_box_that_is_not_a_cube_has_cubic_cells_and_right_axes():
    """An ellipsoid in a long box: each semi-axis is in its own direction."""
    pytest.importorskip("skimage", reason="marching cubes needs scikit-image")
    axes = np.array([1.0, 2.0, 3.0])

    def ellipsoid(coords):
        scaled = coords / jnp.asarray(axes, coords.dtype)[None]
        return jnp.square(scaled).sum(-1, keepdims=True) - 1

    mesh = inr.extract_mesh(ellipsoid, resolution=60, bounds=(-1.2 * axes, 1.2 * axes))
    np.testing.assert_allclose(mesh.vertices.max(0), axes, rtol=0.01)
    np.testing.assert_allclose(mesh.vertices.min(0), -axes, rtol=0.01)
    assert is_closed(mesh)


def test_a_zero_at_the_samples_themselves_leaves_no_hole(tmp_path):
    """The plane faces of this box run through the samples; files merge vertices."""
    trimesh = pytest.importorskip("trimesh", reason="files need trimesh")
    pytest.importorskip("skimage", reason="marching cubes needs scikit-image")

    def cube(coords):
        return jnp.abs(coords).max(-1, keepdims=True) - 0.625  # (2 * 6 + 1) / 8 - 1

    mesh = inr.extract_mesh(cube, resolution=8)
    inr.write_mesh(tmp_path / "cube.stl", mesh)
    assert trimesh.load(tmp_path / "cube.stl").is_watertight
    # Vertices are shifted by at most a thousandth of a cell; edges are cut off.
    np.testing.assert_allclose(np.abs(mesh.vertices).max(), 0.625, atol=2.5e-4)


def test_an_inside_that_reaches_the_box_is_closed_there():
    pytest.importorskip("skimage", reason="marching cubes needs scikit-image")
    mesh = inr.extract_mesh(lambda c: c[..., :1], resolution=8)
    assert is_closed(mesh)
    # Half the cube [-1, 1]^3 but for its edges and corners, which are cut off, and
    # caps that lie anywhere between the last samples and a cell further out.
    assert 1.75**2 * 0.875 < volume_of(mesh) < 2.25**2 * 1.125


@pytest.mark.long
@pytest.mark.slow
def test_a_field_is_meshed_where_it_normalizes_to_the_cube():
    pytest.importorskip("skimage", reason="marching cubes needs scikit-image")
    model = inr.Siren(features=1, width=8, depth=1, omega=3.0)
    params = model.init(jax.random.key(0), jnp.zeros((1, 3)))
    normalization = {**params["normalization"]}
    normalization["coords_scale"] = jnp.full((3,), 0.01)
    normalization["coords_shift"] = jnp.asarray([-3.0, 0.0, 0.0])
    field = inr.bind(model, {**params, "normalization": normalization})
    mesh = inr.extract_mesh(field, resolution=12)
    middle, half = np.array([300.0, 0.0, 0.0]), 100.0
    assert np.abs(mesh.vertices - middle).max() < half * (1 + 2 / 12)
    values = np.asarray(field(mesh.vertices.astype(np.float32)))
    spread = np.ptp(np.asarray(inr.render(field, (8, 8, 8))))
    inside = np.abs(mesh.vertices - middle).max(1) < half * (1 - 2 / 12)
    assert np.abs(values[inside]).mean() < 0.1 * spread


def test_meshing_again_compiles_nothing():
    pytest.importorskip("skimage", reason="marching cubes needs scikit-image")
    inr.extract_mesh(sphere_distance, resolution=16, bounds=BOX)
    with count_compilations() as count:
        inr.extract_mesh(
            sphere_distance, resolution=16, bounds=(CENTER - 6, CENTER + 6)
        )
        assert count() == 0


@pytest.mark.parametrize(
    ("field", "options", "message"),
    [
        (lambda c: 1 + c[..., :1] ** 2, {}, "field.*negative inside.*bounds"),
        (lambda c: c, {}, "field.*one feature"),
        (lambda c: c[..., :1] / 0, {}, "field.*finite"),
        (sphere_distance, {"bounds": (BOX[1], BOX[0])}, "bounds"),
        (sphere_distance, {"resolution": 1}, "resolution"),
    ],
)
def test_bad_fields_and_boxes_are_refused(field, options, message):
    with refuses(message):
        inr.extract_mesh(field, **options)
