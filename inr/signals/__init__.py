"""Signals by what is known of them: images by derivatives, shapes, sound,
video, solutions of equations.

Contract: coordinates, points and normals are in the library's order, (z, y, x) in
space, and in the user's units; files are (x, y, z).
"""

from inr.signals.audio import fit_audio as fit_audio
from inr.signals.helmholtz import (
    fit_helmholtz as fit_helmholtz,
    helmholtz_residual as helmholtz_residual,
    helmholtz_terms as helmholtz_terms,
)
from inr.signals.images import (
    fit_gradient as fit_gradient,
    fit_laplacian as fit_laplacian,
    gradient_length as gradient_length,
    gradient_term as gradient_term,
    hessian_length as hessian_length,
    laplacian_residual as laplacian_residual,
    laplacian_terms as laplacian_terms,
    slope_residual as slope_residual,
    smoothness_term as smoothness_term,
)
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
from inr.signals.video import fit_video as fit_video
from inr.signals.waves import (
    fit_wave as fit_wave,
    wave_residual as wave_residual,
    wave_terms as wave_terms,
)
