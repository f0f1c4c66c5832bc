"""Multiplicative filter networks [Fathony et al. 2021]: products of simple filters.

Notation. Filters g_0 .. g_D of the coords p, `[..., width]` each, are combined by

    z_0 = g_0(p),    z_i = (z_{i-1} W_i + b_i) * g_i(p),    features = z_D W + b

without other nonlinearities, so a field is a linear combination of exponentially many
products of filters. `depth` is D, the number of width-to-width matrices W_i.
"""

import functools
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from inr import _checks
from inr._registry import register
from inr.fields import init, streams
from inr.fields.base import FieldModule
from inr.fields.layers import Affine
from inr.fields.sine import sine
from inr.fields.streams import Features


class _FilterNetwork(FieldModule):
    """The recursion above; a subclass defines `filter`."""

    width: int = 256
    depth: int = 3
    input_scale: float = 256.0
    precision: str | None = "highest"
    dtype: DTypeLike | None = None

    def __post_init__(self):
        super().__post_init__()
        _checks.as_positive("input_scale", self.input_scale)

    def filter(self, i: int, x: Features) -> Features:
        """g_i at normalized coords."""
        raise NotImplementedError

    def network(self, x: Features) -> Features:
        affine = functools.partial(Affine, precision=self.precision, dtype=self.dtype)
        bias_init = init.uniform(self.width**-0.5)
        z = self.filter(0, x)
        for i in range(1, self.depth + 1):
            name = f"mix_{i}"
            mix = affine(self.width, init.fan_in_uniform(), bias_init, name=name)
            z = streams.multiply(mix(z), self.filter(i, x))
        return affine(self.features, init.fan_in_uniform(), name="linear")(z)

    def _bound(self) -> float:
        """Bandwidth of each filter: frequencies of a product add in quadrature."""
        return self.input_scale / (self.depth + 1) ** 0.5


@register("FourierNet")
class FourierNet(_FilterNetwork):
    """Multiplicative filter network with sines as filters [Fathony et al. 2021].

    Attributes:
      features: output features, k.
      width: units of every layer.
      depth: width-to-width layers after the first filter.
      input_scale: root sum of squares over the filters of their largest angular
        frequency, in radians per unit of coords. It sets the bandwidth. A good value is
        the number of samples along an axis.
      precision: precision of matrix products, as in `Siren`.
      dtype: dtype of the inputs of hidden matrix products, as in `Siren`. Filters are
        computed in float32 or wider.
    """

    default_learning_rate: ClassVar[float] = 1e-2

    def filter(self, i: int, x: Features) -> Features:
        bound = self._bound() * streams.width(x) ** -0.5
        affine = Affine(
            self.width,
            init.uniform(bound),
            init.uniform(jnp.pi),
            precision=self.precision,
            name=f"filter_{i}",
        )
        return streams.pointwise(sine, affine(x))


@register("GaborNet")
class GaborNet(_FilterNetwork):
    """Multiplicative filter network with Gabor wavelets [Fathony et al. 2021].

    A filter is sin(w.p + phase) exp(-gamma / 2 |p - mu|^2), a frequency localized
    around mu.

    Attributes:
      features: output features, k.
      width: units of every layer.
      depth: width-to-width layers after the first filter.
      input_scale: as in `FourierNet`, for filters with gamma = 1. Frequencies of other
        filters are multiplied by the square root of gamma.
      alpha: gamma is drawn from the Gamma distribution of shape alpha / (depth + 1).
      beta: rate of that distribution.
      precision: precision of matrix products, as in `Siren`.
      dtype: dtype of the inputs of hidden matrix products, as in `Siren`. Filters are
        computed in float32 or wider.
    """

    default_learning_rate: ClassVar[float] = 1e-2

    alpha: float = 6.0
    beta: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        _checks.as_positive("alpha", self.alpha)
        _checks.as_positive("beta", self.beta)

    def filter(self, i: int, x: Features) -> Features:
        return _GaborFilter(
            self.width,
            bound=self._bound(),
            shape=self.alpha / (self.depth + 1),
            rate=self.beta,
            precision=self.precision,
            name=f"filter_{i}",
        )(x)


class _GaborFilter(nn.Module):
    """sin(w.p + phase) exp(-gamma / 2 |p - mu|^2); sqrt(gamma) is the parameter."""

    width: int
    bound: float
    shape: float
    rate: float
    precision: str | None

    @nn.compact
    def __call__(self, x: Features) -> Features:
        ndim, f32 = streams.width(x), jnp.float32

        def draw_root_gamma(key):
            draws = jax.random.gamma(key, self.shape, (self.width,), f32)
            return jnp.sqrt(draws / self.rate)

        root_gamma = self.param("root_gamma", draw_root_gamma)

        def draw_kernel(key):
            bound = self.bound * ndim**-0.5
            draws = init.uniform(bound)(key, (ndim, self.width), f32)
            return draws * root_gamma[None]

        kernel = self.param("kernel", draw_kernel)
        phase = self.param("phase", init.uniform(jnp.pi), (self.width,), f32)
        mu = self.param("mu", init.uniform(1.0), (ndim, self.width), f32)
        affine = functools.partial(streams.affine, precision=self.precision)
        wave = streams.pointwise(sine, affine(x, kernel, phase))
        # |p - mu|^2 = p.p - 2 p.mu + mu.mu is affine in p and p * p.
        gamma = jnp.square(root_gamma)
        linear, square = gamma[None] * mu, jnp.broadcast_to(-gamma / 2, mu.shape)
        exponent = affine(
            streams.concatenate([x, streams.multiply(x, x)]),
            jnp.concatenate([linear, square]),
            -gamma / 2 * jnp.square(mu).sum(0),
        )
        return streams.multiply(wave, streams.pointwise(jnp.exp, exponent))
