"""Perceptrons that differ from SIREN in the activation: Gauss, FINER, WIRE.

Notation. A layer maps h to psi(z) with z = h W + b, and a linear layer follows the last
of them. The activation psi(z) is

    Gauss   exp(-(s z)^2)
    FINER   sin(omega (|z| + 1) z)
    WIRE    exp(i omega z) exp(-|s z|^2), with complex z and h

`depth` counts width-to-width layers after the first, as in `Siren`. All three are
smooth enough for exact Laplacians (the second derivative of FINER jumps at z = 0).
"""

import functools
from typing import ClassVar

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from inr import _checks
from inr._registry import register
from inr._typing import Array
from inr.fields import init, streams
from inr.fields.base import FieldModule
from inr.fields.layers import Affine
from inr.fields.sine import cosine, sine
from inr.fields.streams import Features


@register("Gauss")
class Gauss(FieldModule):
    """A multilayer perceptron with Gaussian activations [Ramasinghe and Lucey 2022].

    The best `scale` depends on the image, as `omega` does for sines; the default suits
    photographs.

    Attributes:
      features: output features, k.
      width: units of every hidden layer.
      depth: width-to-width layers after the first.
      scale: s in exp(-(s z)^2), the inverse width of the activation. A larger value
        raises the bandwidth.
      precision: precision of matrix products, as in `Siren`.
      dtype: dtype of the inputs of matrix products, as in `Siren`.
    """

    default_learning_rate: ClassVar[float] = 5e-3

    width: int = 256
    depth: int = 3
    scale: float = 10.0
    precision: str | None = "highest"
    dtype: DTypeLike | None = None

    def __post_init__(self):
        super().__post_init__()
        _checks.as_positive("scale", self.scale)

    def network(self, x: Features) -> Features:
        options = {"precision": self.precision, "dtype": self.dtype}
        activation = functools.partial(_gauss, self.scale)
        for i in range(self.depth + 1):
            bias_init = init.uniform(streams.width(x) ** -0.5)
            name = f"gauss_{i}"
            kernel_init = init.fan_in_uniform()
            layer = Affine(self.width, kernel_init, bias_init, name=name, **options)
            x = streams.pointwise(activation, layer(x))
        return Affine(self.features, name="linear", **options)(x)


@register("Finer")
class Finer(FieldModule):
    """SIREN with a frequency that grows with the pre-activation [Liu et al. 2024].

    The biases of the first layer select the part of sin(omega (|z| + 1) z) that a unit
    uses, and thereby the initial frequencies of the field: for |z| < k they reach
    omega (2 k + 1) times the kernel. Derivatives include that of |z| + 1, which the
    authors' code treats as a constant.

    Attributes:
      features: output features, k.
      width: units of every hidden layer.
      depth: width-to-width layers after the first.
      omega: frequency factor of all layers.
      bias_scale: k. The biases of the first layer are drawn from U(-k, k). A larger
        value adds higher frequencies.
      precision: precision of matrix products, as in `Siren`.
      dtype: dtype of the inputs of matrix products, as in `Siren`.
    """

    default_learning_rate: ClassVar[float] = 1e-3

    width: int = 256
    depth: int = 3
    omega: float = 30.0
    bias_scale: float = 1.0
    precision: str | None = "highest"
    dtype: DTypeLike | None = None

    def __post_init__(self):
        super().__post_init__()
        _checks.as_positive("omega", self.omega)
        _checks.as_positive("bias_scale", self.bias_scale)

    def network(self, x: Features) -> Features:
        affine = functools.partial(Affine, precision=self.precision, dtype=self.dtype)
        activation = functools.partial(_finer, self.omega)
        kernel_init, bias_init = init.sine_first(), init.uniform(self.bias_scale)
        for i in range(self.depth + 1):
            # The factor is folded into the kernel: the activation takes omega z.
            layer = affine(
                self.width, kernel_init, bias_init, self.omega, name=f"finer_{i}"
            )
            x = streams.pointwise(activation, layer(x))
            kernel_init = init.sine_hidden(self.omega)
            bias_init = init.uniform(self.width**-0.5)
        return affine(self.features, kernel_init, name="linear")(x)


@register("Wire")
class Wire(FieldModule):
    """A complex perceptron with Gabor wavelet activations [Saragadam et al. 2023].

    Hidden units are complex. Their real and imaginary kernels are separate float
    leaves, and the output is the real part. With z = u + i v the activation is
    exp(-omega v - s^2 v^2) times exp(i omega u - s^2 u^2). The first factor reaches
    exp((omega / s)^2 / 4), so a network with omega much above 2 s does not train.

    Attributes:
      features: output features, k.
      width: complex units of every hidden layer. 181 complex units have about as many
        parameters as 256 real units.
      depth: width-to-width layers after the first.
      omega: frequency of the wavelet.
      scale: s, the inverse width of its Gaussian envelope.
      precision: precision of matrix products, as in `Siren`.
      dtype: dtype of the inputs of matrix products, as in `Siren`.
    """

    default_learning_rate: ClassVar[float] = 5e-3

    width: int = 181
    depth: int = 3
    omega: float = 10.0
    scale: float = 10.0
    precision: str | None = "highest"
    dtype: DTypeLike | None = None

    def __post_init__(self):
        super().__post_init__()
        _checks.as_positive("omega", self.omega)
        _checks.as_positive("scale", self.scale)

    def network(self, x: Features) -> Features:
        options = {"precision": self.precision, "dtype": self.dtype}
        kernel_init = init.fan_in_uniform()
        bias_init = init.uniform(streams.width(x) ** -0.5)
        u = Affine(self.width, kernel_init, bias_init, name="gabor_0", **options)(x)
        h = self._wavelet(u)
        for i in range(1, self.depth + 1):
            u, v = _ComplexAffine(self.width, name=f"gabor_{i}", **options)(h)
            damping = streams.pointwise(self._damping, v)
            damping = streams.concatenate([damping, damping])
            h = streams.multiply(damping, self._wavelet(u))
        return Affine(self.features, name="linear", **options)(h)

    def _wavelet(self, u: Features) -> Features:
        """exp(i omega u - s^2 u^2) of real u: real parts, then imaginary parts."""

        def real(u: Array) -> Array:
            return cosine(self.omega * u) * _gauss(self.scale, u)

        def imaginary(u: Array) -> Array:
            return sine(self.omega * u) * _gauss(self.scale, u)

        parts = [streams.pointwise(part, u) for part in (real, imaginary)]
        return streams.concatenate(parts)

    def _damping(self, v: Array) -> Array:
        return jnp.exp(-v * (self.omega + self.scale**2 * v))


class _ComplexAffine(nn.Module):
    """z = h W + b, all complex; h is the concatenation of real and imaginary parts."""

    features: int
    precision: str | None
    dtype: DTypeLike | None

    @nn.compact
    def __call__(self, h: Features) -> tuple[Features, Features]:
        fan_in = streams.width(h) // 2
        shape, f32 = (fan_in, self.features), jnp.float32
        kernel_init, bias_init = init.fan_in_uniform(), init.uniform(fan_in**-0.5)
        real = self.param("kernel_real", kernel_init, shape, f32)
        imaginary = self.param("kernel_imaginary", kernel_init, shape, f32)
        bias_real = self.param("bias_real", bias_init, shape[1:], f32)
        bias_imaginary = self.param("bias_imaginary", bias_init, shape[1:], f32)
        affine = functools.partial(
            streams.affine, h, precision=self.precision, dtype=self.dtype
        )
        u = affine(jnp.concatenate([real, -imaginary]), bias_real)
        v = affine(jnp.concatenate([imaginary, real]), bias_imaginary)
        return u, v


def _gauss(scale: float, z: Array) -> Array:
    return jnp.exp(-jnp.square(scale * z))


def _finer(omega: float, z: Array) -> Array:
    """sin((|z| / omega + 1) z), the activation of FINER at z / omega."""
    return sine((jnp.abs(z) / omega + 1) * z)
