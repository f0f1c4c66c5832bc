"""Surfaces in files, whose axes are (x, y, z), read and written by trimesh."""

import os
import pathlib
from typing import Any

import numpy as np

from inr import _checks
from inr._files import check_file, check_folder, replacing
from inr._trimesh import import_trimesh
from inr.signals.meshes import Mesh, PointCloud, check_cloud, check_mesh

_WRITABLE = (".obj", ".ply", ".stl")


def read_mesh(path: str | os.PathLike[str]) -> Mesh | PointCloud:
    """Read a surface file: triangles, or points with normals.

    Vertices at the same position are merged, and so are several meshes in a file. A
    mesh may have holes and faces without area.

    Args:
      path: a file that trimesh reads (.obj, .ply, .stl, .off, .glb, ...), or a .xyz
        file with rows `x y z nx ny nz`.

    Returns:
      A `Mesh`; a `PointCloud` from .xyz, and from a .ply without faces.

    Raises:
      FileNotFoundError: if there is no such file.
      ImportError: if trimesh is not installed.
      ValueError: for a file of another kind, without faces and normals, or with values
        that are not finite.
    """
    path = pathlib.Path(path)
    check_file(path, "a mesh file")
    if path.suffix.lower() == ".xyz":
        return _read_xyz(path)
    trimesh = import_trimesh()
    try:
        # Not processed, because processing drops faces with NaN silently.
        surface = trimesh.load(path, process=False)
        if isinstance(surface, trimesh.Scene):
            surface = surface.to_mesh()
    except Exception as error:  # every format raises its own errors
        raise _checks.fail(
            "path", "a mesh or points with normals", f"{str(path)!r} ({error})"
        ) from error
    if len(getattr(surface, "faces", ())) == 0:
        return _cloud_of(surface, path)
    _checks.check_finite("vertices", surface.vertices)
    surface.merge_vertices(merge_tex=True, merge_norm=True)
    return Mesh(np.array(surface.vertices)[:, ::-1], np.array(surface.faces))


def write_mesh(path: str | os.PathLike[str], mesh: Mesh) -> None:
    """Write a mesh; the extension determines the format.

    Args:
      path: file name ending in .obj, .ply or .stl, in a folder that exists. An existing
        file is replaced only after a complete write.
      mesh: the mesh to write.

    Raises:
      ImportError: if trimesh is not installed.
      ValueError: for another extension, and for a mesh that is not well formed.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in _WRITABLE:
        expected = "a name ending in one of " + ", ".join(_WRITABLE)
        raise _checks.fail("path", expected, repr(str(path)))
    vertices, faces = check_mesh(mesh)
    check_folder(path)
    surface = import_trimesh().Trimesh(vertices[:, ::-1], faces, process=False)
    with replacing(path) as temporary:
        surface.export(temporary)


def _read_xyz(path: pathlib.Path) -> PointCloud:
    try:
        rows = np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise _checks.fail("path", "rows of numbers", f"{path} ({error})") from error
    if rows.shape[1] != 6:
        raise _no_normals(path, f"{rows.shape[1]} columns")
    return PointCloud(*check_cloud(PointCloud(rows[:, 2::-1], rows[:, :2:-1])))


def _cloud_of(surface: Any, path: pathlib.Path) -> PointCloud:
    """Points of a .ply file, whose normals trimesh has as raw columns only."""
    try:
        columns = surface.metadata["_ply_raw"]["vertex"]["data"]
        normals = [np.ravel(columns[name]) for name in ("nz", "ny", "nx")]
    except (KeyError, AttributeError, ValueError):
        raise _no_normals(path, "neither") from None
    points = np.array(surface.vertices)[:, ::-1]
    return PointCloud(*check_cloud(PointCloud(points, np.stack(normals, -1))))


def _no_normals(path: pathlib.Path, got: str) -> ValueError:
    return _checks.fail(
        "path",
        "a mesh with faces, or points with normals (.ply; .xyz of 6 columns)",
        f"{got} in {str(path)!r}",
    )
