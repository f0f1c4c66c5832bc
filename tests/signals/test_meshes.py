"""Surfaces: files, samples, level sets. Closed forms are those of spheres and boxes."""

import builtins

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import count_compilations, refuses

import inr
from inr.signals import Mesh, PointCloud, sample_surface

CENTER, RADIUS = np.array([30.0, -10.0, 5.0]), 4.0  # neither centered nor of unit size
BOX = CENTER - 5.0, CENTER + 5.0


def sphere_distance(coords):
    """Signed distance to the sphere, coords (z, y, x)."""
    away = coords - jnp.broadcast_to(jnp.asarray(CENTER, coords.dtype), coords.shape)
    return jnp.linalg.norm(away, axis=-1, keepdims=True) - RADIUS


def box_mesh(sides=(1.0, 2.0, 3.0)):
    """A box from the origin to `sides` (z, y, x), its faces outwards."""
    corners = np.array([[z, y, x] for z in (0, 1) for y in (0, 1) for x in (0, 1)])
    quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3]]
    quads += [[0, 4, 6, 2], [1, 3, 7, 5]]
    faces = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    return Mesh(corners * np.array(sides), np.array(faces))


def volume_of(mesh):
    """Signed volume, by tetrahedra from the origin, on axes (x, y, z)."""
    a, b, c = np.moveaxis(mesh.vertices[:, ::-1][mesh.faces], 1, 0)
    return float((a * np.cross(b, c)).sum() / 6)


def is_closed(mesh):
    """Every directed edge is met by its opposite, once."""
    edges = mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).tolist()
    there = {tuple(e) for e in edges}
    return len(there) == len(edges) and all((b, a) in there for a, b in there)


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
    """An ellipsoid in a long box: each half axis is found on its own axis."""
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
    # Vertices are moved by no more than a thousandth of a cell, edges are cut off.
    np.testing.assert_allclose(np.abs(mesh.vertices).max(), 0.625, atol=2.5e-4)


def test_an_inside_that_reaches_the_box_is_closed_there():
    pytest.importorskip("skimage", reason="marching cubes needs scikit-image")
    mesh = inr.extract_mesh(lambda c: c[..., :1], resolution=8)
    assert is_closed(mesh)
    # Half the cube [-1, 1]^3 but for its edges and corners, which are cut off, and
    # caps that lie anywhere between the last samples and a cell further out.
    assert 1.75**2 * 0.875 < volume_of(mesh) < 2.25**2 * 1.125


def test_a_field_is_meshed_where_it_normalizes_to_the_cube():
    pytest.importorskip("skimage", reason="marching cubes needs scikit-image")
    model = inr.Siren(features=1, width=8, depth=1, omega=3.0)
    params = model.init(jax.random.key(0), jnp.zeros((1, 3)))
    affine = {**params["normalization"]}
    affine["coords_scale"] = jnp.full((3,), 0.01)
    affine["coords_shift"] = jnp.asarray([-3.0, 0.0, 0.0])
    field = inr.bind(model, {**params, "normalization": affine})
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


@pytest.mark.parametrize("end", [".obj", ".ply", ".stl"])
def test_a_mesh_goes_through_files(tmp_path, end):
    """STL repeats vertices for every face, in float32: merged, there are eight."""
    pytest.importorskip("trimesh", reason="files need trimesh")
    mesh = box_mesh((0.1, 20.0, 3000.0))
    inr.write_mesh(tmp_path / f"box{end}", mesh)
    found = inr.read_mesh(tmp_path / f"box{end}")
    assert found.vertices.shape == (8, 3)
    assert volume_of(found) == pytest.approx(0.1 * 20 * 3000, rel=1e-5)
    np.testing.assert_allclose(found.vertices.max(0), [0.1, 20, 3000], rtol=1e-6)
    assert is_closed(found)


def test_files_are_in_the_order_x_y_z(tmp_path):
    pytest.importorskip("trimesh", reason="files need trimesh")
    inr.write_mesh(tmp_path / "box.obj", box_mesh((1, 2, 3)))
    lines = (tmp_path / "box.obj").read_text().splitlines()
    rows = [line.split()[1:4] for line in lines if line.startswith("v ")]
    assert np.array(rows, float).max(0).tolist() == [3, 2, 1]


def test_points_with_normals_are_read(tmp_path, key):
    pytest.importorskip("trimesh", reason="files need trimesh")
    cloud, _ = sample_surface(key, box_mesh(), num_points=50)
    rows = np.hstack([cloud.points[:, ::-1], 2 * cloud.normals[:, ::-1]])
    np.savetxt(tmp_path / "points.xyz", rows)
    names = "\n".join(f"property float {n}" for n in ("x", "y", "z", "nx", "ny", "nz"))
    head = f"ply\nformat ascii 1.0\nelement vertex 50\n{names}\nend_header\n"
    body = "\n".join(" ".join(map(str, row)) for row in rows)
    (tmp_path / "points.ply").write_text(head + body + "\n")
    for name in ("points.xyz", "points.ply"):
        found = inr.read_mesh(tmp_path / name)
        assert isinstance(found, PointCloud)
        np.testing.assert_allclose(found.points, cloud.points, atol=1e-6)
        np.testing.assert_allclose(found.normals, cloud.normals, atol=1e-6)


BAD_FILES = {
    "points.xyz": ("0 0 0\n1 1 1\n", "normals"),
    "words.xyz": ("a b c d e f\n", "rows of numbers"),
    "zero.xyz": ("0 0 0 0 0 0\n", "length 0"),
    "nan.obj": ("v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "finite"),
    "empty.obj": ("# nothing\n", "faces"),
    "points.obj": ("v 0 0 0\nv 1 0 0\n", "faces"),
    "points.ply": (
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\n"
        "property float y\nproperty float z\nend_header\n0 0 0\n",
        "normals",
    ),
    "kind.txt": ("0 0 0\n", "path"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_refused(tmp_path, name):
    pytest.importorskip("trimesh", reason="files need trimesh")
    text, message = BAD_FILES[name]
    (tmp_path / name).write_text(text)
    with refuses(message):
        inr.read_mesh(tmp_path / name)


def test_bad_meshes_and_fields_are_refused(tmp_path, key):
    mesh = box_mesh()
    with refuses("path", FileNotFoundError):
        inr.read_mesh(tmp_path / "none.obj")
    with refuses("path.*\\.obj, \\.ply, \\.stl"):
        inr.write_mesh(tmp_path / "box.gltf", mesh)
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
    for match, field, options in (
        ("field.*negative inside.*bounds", lambda c: 1 + c[..., :1] ** 2, {}),
        ("field.*one feature", lambda c: c, {}),
        ("field.*finite", lambda c: c[..., :1] / 0, {}),
        ("bounds", sphere_distance, {"bounds": (BOX[1], BOX[0])}),
        ("resolution", sphere_distance, {"resolution": 1}),
    ):
        with refuses(match):
            inr.extract_mesh(field, **options)


@pytest.mark.parametrize(
    ("missing", "extra"), [("trimesh", "media"), ("skimage.measure", "examples")]
)
def test_a_missing_library_is_named_with_its_extra(
    tmp_path, monkeypatch, missing, extra
):
    original = builtins.__import__

    def without(name, *args, **options):
        if name == missing:
            raise ImportError(name)
        return original(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with refuses(rf"inr\[{extra}\]", ImportError):
        if missing == "trimesh":
            inr.write_mesh(tmp_path / "box.obj", box_mesh())
        else:
            inr.extract_mesh(sphere_distance, resolution=8, bounds=BOX)
