"""Signed-distance fits, against spheres, whose distance is known everywhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from support import count_compilations, refuses

import inr
from inr.__main__ import main
from inr.commands.shapes import trefoil
from inr.fitting.terms import loss_and_gradient
from inr.signals import (
    Mesh,
    PointCloud,
    eikonal_residual,
    fit_shape,
    normal_residual,
    shape_terms,
)
from inr.signals.distances import areas_of, signed_distances

CENTER, RADIUS = np.array([30.0, -10.0, 5.0]), 4.0  # neither centered nor of unit size
MODEL = inr.Siren(features=1, width=48, depth=2, omega=8.0)


def sphere_distance(coords):
    """Signed distance to the sphere, coords (z, y, x)."""
    away = coords - jnp.broadcast_to(jnp.asarray(CENTER, coords.dtype), coords.shape)
    return jnp.linalg.norm(away, axis=-1, keepdims=True) - RADIUS


class ExactSphere(nn.Module):
    """The same as a model without parameters."""

    @nn.compact
    def __call__(self, coords):
        return sphere_distance(coords)


def sphere_points(n, seed=0):
    """Random points of the sphere with their normals."""
    normals = np.random.default_rng(seed).normal(size=(n, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return PointCloud(CENTER + RADIUS * normals, normals)


def fitted(key, shape, **options):
    options = {"num_steps": 300, "batch_size": 256, "progress": False, **options}
    return fit_shape(key, MODEL, shape, **options)


@pytest.mark.slow
def test_a_sphere_is_fitted_in_value_gradient_and_surface(key):
    """In the user's units. Bounds are three times what five seeds gave at most."""
    result = fitted(key, sphere_points(4000))
    field = inr.bind(MODEL, result.params)
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


@pytest.mark.slow
def test_a_flat_field_has_a_finite_gradient(key):
    """The length of a gradient has no derivative at zero."""
    params = MODEL.init(key, jnp.zeros((1, 3)))
    flat = jax.tree.map(jnp.zeros_like, params["params"])
    terms = shape_terms(key, sphere_points(300), batch_size=32)
    params = {**params, "params": flat}
    made = jax.jit(loss_and_gradient, static_argnums=2)(
        key, jnp.int32(0), MODEL, params, terms
    )
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(made))


def test_distances_have_the_sign_and_the_size_of_a_sphere(key):
    """Of 16,384 samples, 0.02 apart at radius 0.8; nearer than that nothing is told."""
    normals = sphere_points(2**14).normals
    points = jnp.asarray(0.8 * normals, jnp.float32)
    normals = jnp.asarray(normals, jnp.float32)
    areas = jnp.full((2**14,), 4 * np.pi * 0.64 / 2**14, jnp.float32)
    coords = jax.random.uniform(key, (2048, 3), jnp.float32, -1, 1)
    found, winding = signed_distances(coords, points, normals, areas)
    true = np.linalg.norm(coords, axis=1) - 0.8
    clear = np.abs(true) > 0.05
    np.testing.assert_allclose(found[clear], true[clear], atol=0.02)
    assert np.all((np.asarray(winding) > 0.5)[clear] == (true < 0)[clear])
    np.testing.assert_allclose(np.asarray(winding)[clear], (true < 0)[clear], atol=0.1)


def test_areas_of_samples_are_those_of_the_surface():
    """In all within a few per cent, and each half of an uneven sampling its own.

    A sheet of no thickness has two sides: neighbors that face away do not count.
    """
    cloud = sphere_points(6000)
    dense = cloud.normals[:, 0] > 0
    kept = dense | (np.arange(6000) % 4 == 0)
    areas = areas_of(
        *(jnp.asarray(x[kept], jnp.float32) for x in (cloud.normals, cloud.normals))
    )
    for half in (dense[kept], ~dense[kept]):
        assert float(areas[half].sum()) == pytest.approx(2 * np.pi, rel=0.08)
    rng = np.random.default_rng(0)
    square = np.zeros((4000, 3))
    square[:, 1:] = rng.uniform(0, 1, (4000, 2))
    normals = np.zeros((4000, 3))
    normals[:, 0] = np.where(np.arange(4000) % 2, 1.0, -1.0)
    areas = areas_of(jnp.float32(square), jnp.float32(normals))
    assert float(areas.sum()) == pytest.approx(2, rel=0.1)


@pytest.mark.slow
def test_a_mesh_with_a_hole_is_closed(key):
    """A tenth of a sphere's faces are missing, in one piece; the volume is nearly its.

    The cap that is cut off at height 0.8 has 2.8 % of the volume.
    """
    trimesh = pytest.importorskip("trimesh", reason="the sphere is made by trimesh")
    pytest.importorskip("skimage", reason="marching cubes needs scikit-image")
    whole = trimesh.creation.icosphere(3, RADIUS)
    kept = whole.faces[whole.triangles_center[:, 2] < 0.8 * RADIUS]
    mesh = Mesh(np.array(whole.vertices)[:, ::-1] + CENTER, np.array(kept))
    field = inr.bind(MODEL, fitted(key, mesh).params)
    made = inr.extract_mesh(field, resolution=40)
    closed = trimesh.Trimesh(made.vertices[:, ::-1], made.faces)
    assert closed.is_watertight
    sphere = 4 / 3 * np.pi * RADIUS**3
    assert 0.94 * sphere < closed.volume < 1.02 * sphere


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


def test_bad_shapes_are_refused(key):
    cloud = sphere_points(300)
    points, normals = cloud
    bad = np.where(np.arange(300)[:, None] == 7, np.nan, points)
    zero = np.where(np.arange(300)[:, None] == 7, 0.0, normals)
    random = np.random.default_rng(0).choice([-1.0, 1.0], (300, 1)) * normals
    for match, shape in (
        ("normals inwards.*negate", PointCloud(points, -normals)),
        ("normals agree.*winding", PointCloud(points, random)),
        ("points.*finite", PointCloud(bad, normals)),
        ("normals.*length 0", PointCloud(points, zero)),
        ("normals.*one a point", PointCloud(points, normals[:9])),
        ("points.*non-empty", PointCloud(points[:0], normals[:0])),
        ("extent", PointCloud(points[:1], normals[:1])),
        ("origin.*Subtract", PointCloud(points + 1e5, normals)),
        ("area", Mesh(points, np.array([[0, 0, 1]]))),
        ("faces", Mesh(points, np.array([[0, 1, 300]]))),
    ):
        with refuses(match):
            shape_terms(key, shape)
    with refuses("Mesh or a PointCloud", TypeError):
        fit_shape(key, MODEL, points)
    with refuses("model.*features=1"):
        fit_shape(key, MODEL.clone(features=3), cloud)
    with refuses("batch_size"):
        fit_shape(key, MODEL, cloud, batch_size=0, progress=False)


@pytest.mark.slow
def test_the_command_writes_the_field_the_mesh_and_a_picture(tmp_path, capsys):
    trimesh = pytest.importorskip("trimesh", reason="files need trimesh")
    pytest.importorskip("skimage", reason="marching cubes needs scikit-image")
    sphere = trimesh.creation.icosphere(2, 3.0)
    sphere.export(tmp_path / "ball.obj")
    out = tmp_path / "out"
    options = ["--steps", "150", "--width", "32", "--resolution", "24", "--side", "48"]
    assert main(["shape", str(tmp_path / "ball.obj"), "--out", str(out), *options]) == 0
    assert trimesh.load(out / "shape.obj").is_watertight
    field, _ = inr.load_field(out / "shape.safetensors")
    assert field(jnp.zeros((1, 3))) < 0
    assert field(jnp.asarray([[0, 0, 3.3]])) > 0
    picture = np.asarray(inr.read_image(out / "shape.png"))
    assert picture.shape == (48, 48, 3)
    np.testing.assert_allclose(picture[0, 0], 1)  # white beside the ball
    # Light comes from above: the upper half of the ball is the brighter one.
    assert picture[12, 24].mean() > picture[36, 24].mean() + 0.1
    assert main(["shape", str(tmp_path / "none.obj"), "--out", str(out)]) == 2
    assert "none.obj" in capsys.readouterr().err


def test_the_knot_is_closed_and_outwards(key):
    """A tube's volume is its section times the length of the curve (Pappus)."""
    mesh = trefoil()
    edges = mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).tolist()
    there = {tuple(e) for e in edges}
    assert len(there) == len(edges)
    assert all((b, a) in there for a, b in there)
    a, b, c = np.moveaxis(mesh.vertices[:, ::-1][mesh.faces], 1, 0)
    t = np.linspace(0, 2 * np.pi, 20_001)
    curve = [
        np.sin(t) + 2 * np.sin(2 * t),
        np.cos(t) - 2 * np.cos(2 * t),
        -np.sin(3 * t),
    ]
    length = np.linalg.norm(np.diff(curve, axis=1), axis=0).sum()
    volume = (a * np.cross(b, c)).sum() / 6
    assert volume == pytest.approx(np.pi * 0.55**2 * length, rel=0.01)
