"""BACON: a field with an output for each of several bandwidths [Lindell et al. 2022].

A multiplicative filter network whose filters are sines of fixed frequencies. A product
of sines contains only sums and differences of their frequencies, so the band limit of
every layer's output is fixed before training.

Frequencies are whole numbers of cycles from -1 to 1. Fields are therefore periodic with
period 2, as in the authors' code, and the discrete spectrum of a rendered level is zero
beyond its band, without leakage.
"""

import functools
import itertools
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from inr import _checks
from inr._registry import register
from inr._typing import Array
from inr.fields import init, streams
from inr.fields.base import FieldModule
from inr.fields.bound import BoundField
from inr.fields.layers import Affine
from inr.fields.sine import sine
from inr.fields.streams import Features


@register("Bacon")
class Bacon(FieldModule):
    """Band-limited coordinate network with one output per level [Lindell et al. 2022].

    Parameters do not depend on `level`: `model.clone(level=1)` with the same params is
    a coarser field. Fit all levels with one term:

        inr.fit(key, model, inr.Term(inr.bacon_residual, (coords, features)))

    The frequencies are in the collection `frequencies`, which a fit does not change.
    Phases are trained.

    Attributes:
      features: output features, k.
      width: units of every layer.
      bands: band limits of the levels, increasing: level i has at most bands[i] cycles
        from -1 to 1 along each axis. There are `len(bands) - 1` width-to-width layers.
        A signal of n samples has up to n / 2 cycles.
      level: level that a call returns, from 0; None for the last and finest.
      precision: precision of matrix products, as in `Siren`.
      dtype: dtype of the inputs of hidden matrix products, as in `Siren`. Filters are
        computed in float32 or wider.
    """

    default_learning_rate: ClassVar[float] = 5e-3

    width: int = 256
    bands: tuple[int, ...] = (16, 32, 64, 96, 128)
    level: int | None = None
    precision: str | None = "highest"
    dtype: DTypeLike | None = None

    def __post_init__(self):
        super().__post_init__()
        bands = _checks.as_size("bands", self.bands)
        if any(a >= b for a, b in itertools.pairwise(bands)):
            raise _checks.fail("bands", "increasing", repr(self.bands))
        levels = range(len(bands))
        _checks.check_choice("level", self.level, (None, *levels))

    @nn.compact
    def levels(self, coords: Array) -> Array:
        """Features `[levels, ..., k]` of all levels at coords `[..., d]`.

        Call it as `model.apply(params, coords, method="levels")`.
        """
        outputs: Any = self._outputs(self._normalize("coords", coords))
        features: Any = self._normalize("features", jnp.stack(outputs))
        return features

    def network(self, x: Features) -> Features:
        return self._outputs(x)[-1 if self.level is None else self.level]

    def _outputs(self, x: Features) -> list[Features]:
        affine = functools.partial(Affine, precision=self.precision, dtype=self.dtype)
        z = self._filter(0, x)
        outputs = [affine(self.features, name="linear_0")(z)]
        for i in range(1, len(self.bands)):
            # Elements of z have variance 1/2 at every level, those of mixes have 1.
            mix = affine(self.width, init.sine_hidden(1.0), name=f"mix_{i}")
            z = streams.multiply(mix(z), self._filter(i, x))
            outputs.append(affine(self.features, name=f"linear_{i}")(z))
        return outputs

    def _filter(self, i: int, x: Features) -> Features:
        """sin(w.p + phase), with |w| at most the difference of bands i and i - 1."""
        shape = (streams.width(x), self.width)
        limit = self.bands[i] - (self.bands[i - 1] if i else 0)

        def draw():
            key = self.make_rng("params")
            cycles = jax.random.randint(key, shape, -limit, limit + 1, jnp.int32)
            return jnp.pi * cycles.astype(jnp.float32)

        kernel = self.variable("frequencies", f"filter_{i}", draw).value
        phase = self.param(f"phase_{i}", init.uniform(jnp.pi), shape[1:], jnp.float32)
        angle = streams.affine(x, kernel, phase, precision=self.precision)
        return streams.pointwise(sine, angle)


def bacon_residual(field: BoundField, batch: tuple[Array, Array]) -> Array:
    """Residual that supervises all levels of a `Bacon`, for `inr.Term`.

    Args:
      field: a bound `Bacon`.
      batch: coords `[n, d]` and features `[n, k]`.

    Returns:
      `[n, levels, k]`, prediction of each level minus the features.
    """
    if not isinstance(getattr(field, "model", None), Bacon):
        raise _checks.fail("field", "a bound `Bacon`", type(field).__name__)
    coords, features = _checks.as_batch(batch, "coords", "features")
    predictions: Any = field.model.apply(field.params, coords, method="levels")
    return jnp.moveaxis(predictions - features[None], 0, 1)
