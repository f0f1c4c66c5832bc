"""Meshes and samples of their surfaces."""

import numpy as np
import pytest
from support import refuses
from surfaces import box_mesh

from inr.signals import Mesh, sample_surface


def test_samples_are_even_and_have_the_faces_normals(key):
    """On a box of 22 units of area; a stratified count is within a few of exact."""
    cloud, area = sample_surface(key, box_mesh(), num_points=22_000)
    assert area == pytest.approx(22)
    sides = np.array([1.0, 2.0, 3.0])
    for axis in range(3):
        for place, sign in ((0.0, -1), (sides[axis], 1)):
            on = cloud.normals[:, axis] * sign > 0.99
            np.testing.assert_allclose(cloud.points[on, axis], place, atol=1e-6)
            others = np.delete(np.arange(3), axis)
            assert abs(on.sum() - 1000 * np.prod(sides[others])) <= 2
            # The mean of uniform points: three standard errors.
            error = cloud.points[on].mean(0)[others] - sides[others] / 2
            assert np.all(np.abs(error) < 3 * sides[others] / np.sqrt(12 * on.sum()))


def test_faces_without_area_get_no_samples(key):
    mesh = box_mesh()
    flat = np.array([[0, 0, 1], [2, 2, 2]])
    degenerate = Mesh(mesh.vertices, np.concatenate([flat[:1], mesh.faces, flat[1:]]))
    cloud, area = sample_surface(key, degenerate, num_points=500)
    assert area == pytest.approx(22)
    np.testing.assert_allclose(np.linalg.norm(cloud.normals, axis=1), 1, atol=1e-6)


def test_meshes_and_clouds_show_one_line(key):
    cloud, _ = sample_surface(key, box_mesh(), num_points=1200)
    assert repr(cloud) == "PointCloud: 1,200 points"
    assert repr(box_mesh()) == "Mesh: 8 vertices, 12 faces"


def test_bad_meshes_are_refused(key):
    mesh = box_mesh()
    bad = mesh.vertices.copy()
    bad[0, 0] = np.inf
    for match, vertices, faces in (
        ("vertices.*finite", bad, mesh.faces),
        ("vertices", mesh.vertices[:, :2], mesh.faces),
        ("faces.*8 vertices", mesh.vertices, mesh.faces + 1),
        ("faces.*whole", mesh.vertices, mesh.faces.astype(float)),
        ("faces.*non-empty", mesh.vertices, mesh.faces[:0]),
        ("area", mesh.vertices, np.zeros((1, 3), int)),
    ):
        with refuses(match):
            sample_surface(key, Mesh(vertices, faces), num_points=10)
