"""Terms for signed distances, against a sphere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from support import refuses
from surfaces import CENTER, RADIUS, sphere_distance, sphere_points

import inr
from inr.fitting.losses import loss_and_gradient
from inr.signals import Mesh, PointCloud, eikonal_residual, normal_residual, shape_terms

MODEL = inr.Siren(features=1, width=48, depth=2, omega=8.0)


class ExactSphere(nn.Module):
    """The signed distance to the sphere as a model without parameters."""

    @nn.compact
    def __call__(self, coords):
        return sphere_distance(coords)


def test_the_exact_distance_leaves_no_residual():
    """Zero but for float32: coords are up to 34, of which an ulp is 4e-6."""
    cloud = sphere_points(500)
    points = jnp.asarray(cloud.points, jnp.float32)
    normals = jnp.asarray(cloud.normals, jnp.float32)
    anywhere = jnp.asarray(CENTER + np.linspace(1, 5, 300)[:, None], jnp.float32)
    assert np.abs(eikonal_residual(sphere_distance, (anywhere,))).max() < 1e-5
    assert np.abs(normal_residual(sphere_distance, (points, normals))).max() < 1e-5

    def twice(coords):
        return 2 * sphere_distance(coords)

    np.testing.assert_allclose(eikonal_residual(twice, (anywhere,)), 1, atol=1e-5)
    np.testing.assert_allclose(
        normal_residual(twice, (points, normals)), normals, atol=1e-5
    )


def test_each_term_has_its_weight(key):
    """For c f + e, where f is the exact distance: squares of c - 1 and of e.

    The surface's and the distance's terms are in units of half the cube.
    """
    cloud, c, e = sphere_points(300), 1.5, 0.2
    half = np.ptp(cloud.points, axis=0).max() / 2 / 0.9

    def field(coords):
        return c * sphere_distance(coords) + e

    surface, normal, eikonal, distance = shape_terms(key, cloud)

    def loss(term, *data):
        return float(term.weight * np.mean(np.square(term.residual(field, data))))

    offset = (e / half) ** 2
    # The points are rounded to float32.
    assert loss(surface, *surface.data) == pytest.approx(100 * offset, rel=1e-3)
    # A unit normal has three components, over which the mean is taken.
    assert loss(normal, *normal.data) == pytest.approx((c - 1) ** 2 / 3, rel=1e-3)
    assert loss(eikonal, *eikonal.data) == pytest.approx(0.1 * (c - 1) ** 2, rel=1e-3)
    coords, _ = distance.data
    exact = c * sphere_distance(coords)
    assert loss(distance, coords, exact) == pytest.approx(10 * offset, rel=1e-3)


@pytest.mark.slow
def test_the_terms_vanish_for_the_exact_distance(key):
    """The last only up to its rough distances, whose samples are 0.03 apart.

    In units of half the cube; an offset of 0.1 shows in it as 10 x 0.01.
    """
    terms = shape_terms(key, sphere_points(8000))
    exact, half = [], RADIUS / 0.9
    field = inr.bind(ExactSphere(), {"params": {}})
    for term in terms:
        residual = term.residual(field, term.data)
        exact.append(float(term.weight * np.mean(np.square(residual))))
    assert max(exact[:3]) < 1e-8
    assert exact[3] < 10 * 0.01**2
    _, _, _, (coords, distance) = (term.data for term in terms)
    offset = distance - (sphere_distance(coords) + 0.1 * half)
    shifted = terms[3].weight * np.mean(np.square(offset))
    assert shifted == pytest.approx(0.1, rel=0.2)


@pytest.mark.long
@pytest.mark.slow
def test_a_flat_field_has_a_finite_gradient(key):
    """The length of a gradient has no derivative at zero."""
    params = MODEL.init(key, jnp.zeros((1, 3)))
    flat = jax.tree.map(jnp.zeros_like, params["params"])
    terms = shape_terms(key, sphere_points(300), batch_size=32)
    params = {**params, "params": flat}
    outputs = jax.jit(loss_and_gradient, static_argnums=2)(
        key, jnp.int32(0), MODEL, params, terms
    )
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(outputs))


def test_bad_shapes_are_refused(key):
    cloud = sphere_points(300)
    points, normals = cloud
    bad = np.where(np.arange(300)[:, None] == 7, np.nan, points)
    zero = np.where(np.arange(300)[:, None] == 7, 0.0, normals)
    random_signs = np.random.default_rng(0).choice([-1.0, 1.0], (300, 1)) * normals
    for match, shape in (
        ("inward normals.*negate", PointCloud(points, -normals)),
        ("normals agree.*winding", PointCloud(points, random_signs)),
        ("points.*finite", PointCloud(bad, normals)),
        ("normals.*length 0", PointCloud(points, zero)),
        ("normals.*one per point", PointCloud(points, normals[:9])),
        ("points.*non-empty", PointCloud(points[:0], normals[:0])),
        ("extent", PointCloud(points[:1], normals[:1])),
        ("origin.*Subtract", PointCloud(points + 1e5, normals)),
        ("area", Mesh(points, np.array([[0, 0, 1]]))),
        ("faces", Mesh(points, np.array([[0, 1, 300]]))),
    ):
        with refuses(match):
            shape_terms(key, shape)
    with refuses("Mesh or a PointCloud", TypeError):
        shape_terms(key, points)
