"""Surfaces in files, whose axes are (x, y, z), read and written by trimesh."""

import contextlib
import io
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from inr import _checks
from inr._files import as_path, check_bytes, check_file, check_folder, replacing
from inr._trimesh import import_trimesh
from inr.signals._mesh_formats import FORMATS, check_contents
from inr.signals.meshes import Mesh, PointCloud, check_cloud, check_mesh

_WRITABLE = (".obj", ".ply", ".stl")


def read_mesh(
    path: str | os.PathLike[str], *, max_bytes: int | None = 2**30
) -> Mesh | PointCloud:
    """Read a surface file: triangles, or points with normals.

    Vertices at the same position are merged, and so are several meshes in a file. A
    mesh may have holes and faces without area. Textures and other files that the file
    names are not read.

    Args:
      path: a file ending in .obj, .ply, .stl, .off or .glb, or in .xyz with rows
        `x y z nx ny nz`.
      max_bytes: limit on memory for vertices and faces, tested before they are merged.
        It protects from a small .glb file that shows one mesh many times. None means
        no limit.

    Returns:
      A `Mesh`; a `PointCloud` from .xyz, and from a .ply without faces.

    Raises:
      FileNotFoundError: if there is no such file.
      ImportError: if trimesh is not installed.
      ValueError: for a file of another kind, without faces and normals, cut short, with
        values that are not finite or indices of no vertex, or that needs more than
        `max_bytes`.
    """
    max_bytes = _checks.as_bytes("max_bytes", max_bytes)
    path = as_path("path", path)
    check_file(path, "a mesh file")
    suffix = path.suffix.lower()
    if suffix == ".xyz":
        return _read_xyz(path)
    if suffix not in FORMATS:
        expected = "a name ending in one of " + ", ".join((*FORMATS, ".xyz"))
        raise _checks.fail("path", expected, repr(str(path)))
    trimesh = import_trimesh()
    data = path.read_bytes()
    with _reading(path):
        check_contents(suffix, data)
        # From bytes, because trimesh would look for textures beside a path. Not
        # processed, because processing drops faces with NaN silently.
        surface = trimesh.load(
            io.BytesIO(data), suffix[1:], process=False, skip_materials=True
        )
        is_scene = isinstance(surface, trimesh.Scene)
        num_rows = _num_rows(surface) if is_scene else 0
    check_bytes(path, f"{num_rows} vertices and faces", 24 * num_rows, max_bytes)
    with _reading(path):
        surface = surface.to_mesh() if is_scene else surface
        faces = np.asarray(getattr(surface, "faces", ()))
        if len(faces) == 0:
            return _cloud_of(surface)
        check_mesh(Mesh(np.asarray(surface.vertices), faces))
        surface.merge_vertices(merge_tex=True, merge_norm=True)
        return Mesh(np.array(surface.vertices)[:, ::-1], np.array(surface.faces))


def write_mesh(path: str | os.PathLike[str], mesh: Mesh) -> None:
    """Write a mesh; the extension determines the format.

    Args:
      path: file name ending in .obj, .ply or .stl, in a folder that exists. An existing
        file is replaced only after a complete write.
      mesh: the mesh to write.

    Raises:
      FileNotFoundError: if the folder does not exist.
      ImportError: if trimesh is not installed.
      OSError: if the disk is full.
      ValueError: for another extension, and for a mesh that is not well formed.
    """
    path = as_path("path", path)
    if path.suffix.lower() not in _WRITABLE:
        expected = "a name ending in one of " + ", ".join(_WRITABLE)
        raise _checks.fail("path", expected, repr(str(path)))
    vertices, faces = check_mesh(mesh)
    check_folder(path)
    surface = import_trimesh().Trimesh(vertices[:, ::-1], faces, process=False)
    data = surface.export(file_type=path.suffix.lower()[1:])
    with replacing(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def _reading(path: pathlib.Path) -> Iterator[None]:
    """Turn every error, of which each format has its own, into a ValueError."""
    try:
        yield
    except Exception as error:
        expected = "a mesh with faces, or points with normals"
        got = f"{str(path)!r} ({error})"
        raise _checks.fail("path", expected, got) from error


def _num_rows(scene: Any) -> int:
    """Number of vertices and faces of a scene, which may show a mesh many times."""
    nodes = scene.graph.nodes_geometry
    instances = (scene.geometry[scene.graph[node][1]] for node in nodes)
    return sum(len(x.vertices) + len(getattr(x, "faces", ())) for x in instances)


def _read_xyz(path: pathlib.Path) -> PointCloud:
    with _reading(path):
        rows = np.loadtxt(path, ndmin=2)
        if rows.shape[1] != 6:
            raise ValueError(f"{rows.shape[1]} columns without normals")
        return PointCloud(*check_cloud(PointCloud(rows[:, 2::-1], rows[:, :2:-1])))


def _cloud_of(surface: Any) -> PointCloud:
    """Points of a .ply file, whose normals trimesh has as raw columns only."""
    try:
        columns = surface.metadata["_ply_raw"]["vertex"]["data"]
        normals = [np.ravel(columns[name]) for name in ("nz", "ny", "nx")]
    except (KeyError, AttributeError, TypeError, ValueError):
        raise ValueError("it has neither faces nor normals") from None
    points = np.array(surface.vertices)[:, ::-1]
    return PointCloud(*check_cloud(PointCloud(points, np.stack(normals, -1))))
