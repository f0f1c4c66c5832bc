"""Poisson's equation on the pixel grid: transforms, rectangles, masks of any shape.

Contract: arrays in, arrays out; images `[h, w, c]`, channels solved each alone; float32
or float64 as the widest input; differences per pixel (`differences`). Everything is
differentiable and goes through `jit` and `vmap`.
"""

from inr.poisson.differences import (
    grid_divergence as grid_divergence,
    grid_gradient as grid_gradient,
    grid_laplacian as grid_laplacian,
)
from inr.poisson.masked import (
    NotConverged as NotConverged,
    Solution as Solution,
    integrate_masked as integrate_masked,
    solve_masked as solve_masked,
)
from inr.poisson.rectangle import (
    integrate as integrate,
    integrate_screened as integrate_screened,
    solve as solve,
)
from inr.poisson.transforms import (
    dct as dct,
    dst as dst,
    idct as idct,
    idst as idst,
)
