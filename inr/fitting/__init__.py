"""Fitting fields: terms of a loss, the pure step, and the verbs that run it."""

from inr.fitting.grids import GridSamples as GridSamples
from inr.fitting.least_squares import fit_least_squares as fit_least_squares
from inr.fitting.many import fit_many as fit_many
from inr.fitting.step import (
    FitInfo as FitInfo,
    FitState as FitState,
    default_optimizer as default_optimizer,
    fit_step as fit_step,
    init_fit as init_fit,
)
from inr.fitting.terms import CellResidual as CellResidual, Term as Term
from inr.fitting.verbs import (
    FitDiverged as FitDiverged,
    FitResult as FitResult,
    fit as fit,
    fit_image as fit_image,
)
