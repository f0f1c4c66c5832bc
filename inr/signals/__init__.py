"""Signals other than images: shapes.

Contract: coordinates, points and normals are in the library's order, (z, y, x) in
space, and in the user's units; files are (x, y, z).
"""

from inr.signals.level_sets import extract_mesh as extract_mesh
from inr.signals.mesh_files import read_mesh as read_mesh, write_mesh as write_mesh
from inr.signals.meshes import (
    Mesh as Mesh,
    PointCloud as PointCloud,
    sample_surface as sample_surface,
)
from inr.signals.shapes import (
    eikonal_residual as eikonal_residual,
    fit_shape as fit_shape,
    normal_residual as normal_residual,
    shape_terms as shape_terms,
)
