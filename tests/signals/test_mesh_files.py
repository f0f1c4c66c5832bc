"""Files of meshes and of oriented points."""

import builtins
import json
import os
import struct

import numpy as np
import pytest
from support import full_disk, refuses
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


@pytest.mark.parametrize("end", [".obj", ".ply", ".stl"])
def test_a_full_disk_leaves_an_earlier_file(tmp_path, end):
    pytest.importorskip("trimesh", reason="files need trimesh")
    path = tmp_path / f"box{end}"
    path.write_bytes(b"before")
    with full_disk(), pytest.raises(OSError, match="File too large"):
        inr.write_mesh(path, box_mesh())
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


CORNERS = "0 0 0\n1 0 0\n0 1 0\n"
VERTICES = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"
TRIANGLE = np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0]]).tobytes()


def ply(
    num_vertices, num_faces, body=CORNERS + "3 0 1 2\n", form="ascii", count="uchar"
):
    body = body.encode() if isinstance(body, str) else body
    axes = "".join(f"property float {axis}\n" for axis in "xyz")
    head = f"ply\nformat {form} 1.0\nelement vertex {num_vertices}\n{axes}"
    head += f"element face {num_faces}\nproperty list {count} int vertex_indices\n"
    return head.encode() + b"end_header\n" + body


def binary_ply(num_vertices=3, num_faces=1, last=2):
    body = TRIANGLE + struct.pack("<B3i", 3, 0, 1, last)
    return ply(num_vertices, num_faces, body, "binary_little_endian")


def stl(declared, *, num_faces=1, value=1.0):
    face = np.float32([[0, 0, 1], [0, 0, 0], [value, 0, 0], [0, 1, 0]]).tobytes()
    return bytes(80) + struct.pack("<I", declared) + num_faces * (face + b"\0\0")


def glb(count=3, *, last=2, num_nodes=1, **accessor):
    """A triangle; `accessor` changes the accessor of its vertices."""
    positions = {"componentType": 5126, "count": count, "type": "VEC3", **accessor}
    indices = {"componentType": 5125, "count": 3, "type": "SCALAR", "bufferView": 1}
    scene = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": list(range(num_nodes))}],
        "nodes": [{"mesh": 0}] * num_nodes,
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [positions, indices],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 36},
            {"buffer": 0, "byteOffset": 36, "byteLength": 12},
        ],
        "buffers": [{"byteLength": 48}],
    }
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    data = TRIANGLE + struct.pack("<3I", 0, 1, last)
    body = struct.pack("<I4s", len(text), b"JSON") + text
    body += struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


GOOD_FILES = {
    "ascii.ply": ply(3, 1),
    "binary.ply": binary_ply(),
    "binary.stl": stl(1),
    "ascii.stl": b"solid a\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\n"
    b"vertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\nendsolid a\n",
    "plain.obj": f"{VERTICES}f 1 2 3\n",
    "relative.obj": f"{VERTICES}f -3 -2 -1\n",
    "textured.obj": f"mtllib /dev/zero\n{VERTICES}vt 0 0\nusemtl a\nf 1/1 2/1 3/1\n",
    "textured.ply": ply(3, 1).replace(
        b"element vertex", b"comment TextureFile /dev/zero\nelement vertex"
    ),
    "plain.off": f"OFF\n3 1 0\n\n{CORNERS}\n3 0 1 2\n",
    "line.off": f"OFF 3 1 0\n{CORNERS}3 0 1 2\n",
    "plain.glb": glb(bufferView=0),
}


@pytest.mark.parametrize("name", GOOD_FILES)
def test_files_of_every_format_are_read(tmp_path, name):
    pytest.importorskip("trimesh", reason="files need trimesh")
    data = GOOD_FILES[name]
    (tmp_path / name).write_bytes(data.encode() if isinstance(data, str) else data)
    vertices, faces = inr.read_mesh(tmp_path / name)
    corners = vertices[np.roll(faces[0], -np.argmin(vertices[faces[0]].sum(-1)))]
    np.testing.assert_array_equal(corners, [[0, 0, 0], [0, 0, 1], [0, 1, 0]])


HUGE = 10**12
BAD_FILES = {
    "points.xyz": ("0 0 0\n1 1 1\n", "normals"),
    "words.xyz": ("a b c d e f\n", "could not convert"),
    "zero.xyz": ("0 0 0 0 0 0\n", "length 0"),
    "infinite.xyz": ("0 0 1e999 0 0 1\n", "finite"),
    "bytes.xyz": (bytes(range(256)), "decode"),
    "nan.obj": ("v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "finite"),
    "infinite.obj": ("v 1e400 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "finite"),
    "empty.obj": ("# nothing\n", "faces"),
    "points.obj": ("v 0 0 0\nv 1 0 0\n", "faces"),
    "flat.obj": ("v 0 0\nv 1 0\nv 0 1\nf 1 2 3\n", r"\[n, 3\], got shape \(3, 2\)"),
    "index.obj": (f"{VERTICES}f 1 2 4\n", "out of bounds"),
    "index_0.obj": (f"{VERTICES}f 1/1 00 2\n", "a face has index 0"),
    "points.ply": (
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\n"
        "property float y\nproperty float z\nend_header\n0 0 0\n",
        "normals",
    ),
    "header.ply": (b"ply\nformat ascii 1.0\nelement vertex 3\n", "does not end"),
    "faces.ply": (ply(3, HUGE), f"declares 3 and {HUGE} rows and has 4"),
    "vertices.ply": (ply(HUGE, 1), f"declares {HUGE} and 1 rows"),
    "fewer.ply": (ply(3, 2), "declares 3 and 2 rows and has 4"),
    "negative.ply": (ply(-3, 1), "declares -3"),
    "index.ply": (ply(3, 1, CORNERS + "3 0 1 3\n"), "indices of the 3 vertices"),
    "minus.ply": (ply(3, 1, CORNERS + "3 0 1 -1\n"), "indices of the 3 vertices"),
    "nan.ply": (ply(3, 1, "0 0 nan\n1 0 0\n0 1 0\n3 0 1 2\n"), "finite"),
    "binary_faces.ply": (binary_ply(3, HUGE), "unexpected length"),
    "binary_vertices.ply": (binary_ply(HUGE, 1), "unexpected length"),
    "binary_index.ply": (binary_ply(last=10**9), "indices of the 3 vertices"),
    "binary_list.ply": (
        ply(
            3,
            1,
            TRIANGLE + struct.pack("<I3i", 2**32 - 1, 0, 1, 2),
            "binary_little_endian",
            "uint",
        ),
        "dimension does not fit",
    ),
    "faces.stl": (stl(2**32 - 1), "declares 4294967295 faces, 214748364834 bytes"),
    "short.stl": (stl(1)[:-1], "declares 1 faces, 134 bytes, and has 133"),
    "header.stl": (bytes(50), "and has 50"),
    "none.stl": (stl(0, num_faces=0), "neither faces nor normals"),
    "nan.stl": (stl(1, value=np.nan), "finite"),
    "ascii.stl": (GOOD_FILES["ascii.stl"].replace(b" 1 0\n", b" 1\n"), "vertices"),
    "vertices.off": (f"OFF\n{HUGE} 1 0\n{CORNERS}3 0 1 2\n", "rows and has 4"),
    "faces.off": (f"OFF\n3 {HUGE} 0\n{CORNERS}3 0 1 2\n", "rows and has 4"),
    "corners.off": (f"OFF\n3 1 0\n{CORNERS}{HUGE} 0 1 2\n", f"declares {HUGE} vert"),
    "index.off": (f"OFF\n3 1 0\n{CORNERS}3 0 1 3\n", "(outside|indices of)"),
    "words.off": ("hello\n", "begin with OFF"),
    "empty.off": ("OFF", "faces"),
    "zeros.glb": (glb(HUGE), f"declares {HUGE} items without data"),
    "count.glb": (glb(HUGE, bufferView=0), "cannot reshape"),
    "index.glb": (glb(bufferView=0, last=10**9), "indices of the 3 vertices"),
    "words.glb": ("hello\n", "begin with glTF"),
    "kind.txt": ("0 0 0\n", "name ending in one of .obj, .off, .ply, .stl, .glb, .xyz"),
    "archive.zip": ("PK", "name ending in one of"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_refused(tmp_path, name):
    pytest.importorskip("trimesh", reason="files need trimesh")
    data, message = BAD_FILES[name]
    (tmp_path / name).write_bytes(data.encode() if isinstance(data, str) else data)
    with refuses(f"`path` must be .*{message}"):
        inr.read_mesh(tmp_path / name)


def test_a_mesh_that_is_shown_many_times_needs_memory(tmp_path):
    pytest.importorskip("trimesh", reason="files need trimesh")
    path = tmp_path / "many.glb"
    path.write_bytes(glb(bufferView=0, num_nodes=5))
    needed = 24 * 5 * (3 + 1)
    with refuses(f"`max_bytes` must be at least {needed}, .*20 vertices and faces"):
        inr.read_mesh(path, max_bytes=needed - 1)
    assert inr.read_mesh(path, max_bytes=needed).vertices.shape == (3, 3)


def test_pipes_and_folders_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.obj")
    (tmp_path / "folder.obj").mkdir()
    with refuses("`path` must be a mesh file, got .*a pipe or a device"):
        inr.read_mesh(tmp_path / "pipe.obj")
    with refuses("`path` must be a mesh file, got the folder"):
        inr.read_mesh(tmp_path / "folder.obj")


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
