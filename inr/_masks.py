"""The check of a boolean mask that several packages share."""

import numpy as np

from inr import _checks
from inr._typing import ArrayLike


def check_mask(argument: str, mask: ArrayLike, size: tuple[int, ...]) -> None:
    """`mask` must be a bool array of `size` and, where concrete, True somewhere."""
    dtype = getattr(mask, "dtype", type(mask).__name__)
    if dtype != np.bool_:
        fix = "Use `mask > 127`."
        if str(dtype) == "torch.bool":
            fix = "Use `numpy.asarray(mask)`."
        raise _checks.fail(argument, "a bool array", dtype, fix)
    if np.shape(mask) != size:
        raise _checks.fail(argument, f"of shape {size}", f"shape {np.shape(mask)}")
    if _checks.is_concrete(mask) and not np.asarray(mask).any():
        raise _checks.fail(argument, "True somewhere", "an empty mask")
