"""Poisson's equation on the pixel grid: transforms, rectangles, masks of any shape.

Contract: arrays in, arrays out; images are `[h, w, c]` and every channel is solved
independently; results are float32 or float64, as the widest input; differences are per
pixel. All functions are differentiable and work under `jit` and `vmap`.
"""

from inr.poisson.boxes import Box as Box, mask_box as mask_box
from inr.poisson.conjugate_gradients import Solver as Solver
from inr.poisson.differences import (
    Boundary as Boundary,
    grid_divergence as grid_divergence,
    grid_gradient as grid_gradient,
    grid_laplacian as grid_laplacian,
)
from inr.poisson.masked import (
    integrate_masked as integrate_masked,
    solve_masked as solve_masked,
)
from inr.poisson.rectangle import (
    integrate as integrate,
    integrate_screened as integrate_screened,
    solve as solve,
)
from inr.poisson.solution import NotConverged as NotConverged, Solution as Solution
from inr.poisson.transforms import (
    dct as dct,
    dst as dst,
    idct as idct,
    idst as idst,
)
