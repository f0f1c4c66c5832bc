"""Files of meshes and of oriented points."""

import builtins

import numpy as np
import pytest
from support import refuses
from surfaces import BOX, box_mesh, is_closed, sphere_distance, volume_of

import inr
from inr.signals import PointCloud, sample_surface


@pytest.mark.parametrize("end", [".obj", ".ply", ".stl"])
def test_a_mesh_is_the_same_after_a_round_trip(tmp_path, end):
    """STL repeats the vertices of every face in float32; eight remain after merging."""
    pytest.importorskip("trimesh", reason="files need trimesh")
    mesh = box_mesh((0.1, 20.0, 3000.0))
    inr.write_mesh(tmp_path / f"box{end}", mesh)
    mesh = inr.read_mesh(tmp_path / f"box{end}")
    assert mesh.vertices.shape == (8, 3)
    assert volume_of(mesh) == pytest.approx(0.1 * 20 * 3000, rel=1e-5)
    np.testing.assert_allclose(mesh.vertices.max(0), [0.1, 20, 3000], rtol=1e-6)
    assert is_closed(mesh)


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
        points = inr.read_mesh(tmp_path / name)
        assert isinstance(points, PointCloud)
        np.testing.assert_allclose(points.points, cloud.points, atol=1e-6)
        np.testing.assert_allclose(points.normals, cloud.normals, atol=1e-6)


def test_a_full_disk_leaves_an_earlier_file(tmp_path, monkeypatch):
    trimesh = pytest.importorskip("trimesh", reason="files need trimesh")
    path = tmp_path / "box.obj"
    inr.write_mesh(path, box_mesh())
    before = path.read_bytes()

    def fail(self, path, **options):
        path.write_text("v 0 0")
        raise OSError("No space left on device")

    monkeypatch.setattr(trimesh.Trimesh, "export", fail)
    with pytest.raises(OSError, match="No space"):
        inr.write_mesh(path, box_mesh((5.0, 5.0, 5.0)))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


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


def test_bad_paths_are_refused(tmp_path):
    with refuses("path", FileNotFoundError):
        inr.read_mesh(tmp_path / "none.obj")
    with refuses("path", FileNotFoundError):
        inr.write_mesh(tmp_path / "none" / "box.obj", box_mesh())
    with refuses("path.*\\.obj, \\.ply, \\.stl"):
        inr.write_mesh(tmp_path / "box.gltf", box_mesh())


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
