"""Merging and editing of images through their gradients.

Contract: images are `[h, w, c]` or `[h, w]`, sRGB, with any number of channels, each
solved independently: floating in [0, 1], uint8, uint16, or PIL images. Results are
floating and not clipped. Masks are bool. `guidance` and
`mode` are a name or a function `(gradients, weights) -> [h, w, 2, c]` of the gradients
`[n, h, w, 2, c]` of n images, per pixel, and weights `[n, h, w, 2, 1]` or
`[n, 1, 1, 1, 1]`.
"""

from inr.merging.cloning import (
    CloneMode as CloneMode,
    seamless_clone as seamless_clone,
)
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
    Guidance as Guidance,
    Strongest as Strongest,
    first_gradient as first_gradient,
    gray_gradient as gray_gradient,
    mean_gradient as mean_gradient,
)
from inr.merging.images import (
    MergeMode as MergeMode,
    make_tileable as make_tileable,
    merge as merge,
    stitch as stitch,
)
from inr.merging.opencv import seamless_clone_opencv as seamless_clone_opencv
