"""Which levels of a schedule a sampler visits, as ascending indices.

Contract: whole numbers in, a NumPy array of distinct ascending indices out. A sampler
visits them from the last to the first.
"""

from collections.abc import Sequence

import numpy as np

from inr import _checks

SPACINGS = ("trailing", "leading", "linspace", "quadratic")


def spaced_levels(
    num_levels: int, num_steps: int, *, spacing: str = "trailing"
) -> np.ndarray:
    """Levels spread over a schedule by one of the usual rules.

    Args:
      num_levels: T, the length of the schedule.
      num_steps: n, how many to visit, at most T.
      spacing: "trailing" goes down from T - 1 in steps of T / n and so starts from the
        most noise [Lin et al. 2024, table 2]; "leading" is 0, T // n, 2 (T // n), ...;
        "linspace" has both ends; "quadratic" is (i c)^2 up to 0.8 T [Song et al. 2021,
        arXiv:2010.02502, appendix D.2].

    Returns:
      `[num_steps]`, ascending.

    Raises:
      ValueError: for counts or a spacing that do not fit.
    """
    T = _checks.as_count("num_levels", num_levels)
    n = _checks.as_count("num_steps", num_steps)
    _checks.check_choice("spacing", spacing, SPACINGS)
    if n > T:
        raise _checks.fail("num_steps", f"at most the {T} levels there are", n)
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
    """The last level, every k-th from level 1 upward, and level 0.

    Args:
      num_levels: T, the length of the schedule.
      stride: k; 1 visits all levels.

    Returns:
      Ascending indices. The first jump down from T - 1 is the irregular one.

    Raises:
      ValueError: for counts below 1.
    """
    T = _checks.as_count("num_levels", num_levels)
    stride = _checks.as_count("stride", stride)
    levels = {0, *range(1, T - 1, stride), T - 1}
    return np.array(sorted(levels), np.int32)


def section_levels(num_levels: int, sections: str | Sequence[int]) -> np.ndarray:
    """Levels by equal sections of the schedule, each with a count of its own.

    The respacing of guided-diffusion [Nichol and Dhariwal 2021].

    Args:
      num_levels: T, the length of the schedule.
      sections: counts such as `(10, 15, 20)` or `"10,15,20"`, from the clean end; or
        `"ddim25"` for 25 levels 0, k, 2k, ... with the only whole stride that has them.

    Returns:
      Ascending indices.

    Raises:
      ValueError: for a text that is none of these, a section shorter than its count, or
        a "ddim" count that no whole stride gives.
    """
    T = _checks.as_count("num_levels", num_levels)
    form = 'counts such as (10, 15, 20), "10,15,20" or "ddim25"'
    try:
        if isinstance(sections, str) and sections.startswith("ddim"):
            return _whole_stride(T, _checks.as_count("sections", int(sections[4:])))
        counts = sections.split(",") if isinstance(sections, str) else sections
        counts = [int(count) for count in counts]
    except (TypeError, ValueError) as error:
        if "`sections`" in str(error):
            raise
        raise _checks.fail("sections", form, repr(sections)) from None
    if not counts:
        raise _checks.fail("sections", form, repr(sections))
    lengths = [T // len(counts) + (i < T % len(counts)) for i in range(len(counts))]
    found, start = [], 0
    for count, length in zip(counts, lengths, strict=True):
        if not 1 <= count <= length:
            raise _checks.fail("sections", f"counts from 1 to {length}", count)
        stride = (length - 1) / (count - 1) if count > 1 else 1
        found += [start + round(i * stride) for i in range(count)]
        start += length
    return np.array(found, np.int32)


def _whole_stride(T: int, count: int) -> np.ndarray:
    for stride in range(1, T + 1):
        if len(range(0, T, stride)) == count:
            return np.arange(0, T, stride, dtype=np.int32)
    raise _checks.fail("sections", f"a count that a whole stride of {T} gives", count)
