"""The last layer of the synthesis, fitted to a picture.

Notation. In n pixels the hidden layer has the values H [n, k], and the colors that
latents stand for lack R [n, 3], in YCbCr. The change D [k, 3] of the last layer with
the least squared error solves H^T H D = H^T R. A file holds D in multiples of 1/32.
"""

from typing import NamedTuple

import jax
import numpy as np

from inr._typing import Array, Params
from inr.codec.networks import Networks
from inr.codec.pyramid import Latents
from inr.codec.synthesis import Synthesis
from inr.color import rgb_to_ycbcr, ycbcr_to_rgb

_STEP = 2.0**-5
_LARGEST = 127  # times the step
CHANGE_BYTES = Synthesis.hidden * 3
"""Bytes of a change in a file."""


class Sums(NamedTuple):
    """Sums over pixels, of which those of several tiles can be added.

    Attributes:
      gram: H^T H, `[k, k]`.
      moment: H^T R, `[k, 3]`.
    """

    gram: Array | np.ndarray
    moment: Array | np.ndarray


@jax.jit
def sums_of(synthesis: Params, latents: Latents, image: Array) -> Sums:
    """Sums over the pixels of an image `[h, w, 3]` that latents stand for."""
    module = Synthesis().bind(synthesis)
    features = module.encode(latents)
    hidden = module.hidden_values(features)
    missing = rgb_to_ycbcr(image - 0.5) - features[..., :3] - module.output(hidden)
    hidden = hidden.reshape(-1, hidden.shape[-1])
    return Sums(hidden.T @ hidden, hidden.T @ missing.reshape(-1, 3))


def exact_change(sums: Sums) -> np.ndarray:
    """The change with the least squared error, float32 `[k, 3]`."""
    gram, moment = _regular(sums)
    change = np.linalg.solve(gram, moment)
    return change.clip(-_LARGEST * _STEP, _LARGEST * _STEP).astype(np.float32)


def best_change(sums: Sums, weight: float) -> bytes:
    """The change that lowers the loss most, or no bytes if none pays for its own.

    Args:
      sums: of all pixels of a picture.
      weight: what a bit a pixel may cost in mean squared error of RGB.

    Returns:
      Int8, in multiples of 1/32, row by row.
    """
    gram, moment = _regular(sums)
    codes = _rounded(gram, np.linalg.solve(gram, moment) / _STEP)
    change = _STEP * codes
    # Of the squared error, that RGB has.
    to_rgb = np.asarray(ycbcr_to_rgb(np.eye(3, dtype=np.float32)), np.float64)
    gain = np.sum((change.T @ (2 * moment - gram @ change)) * (to_rgb @ to_rgb.T)) / 3
    pays = gain > weight * 8 * CHANGE_BYTES
    return codes.astype(np.int8).tobytes() if pays else b""


def _regular(sums: Sums) -> tuple[np.ndarray, np.ndarray]:
    """Sums in float64, with a gram matrix that has an inverse."""
    gram, moment = (np.asarray(x, np.float64) for x in sums)
    return gram + 1e-6 * (np.trace(gram) + 1.0) * np.eye(len(gram)), moment


def _rounded(gram: np.ndarray, solution: np.ndarray) -> np.ndarray:
    """Integers near the solution of a least squares problem in its own metric.

    Each unknown is rounded in turn, and those that follow make up for it (Babai 1986,
    the nearest plane).
    """
    upper = np.linalg.cholesky(gram).T
    codes = np.zeros_like(solution)
    for i in reversed(range(len(solution))):
        later = upper[i, i + 1 :] @ (solution - codes)[i + 1 :] / upper[i, i]
        codes[i] = np.rint(solution[i] + later).clip(-_LARGEST, _LARGEST)
    return codes


def from_bytes(change: bytes) -> np.ndarray:
    """What `best_change` wrote, float32 `[k, 3]`; zeros for no bytes."""
    codes = np.frombuffer(change or bytes(CHANGE_BYTES), np.int8)
    return np.float32(_STEP) * codes.reshape(-1, 3).astype(np.float32)


def with_change(networks: Networks, change: Array | np.ndarray) -> Networks:
    """The networks with a change `[k, 3]` of the last layer."""
    arrays = networks.synthesis["params"]
    output = {**arrays["output"], "kernel": arrays["output"]["kernel"] + change}
    return networks._replace(synthesis={"params": {**arrays, "output": output}})
