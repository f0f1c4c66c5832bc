"""SIREN: sine layers with a principled initialization [Sitzmann et al. 2020]."""

import functools

from jax.typing import DTypeLike

from inr import _checks
from inr._registry import register
from inr.fields import init, streams
from inr.fields.base import FieldModule
from inr.fields.layers import Affine, per_layer
from inr.fields.sine import sine
from inr.fields.streams import Features


@register("Siren")
class Siren(FieldModule):
    """A multilayer perceptron whose activations are sin(omega (x W + b)).

    `Siren(features=1, width=256, depth=3)` on 2-D coords has 198,401 parameters.

    Attributes:
      features: output features, k.
      width: units of every hidden layer.
      depth: width-to-width sine layers after the first sine layer.
      omega: frequency factor of the first layer. It sets the bandwidth: see
        `suggest_omega`.
      hidden_omega: frequency factor of the later sine layers, one number or one for
        each of the `depth` layers. It scales gradients, not activations.
      precision: precision of matrix products, as in `jax.lax.dot_general`. The default
        computes float32 products in float32 on accelerators too; `"default"` trades
        accuracy for speed there.
      dtype: dtype of the inputs of matrix products, such as `jnp.bfloat16`. None uses
        the widest dtype of coords and parameters. Sines are computed in float32 or
        wider.
    """

    width: int = 256
    depth: int = 3
    omega: float = 30.0
    hidden_omega: float | tuple[float, ...] = 30.0
    precision: str | None = "highest"
    dtype: DTypeLike | None = None

    @property
    def default_learning_rate(self) -> float:
        """Peak rate of the default optimizer: 2e-3 at width 256, higher if narrower."""
        return 2e-3 * min((256 / self.width) ** 0.5, 2.0)

    def __post_init__(self):
        super().__post_init__()
        _checks.as_positive("omega", self.omega)
        per_layer("hidden_omega", self.hidden_omega, self.depth)

    def network(self, x: Features) -> Features:
        affine = functools.partial(Affine, precision=self.precision, dtype=self.dtype)
        first = affine(
            self.width,
            kernel_init=init.sine_first(),
            bias_init=init.sine_phase(self.omega),
            factor=self.omega,
            name="sine_0",
        )
        x = streams.pointwise(sine, first(x))
        omega = self.omega
        hidden = per_layer("hidden_omega", self.hidden_omega, self.depth)
        for i, omega in enumerate(hidden, start=1):
            kernel_init = init.sine_hidden(omega)
            layer = affine(self.width, kernel_init, factor=omega, name=f"sine_{i}")
            x = streams.pointwise(sine, layer(x))
        return affine(self.features, init.sine_hidden(omega), name="linear")(x)
