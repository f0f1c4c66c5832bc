"""Exact derivatives of fields: gradient, Jacobian, divergence, Laplacian, curl.

Contract: a field maps coords `[..., d]` to features `[..., k]`, and the value at a
point depends on that point only. One forward derivative along axis i, computed at all
points together, is therefore the i-th derivative everywhere. Derivatives are per unit
of coords, exact, and differentiable. A function of coords that computes them is a field
itself.
"""

from inr.calculus.derivatives import (
    AxisDerivatives as AxisDerivatives,
    Derivatives as Derivatives,
    axis_derivatives as axis_derivatives,
    gradient as gradient,
    hessian as hessian,
    jacobian as jacobian,
    laplacian as laplacian,
    value_gradient_laplacian as value_gradient_laplacian,
)
from inr.calculus.vectors import curl as curl, divergence as divergence
