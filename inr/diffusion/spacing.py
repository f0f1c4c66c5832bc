"""Which levels of a schedule a sampler visits, as ascending indices.

Every function takes whole numbers and returns a NumPy array of distinct ascending
indices. A sampler visits them from the last to the first.
"""

import operator
from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np

from inr import _checks

Spacing: TypeAlias = Literal["trailing", "leading", "linspace", "quadratic"]
"""Rules by which `spaced_levels` spreads levels over a schedule."""

_SECTIONS = 'counts such as (10, 15, 20), "10,15,20" or "ddim25"'


def spaced_levels(
    num_levels: int, num_steps: int, *, spacing: Spacing = "trailing"
) -> np.ndarray:
    """Levels spread over a schedule by one of the usual rules.

    Args:
      num_levels: T, the length of the schedule.
      num_steps: n, the number of levels to visit, at most T.
      spacing: "trailing" starts at T - 1, the highest noise level, and goes down in
        steps of T / n [Lin et al. 2024, table 2]; "leading" is 0, T // n, 2 (T // n),
        ...; "linspace" includes both ends; "quadratic" is (i c)^2 up to 0.8 T [Song et
        al. 2021, arXiv:2010.02502, appendix D.2].

    Returns:
      `[num_steps]`, ascending.

    Raises:
      ValueError: if a count is below 1, `num_steps` is above `num_levels`, the rule is
        unknown, or the rule gives equal levels.
    """
    T = _checks.as_count("num_levels", num_levels)
    n = _checks.as_count("num_steps", num_steps)
    check_spacing(spacing)
    if n > T:
        raise _checks.fail("num_steps", f"at most the number of levels, {T}", n)
    if spacing == "trailing":
        levels = np.round(T - np.arange(n) * (T / n))[::-1] - 1
    elif spacing == "leading":
        levels = np.arange(n) * (T // n)
    elif spacing == "linspace":
        levels = np.round(np.linspace(0, T - 1, n))
    else:
        levels = np.floor(0.8 * T * np.linspace(0, 1, n) ** 2)
    if len(np.unique(levels)) != n:
        raise _checks.fail(
            "num_steps", f"few enough for distinct {spacing} levels of {T}", n
        )
    return levels.astype(np.int32)


def every_kth_level(num_levels: int, stride: int) -> np.ndarray:
    """The last level, every k-th level from level 1 upward, and level 0.

    Args:
      num_levels: T, the length of the schedule.
      stride: k; 1 visits all levels.

    Returns:
      Ascending indices. The first step down from T - 1 is the irregular one.

    Raises:
      ValueError: if a count is below 1.
    """
    T = _checks.as_count("num_levels", num_levels)
    stride = _checks.as_count("stride", stride)
    levels = {0, *range(1, T - 1, stride), T - 1}
    return np.array(sorted(levels), np.int32)


def section_levels(num_levels: int, sections: str | Sequence[int]) -> np.ndarray:
    """Levels from equal sections of the schedule, with a count for each section.

    This is the respacing of guided-diffusion [Nichol and Dhariwal 2021].

    Args:
      num_levels: T, the length of the schedule.
      sections: counts such as `(10, 15, 20)` or `"10,15,20"`, from the clean end; or
        `"ddim25"` for 25 levels 0, k, 2k, ... with the integer stride k that gives
        exactly 25.

    Returns:
      Ascending indices.

    Raises:
      ValueError: if a string has neither form, a section is shorter than its count, or
        no integer stride gives the "ddim" count.
    """
    T = _checks.as_count("num_levels", num_levels)
    if isinstance(sections, str) and sections.startswith("ddim"):
        digits = sections.removeprefix("ddim")
        if not digits.isdecimal():
            raise _checks.fail("sections", _SECTIONS, repr(sections))
        return _integer_stride_levels(T, int(digits))
    counts = _section_counts(sections)
    lengths = [T // len(counts) + (i < T % len(counts)) for i in range(len(counts))]
    levels, start = [], 0
    for count, length in zip(counts, lengths, strict=True):
        if not 1 <= count <= length:
            raise _checks.fail("sections", f"counts from 1 to {length}", count)
        stride = (length - 1) / (count - 1) if count > 1 else 1
        levels += [start + round(i * stride) for i in range(count)]
        start += length
    return np.array(levels, np.int32)


def check_spacing(spacing: str) -> None:
    """Raise ValueError unless `spacing` is a rule of `spaced_levels`."""
    _checks.check_choice("spacing", spacing, get_args(Spacing))


def _section_counts(sections: str | Sequence[int]) -> list[int]:
    try:
        if isinstance(sections, str):
            counts = [int(count) for count in sections.split(",")]
        else:
            counts = [operator.index(count) for count in sections]
    except (TypeError, ValueError):
        counts = []
    if not counts:
        raise _checks.fail("sections", _SECTIONS, repr(sections))
    return counts


def _integer_stride_levels(T: int, count: int) -> np.ndarray:
    for stride in range(1, T + 1):
        if len(range(0, T, stride)) == count:
            return np.arange(0, T, stride, dtype=np.int32)
    raise _checks.fail(
        "sections", f"a count that an integer stride over {T} levels gives", count
    )
