"""Merging and editing of images through their gradients.

Contract: float images `[h, w, c]`, sRGB in [0, 1], of any number of channels, each
solved alone; results are not clipped; masks are bool. `guidance` and `mode` take a name
or a function `(gradients, weights) -> [h, w, 2, c]` of the gradients `[n, h, w, 2, c]`
of n images, per pixel, and weights `[n, h, w, 2, 1]` or `[n, 1, 1, 1, 1]`.
"""

from inr.merging.cloning import clone as clone
from inr.merging.editing import (
    change_color as change_color,
    change_illumination as change_illumination,
    flatten_texture as flatten_texture,
)
from inr.merging.fields import (
    gradient_residual as gradient_residual,
    merge_fields as merge_fields,
)
from inr.merging.guidance import (
    Strongest as Strongest,
    first_gradient as first_gradient,
    gray_gradient as gray_gradient,
    mean_gradient as mean_gradient,
)
from inr.merging.images import (
    make_tileable as make_tileable,
    merge as merge,
    stitch as stitch,
)
from inr.merging.opencv import clone_opencv as clone_opencv
