"""Tables of Laplace distributions over the integers, equal on every machine.

Probabilities come from decimal arithmetic, which is exact by specification, and are
rounded to multiples of 2^-20.
"""

import decimal
import functools
import itertools
from types import ModuleType
from typing import Any

import numpy as np

from inr.codec.fixed_point import FRACTIONS, SCALES_PER_OCTAVE

_TOTAL = 2**20
_LEAST_EXPONENT = -4


def range_coding() -> ModuleType:
    """The optional `constriction.stream`, or an error with the command to install."""
    try:
        from constriction import stream  # pyright: ignore
    except ImportError:
        raise ImportError(
            'The codec needs constriction: `pip install "inr[codec]"`.'
        ) from None
    return stream


def scale_of(index: Any) -> Any:
    """The scale of an index, 2^(-4 + index / 4)."""
    return 2 ** (_LEAST_EXPONENT + index / SCALES_PER_OCTAVE)


def reach(scale: int) -> int:
    """Largest distance that the table of a scale index holds; others are escapes."""
    return 3 + int(12 * scale_of(scale))


@functools.cache
def distribution(scale: int, fraction: int):
    """Distribution of a latent minus its mean's whole part.

    Args:
      scale: index of the scale, 2^(-4 + index / 4).
      fraction: the mean's fractional part, in sixteenths.

    Returns:
      A model of constriction. Symbol i stands for `i - reach(scale)`, and the last
      symbol for any other number.
    """
    return range_coding().model.Categorical(
        frequencies(scale, fraction) / _TOTAL, perfect=False
    )


def frequencies(scale: int, fraction: int) -> np.ndarray:
    """Integers that sum to 2^20, for each symbol of `distribution`."""
    with decimal.localcontext(decimal.Context(prec=30)):
        b = decimal.Decimal(2) ** (
            decimal.Decimal(scale) / SCALES_PER_OCTAVE + _LEAST_EXPONENT
        )
        shift = decimal.Decimal(fraction) / FRACTIONS
        half = decimal.Decimal("0.5")
        far = reach(scale)
        # The interval that holds the mean is around 0 or around 1.
        center = int(shift >= half)
        above = _tails(center + half - shift, b, far - center + 1)
        below = _tails(shift + half - center, b, far + center + 1)
        masses = [*_falls(below)[::-1], 1 - above[0] - below[0], *_falls(above)]
        masses.append(1 - sum(masses, decimal.Decimal(0)))
        counts = np.array([max(int(mass * _TOTAL + half), 1) for mass in masses])
    # The largest takes what rounding leaves.
    counts[counts.argmax()] += _TOTAL - counts.sum()
    return counts


def _tails(
    distance: decimal.Decimal, b: decimal.Decimal, count: int
) -> list[decimal.Decimal]:
    """Masses beyond `distance`, `distance + 1`, ... on one side of the mean."""
    ratio = (-1 / b).exp()
    first = (-distance / b).exp() / 2
    return list(
        itertools.accumulate(
            range(count - 1), lambda tail, _: tail * ratio, initial=first
        )
    )


def _falls(tails: list[decimal.Decimal]) -> list[decimal.Decimal]:
    return [p - q for p, q in itertools.pairwise(tails)]
