"""Hints: colors that a user gives for a few points, spread to what belongs to them.

Notation. The distance between two points is the cost of the cheapest path: each step
between neighboring cells of a grid costs a little, and more if luma changes. The
correction of the chroma at a hint reaches the points that are near by this distance; it
stops at edges of luma, and fades towards the colors of the model.

Reference:
  Yatziv and Sapiro 2006, Fast image and video colorization using chrominance blending
  (geodesic distances, blending by their powers).
"""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks, _conversions, _display
from inr._typing import Array, ArrayLike, Field, ImageLike, Size
from inr.color import rgb_to_luma, rgb_to_ycbcr, ycbcr_to_rgb
from inr.colorization.guided import guided_coefficients
from inr.colorization.restorer import reduce_to_side
from inr.coords import sample_grid
from inr.rendering import render

_LARGEST_GRID = 512  # cells along the longer side
_COST_OF_SIDE = 2.0  # of a path along the longer side, without any edge
_EDGE = 0.12  # a step of luma by this costs 1
_REACH = 2.0  # distance at which hint and model weigh the same
_POWER = 4
_COLOR_STEP = 1 / 16  # hints of chroma within this are one group
_RADIUS, _EPSILON = 4, 5e-4  # of the guided filter


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("field", "coefficients"),
    meta_fields=(),
)
@dataclass(frozen=True)
class HintedField:
    """A field of RGB with corrected chroma: coords `[..., 2]` to RGB `[..., 3]`.

    Attributes:
      field: a field of RGB.
      coefficients: `[h, w, 4]`, the correction of (Cb, Cr) as a linear function of
        luma, slopes first, so that it follows the edges of the image at every size.
    """

    field: Field
    coefficients: Array

    def __call__(self, coords: ArrayLike) -> Array:
        coords = jnp.asarray(coords)
        rgb = self.field(coords)
        slope, offset = jnp.split(sample_grid(self.coefficients, coords), 2, -1)
        correction = slope * rgb_to_luma(rgb) + offset
        none = jnp.zeros_like(correction[..., :1])
        return rgb + ycbcr_to_rgb(jnp.concatenate([none, correction], -1))

    def __repr__(self) -> str:
        return _display.attributes_text(self)


def as_hints(hints: ImageLike, size: Size) -> np.ndarray:
    """Hints `[h, w, 4]` as floats.

    Raises:
      ValueError: if they have another size than the image or no alpha, or no pixel has
        an alpha above 0.
    """
    image = np.asarray(_conversions.as_image("hints", hints))
    if image.shape != (*size, 4):
        fix = "Give an RGBA image of the size of `gray`, transparent without a hint."
        raise _checks.fail("hints", f"shape {(*size, 4)}", image.shape, fix)
    if not (image[..., 3] > 0).any():
        fix = "Leave `hints` out, or make alpha 1 where a color is known."
        raise _checks.fail("hints", "an alpha above 0 somewhere", "0 everywhere", fix)
    return image


def with_hints(field: Field, gray: Array, hints: np.ndarray) -> HintedField:
    """A field of RGB, corrected so that it has the chroma of hints.

    Args:
      field: the field of RGB that a model gives.
      gray: `[h, w, 1]`, the image.
      hints: `[h, w, 4]`, RGB and alpha; alpha 0 for no hint.
    """
    alpha = hints[..., 3:]
    planes = np.concatenate([gray, hints[..., :3] * alpha, alpha], -1)
    cells = np.asarray(reduce_to_side(jnp.asarray(planes), _LARGEST_GRID))
    luma, colors, weights = np.split(cells, [1, 4], -1)
    known = weights[..., 0] > 0
    chroma = np.asarray(rgb_to_ycbcr(colors[known] / weights[known]))[..., 1:]
    predicted = np.asarray(render(field, luma.shape[:2], progress=False))
    present = np.asarray(rgb_to_ycbcr(predicted))[..., 1:][known]
    correction = spread(luma[..., 0], known, chroma, chroma - present)
    coefficients = guided_coefficients(
        jnp.asarray(luma), jnp.asarray(correction), radius=_RADIUS, epsilon=_EPSILON
    )
    return HintedField(field, coefficients)


def spread(
    luma: np.ndarray, known: np.ndarray, chroma: np.ndarray, corrections: np.ndarray
) -> np.ndarray:
    """Corrections of some cells, spread over a grid.

    Args:
      luma: `[h, w]`.
      known: bool `[h, w]`, the m cells with hints.
      chroma: `[m, 2]`, colors of the hints. Hints of about one color are a group, in
        which each cell takes the correction of the nearest hint.
      corrections: `[m, 2]`, changes of chroma at the hints.

    Returns:
      `[h, w, 2]` float32; at a hint its correction, and 0 far away.
    """
    steps = _steps(luma)
    cells = np.flatnonzero(known)
    levels = np.rint(chroma / _COLOR_STEP).astype(int)
    total = np.full((luma.size, 1), _REACH**-_POWER)
    weighted = np.zeros((luma.size, corrections.shape[-1]))
    for group in np.unique(levels, axis=0):
        members = np.flatnonzero((levels == group).all(-1))
        distance, nearest = _distances(steps, cells[members])
        weight = np.maximum(distance, 1e-3)[:, None] ** -_POWER
        total += weight
        weighted += weight * corrections[members][nearest]
    result = (weighted / total).astype(np.float32)
    return result.reshape(*luma.shape, -1)


def _steps(luma: np.ndarray):
    """The grid as a sparse graph, whose edges are the costs of steps."""
    from scipy import sparse

    index = np.arange(luma.size).reshape(luma.shape)
    least = _COST_OF_SIDE / max(luma.shape)
    rows, columns, costs = [], [], []
    for axis in (0, 1):
        first, second = (np.delete(index, end, axis).ravel() for end in (-1, 0))
        change = np.diff(luma, axis=axis).ravel() / _EDGE
        rows.append(first)
        columns.append(second)
        costs.append(change**2 + least)
    parts = (np.concatenate(x) for x in (costs, rows, columns))
    data, i, j = parts
    return sparse.csr_matrix((data, (i, j)), (luma.size, luma.size))


def _distances(steps, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance `[n]` of each cell from the nearest source, and that source's index."""
    from scipy.sparse import csgraph

    distance, _, cells = csgraph.dijkstra(
        steps,
        directed=False,
        indices=sources,
        min_only=True,
        return_predecessors=True,
    )
    places = np.searchsorted(sources, cells)
    return distance, places
