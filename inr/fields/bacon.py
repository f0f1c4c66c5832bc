"""BACON: a field with an output for each of several bandwidths [Lindell et al. 2022].

A multiplicative filter network whose filters are sines of fixed frequencies. Products
of sines hold sums and differences of their frequencies and nothing else, so that the
output behind every layer has a band limit that is known before any training.

Here frequencies are whole numbers of cycles from -1 to 1. So fields are periodic with
period 2, as are the authors', and the discrete spectrum of a rendered level is zero
beyond its band, without leakage.
"""

import functools
import itertools
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from inr import _checks
from inr._typing import Array
from inr.fields import init, streams
from inr.fields.base import BoundField, FieldModule
from inr.fields.layers import Affine
from inr.fields.sine import sine
from inr.fields.streams import Features


class Bacon(FieldModule):
    """Band-limited coordinate network with one output a level [Lindell et al. 2022].

    Parameters do not depend on `level`: `model.clone(level=1)` with the same params is
    the coarser field. Fit all levels with one term:

        inr.fit(key, model, inr.Term(inr.bacon_residual, (coords, features)))

    The frequencies are kept in the collection `frequencies`, which `fit` leaves as it
    is; phases are trained.

    Attributes:
      features: output features, k.
      width: units of every layer.
      bands: band limit of every level, increasing: level i holds no more than bands[i]
        cycles from -1 to 1 along each axis. There are `len(bands) - 1` width-to-width
        layers. A signal of n samples holds n / 2 cycles.
      level: which output a call returns, from 0; None is the last and finest.
      precision: of the matmuls, as in `Siren`.
      dtype: of the hidden matmuls' inputs, as in `Siren`; filters are always taken in
        float32 at least.
    """

    learning_rate: ClassVar[float] = 5e-3

    width: int = 256
    bands: tuple[int, ...] = (16, 32, 64, 96, 128)
    level: int | None = None
    precision: str | None = "highest"
    dtype: Any = None

    def __post_init__(self):
        super().__post_init__()
        bands = _checks.as_size("bands", self.bands)
        if any(a >= b for a, b in itertools.pairwise(bands)):
            raise _checks.fail("bands", "increasing", repr(self.bands))
        levels = range(len(bands))
        _checks.check_choice("level", self.level, (None, *levels))

    @nn.compact
    def levels(self, coords: Array) -> Array:
        """Features of all levels at coords `[..., d]`, `[levels, ..., k]`.

        Call it as `model.apply(params, coords, method="levels")`.
        """
        outputs = self._outputs(self._normalize("coords", coords))
        return self._normalize("features", jnp.stack(outputs))

    def network(self, x: Features) -> Features:
        return self._outputs(x)[-1 if self.level is None else self.level]

    def _outputs(self, x: Features) -> list[Features]:
        affine = functools.partial(Affine, precision=self.precision, dtype=self.dtype)
        z = self._filter(0, x)
        outputs = [affine(self.features, name="linear_0")(z)]
        for i in range(1, len(self.bands)):
            # Elements of z have variance 1/2 at every level, and mixes variance 1.
            mix = affine(self.width, init.sine_hidden(1.0), name=f"mix_{i}")
            z = streams.multiply(mix(z), self._filter(i, x))
            outputs.append(affine(self.features, name=f"linear_{i}")(z))
        return outputs

    def _filter(self, i: int, x: Features) -> Features:
        """sin(w.p + phase), where w adds no more than level i has over level i - 1."""
        shape = (jax.tree.leaves(x)[0].shape[-1], self.width)
        most = self.bands[i] - (self.bands[i - 1] if i else 0)

        def draw():
            key = self.make_rng("params")
            cycles = jax.random.randint(key, shape, -most, most + 1, jnp.int32)
            return jnp.pi * cycles.astype(jnp.float32)

        kernel = self.variable("frequencies", f"filter_{i}", draw).value
        phase = self.param(f"phase_{i}", init.uniform(jnp.pi), shape[1:], jnp.float32)
        turned = streams.affine(x, kernel, phase, precision=self.precision)
        return streams.pointwise(sine, turned)


def bacon_residual(field: BoundField, batch: tuple[Array, Array]) -> Array:
    """Supervises all levels of a `Bacon` with the same features; for `inr.Term`.

    Args:
      field: a bound `Bacon`.
      batch: coords `[n, d]` and features `[n, k]`.

    Returns:
      `[n, levels, k]`, what each level has too much.
    """
    coords, features = batch
    values = field.model.apply(field.params, coords, method="levels")
    return jnp.moveaxis(values - features[None], 0, 1)
