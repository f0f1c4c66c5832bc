"""Surfaces in files, whose axes are (x, y, z); read and written by trimesh."""

import os
import pathlib
from types import ModuleType
from typing import Any

import numpy as np

from inr import _checks
from inr.signals.meshes import Mesh, PointCloud, check_cloud, check_mesh

_WRITTEN = (".obj", ".ply", ".stl")


def read_mesh(path: str | os.PathLike[str]) -> Mesh | PointCloud:
    """Reads a surface file: triangles, or points with normals.

    Vertices at one place become one; several meshes in a file become one. A mesh may
    have holes and faces without area.

    Args:
      path: a file that trimesh reads (.obj, .ply, .stl, .off, .glb, ...); or .xyz with
        rows `x y z nx ny nz`.

    Returns:
      A `Mesh`; a `PointCloud` from .xyz, and from a .ply without faces.

    Raises:
      FileNotFoundError: if there is no such file.
      ImportError: if trimesh is not installed.
      ValueError: for a file of another kind, with no faces and no normals, or with
        values that are not finite.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"`path` must be a file, got {str(path)!r}.")
    if path.suffix.lower() == ".xyz":
        return _read_xyz(path)
    trimesh = import_trimesh()
    try:
        # Unprocessed: processing drops faces with NaN without a word.
        found = trimesh.load(path, process=False)
        if isinstance(found, trimesh.Scene):
            found = found.to_mesh()
    except Exception as error:  # each format raises errors of its own
        raise _checks.fail(
            "path", "a mesh or points with normals", f"{str(path)!r} ({error})"
        ) from error
    if len(getattr(found, "faces", ())) == 0:
        return _cloud_of(found, path)
    _checks.check_finite("vertices", found.vertices)
    found.merge_vertices(merge_tex=True, merge_norm=True)
    return Mesh(np.array(found.vertices)[:, ::-1], np.array(found.faces))


def write_mesh(path: str | os.PathLike[str], mesh: Mesh) -> None:
    """Writes a mesh; the extension chooses the format.

    Args:
      path: ends in .obj, .ply or .stl; its folder must exist.
      mesh: what to write.

    Raises:
      ImportError: if trimesh is not installed.
      ValueError: for another extension, and for a mesh that is not well formed.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in _WRITTEN:
        expected = "a name ending in one of " + ", ".join(_WRITTEN)
        raise _checks.fail("path", expected, repr(str(path)))
    vertices, faces = check_mesh(mesh)
    made = import_trimesh().Trimesh(vertices[:, ::-1], faces, process=False)
    made.export(path)


def _read_xyz(path: pathlib.Path) -> PointCloud:
    try:
        rows = np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise _checks.fail("path", "rows of numbers", f"{path} ({error})") from error
    if rows.shape[1] != 6:
        raise _no_normals(path, f"{rows.shape[1]} columns")
    return check_cloud(PointCloud(rows[:, 2::-1], rows[:, :2:-1]))


def _cloud_of(found: Any, path: pathlib.Path) -> PointCloud:
    """Points of a .ply, whose normals trimesh keeps as raw columns only."""
    try:
        columns = found.metadata["_ply_raw"]["vertex"]["data"]
        normals = [np.ravel(columns[name]) for name in ("nz", "ny", "nx")]
    except (KeyError, AttributeError, ValueError):
        raise _no_normals(path, "neither") from None
    points = np.array(found.vertices)[:, ::-1]
    return check_cloud(PointCloud(points, np.stack(normals, -1)))


def _no_normals(path: pathlib.Path, got: str) -> ValueError:
    return _checks.fail(
        "path",
        "a mesh with faces, or points with normals (.ply; .xyz of 6 columns)",
        f"{got} in {str(path)!r}",
    )


def import_trimesh() -> ModuleType:
    """trimesh, or an error that says how to install it."""
    try:
        import trimesh
    except ImportError:
        raise ImportError(
            'Mesh files need trimesh: `pip install "inr[media]"`.'
        ) from None
    return trimesh
