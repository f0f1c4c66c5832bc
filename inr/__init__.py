"""Implicit neural representations: a signal held as a function of coordinates.

JAX has threads of its own, so a process that has imported it must not be forked: choose
`multiprocessing.get_context("spawn")`.
"""

from importlib.metadata import version as _version

from inr import (
    calculus as calculus,
    codec as codec,
    color as color,
    colorization as colorization,
    coords as coords,
    diffusion as diffusion,
    fields as fields,
    fitting as fitting,
    io as io,
    merging as merging,
    meta as meta,
    metrics as metrics,
    models as models,
    plot as plot,
    poisson as poisson,
    pretrained as pretrained,
    references as references,
    signals as signals,
    training as training,
    upscaling as upscaling,
)
from inr.browser import to_html as to_html
from inr.calculus import (
    axis_derivatives as axis_derivatives,
    curl as curl,
    divergence as divergence,
    gradient as gradient,
    hessian as hessian,
    jacobian as jacobian,
    laplacian as laplacian,
    value_gradient_laplacian as value_gradient_laplacian,
)
from inr.colorization import (
    colorize as colorize,
    colorize_samples as colorize_samples,
)
from inr.fields import (
    Bacon as Bacon,
    BoundField as BoundField,
    Finer as Finer,
    FourierFeatures as FourierFeatures,
    FourierNet as FourierNet,
    GaborNet as GaborNet,
    Gauss as Gauss,
    HashGrid as HashGrid,
    Modulated as Modulated,
    PositionalEncoding as PositionalEncoding,
    Siren as Siren,
    Wire as Wire,
    bacon_residual as bacon_residual,
    bind as bind,
    from_stablehlo as from_stablehlo,
    load_field as load_field,
    load_fields as load_fields,
    save_field as save_field,
    save_fields as save_fields,
    suggest_omega as suggest_omega,
    to_glsl as to_glsl,
    to_stablehlo as to_stablehlo,
)
from inr.fitting import (
    FitDiverged as FitDiverged,
    FitManyResult as FitManyResult,
    FitResult as FitResult,
    Init as Init,
    Term as Term,
    fit as fit,
    fit_grid as fit_grid,
    fit_image as fit_image,
    fit_least_squares as fit_least_squares,
    fit_many as fit_many,
    fit_step as fit_step,
    init_fit as init_fit,
)
from inr.io import (
    list_images as list_images,
    read_audio as read_audio,
    read_image as read_image,
    read_video as read_video,
    write_audio as write_audio,
    write_image as write_image,
    write_video as write_video,
)
from inr.merging import merge as merge, seamless_clone as seamless_clone
from inr.metrics import psnr as psnr, ssim as ssim
from inr.references import (
    inpaint as inpaint,
    upscale_by_reference as upscale_by_reference,
)
from inr.rendering import render as render
from inr.signals import (
    Mesh as Mesh,
    PointCloud as PointCloud,
    extract_mesh as extract_mesh,
    fit_audio as fit_audio,
    fit_shape as fit_shape,
    fit_video as fit_video,
    read_mesh as read_mesh,
    write_mesh as write_mesh,
)
from inr.upscaling import upscale as upscale

__version__ = _version("inr")
