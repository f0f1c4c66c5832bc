"""Fits of fields: the terms of a loss, the pure step, and the verbs that run it."""

from inr.fitting.continuous import (
    Spline as Spline,
    SplineSamples as SplineSamples,
    make_spline as make_spline,
    spline_coefficients as spline_coefficients,
)
from inr.fitting.grids import GridSamples as GridSamples, fit_grid as fit_grid
from inr.fitting.images import Points as Points, fit_image as fit_image
from inr.fitting.least_squares import fit_least_squares as fit_least_squares
from inr.fitting.many import fit_many as fit_many
from inr.fitting.options import check_options as check_options
from inr.fitting.rates import (
    Optimizer as Optimizer,
    Rates as Rates,
    default_rates as default_rates,
)
from inr.fitting.results import (
    Callback as Callback,
    FitDiverged as FitDiverged,
    FitManyResult as FitManyResult,
    FitResult as FitResult,
    Status as Status,
)
from inr.fitting.run import psnr_text as psnr_text, psnr_to_loss as psnr_to_loss
from inr.fitting.samples import (
    image_normalization as image_normalization,
    init_params as init_params,
    shift_to_mean as shift_to_mean,
)
from inr.fitting.starts import (
    Init as Init,
    Start as Start,
    resolve_start as resolve_start,
)
from inr.fitting.step import (
    FitInfo as FitInfo,
    FitState as FitState,
    default_optimizer as default_optimizer,
    fit_step as fit_step,
    init_fit as init_fit,
)
from inr.fitting.terms import (
    Data as Data,
    Term as Term,
    value_residual as value_residual,
)
from inr.fitting.verbs import fit as fit
