"""Implicit neural representations: a signal held as a function of coordinates."""

from inr import coords as coords, fields as fields
from inr.fields import (
    BoundField as BoundField,
    Siren as Siren,
    bind as bind,
    load_field as load_field,
    save_field as save_field,
)
from inr.fitting import (
    FitDiverged as FitDiverged,
    FitResult as FitResult,
    Term as Term,
    fit as fit,
    fit_image as fit_image,
    fit_many as fit_many,
    fit_step as fit_step,
    init_fit as init_fit,
)
from inr.rendering import render as render
