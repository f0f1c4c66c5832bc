"""Fits of signals: sound, video and shapes; images by derivatives; equations.

`fit_audio`, `fit_video` and `fit_shape` are also at the top level of `inr`.

Contract: coordinates, points and normals are in the library's order, (z, y, x) in
space, and in the user's units; files are (x, y, z).
"""

from inr.signals.audio import fit_audio as fit_audio
from inr.signals.collocation import PlaneData as PlaneData
from inr.signals.derivative_terms import (
    gradient_term as gradient_term,
    laplacian_residual as laplacian_residual,
    laplacian_terms as laplacian_terms,
    slope_residual as slope_residual,
)
from inr.signals.derivatives import (
    fit_gradient as fit_gradient,
    fit_laplacian as fit_laplacian,
)
from inr.signals.equations import (
    fit_helmholtz as fit_helmholtz,
    fit_wave as fit_wave,
    helmholtz_model as helmholtz_model,
    wave_model as wave_model,
)
from inr.signals.helmholtz_equation import (
    helmholtz_residual as helmholtz_residual,
    helmholtz_terms as helmholtz_terms,
)
from inr.signals.level_sets import extract_mesh as extract_mesh
from inr.signals.mesh_files import read_mesh as read_mesh, write_mesh as write_mesh
from inr.signals.meshes import (
    Mesh as Mesh,
    PointCloud as PointCloud,
    sample_surface as sample_surface,
)
from inr.signals.shapes import fit_shape as fit_shape
from inr.signals.smoothness import (
    gradient_length as gradient_length,
    hessian_length as hessian_length,
    smoothness_term as smoothness_term,
)
from inr.signals.surface_terms import (
    eikonal_residual as eikonal_residual,
    normal_residual as normal_residual,
    shape_terms as shape_terms,
)
from inr.signals.video import compact_grid as compact_grid, fit_video as fit_video
from inr.signals.wave_equation import (
    wave_residual as wave_residual,
    wave_terms as wave_terms,
)
