"""Tensors as integers of a few bits, and the integers as symbols of a range coder.

Notation. A value is low + step * code with codes from 0 to 2^bits - 1. The leading
bits of a code are the number of its bin, of 2^m equal bins, and the others its offset
in the bin. A bin has the frequency that it has in the tensor, which the file holds, and
offsets are uniform. So the code fits values of any distribution, such as the nearly
uniform weights of a SIREN and the peaked tables of a hash grid.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from inr import _checks
from inr.codec.histograms import (
    MAX_LOG2_BINS,
    TOTAL,
    Table,
    damaged,
    frequencies,
    num_bits,
)
from inr.codec.laplace import range_coding

_VALUES_AT_ONCE = 2**20


def quantize(values: np.ndarray, bits: int) -> tuple[Table, np.ndarray]:
    """Codes of the nearest representable values.

    Args:
      values: `[n]` float64, finite, with n of at least 1.
      bits: of a code. All values equal to each other take 1 bit.

    Returns:
      The table, with as many bins as make the file smallest, and the codes `[n]` int32.

    Raises:
      ValueError: if the range of the values is not finite.
    """
    low, high = float(values.min()), float(values.max())
    largest = 2**bits - 1
    step = (high - low) / largest
    if not math.isfinite(step):
        got = f"weights from {low:g} to {high:g}"
        raise _checks.fail("field", "of weights with a finite range", got)
    if step == 0:
        bits, codes = 1, np.zeros(values.size, np.int32)
    else:
        codes = np.rint((values - low) / step).clip(0, largest).astype(np.int32)
    finest = min(bits, MAX_LOG2_BINS)
    counts = np.bincount(codes >> (bits - finest), minlength=2**finest)
    candidates = (counts.reshape(2**m, -1).sum(1) for m in range(finest + 1))
    tables = [Table(bits, low, step, x) for x in candidates]
    return min(tables, key=num_bits), codes


def restore(table: Table, codes: np.ndarray) -> np.ndarray:
    """Values `[n]` float64 of codes `[n]`."""
    return table.low + table.step * codes


def encode_codes(stream: Any, table: Table, codes: np.ndarray) -> None:
    """Write the codes of a tensor to a range encoder of constriction."""
    bin_model, offset_model = _models(table)
    for part in _parts(table.num_values):
        if bin_model is not None:
            stream.encode(codes[part] >> table.offset_bits, bin_model)
        if offset_model is not None:
            stream.encode(codes[part] & (2**table.offset_bits - 1), offset_model)


def decode_codes(stream: Any, table: Table) -> Iterator[tuple[slice, np.ndarray]]:
    """Read what `encode_codes` wrote, in parts that need little memory.

    Yields:
      The place of a part in the tensor, and its codes.

    Raises:
      ValueError: if no encoder writes the data.
    """
    bin_model, offset_model = _models(table)
    for part in _parts(table.num_values):
        count = part.stop - part.start
        codes = np.zeros(count, np.int32)
        try:
            if bin_model is not None:
                codes += stream.decode(bin_model, count) << table.offset_bits
            if offset_model is not None:
                codes += stream.decode(offset_model, count)
        except AssertionError:  # constriction's error for such data
            raise damaged("codes that no encoder writes") from None
        yield part, codes


def _models(table: Table) -> tuple[Any, Any]:
    """Models of constriction for bins and offsets; None for no bits."""
    model = range_coding().model
    bins = offsets = None
    if table.counts.size > 1:
        probabilities = frequencies(table.counts) / TOTAL  # exact
        bins = model.Categorical(probabilities, perfect=False)
    if table.offset_bits > 0:
        offsets = model.Uniform(2**table.offset_bits)
    return bins, offsets


def _parts(n: int) -> Iterator[slice]:
    for start in range(0, n, _VALUES_AT_ONCE):
        yield slice(start, min(start + _VALUES_AT_ONCE, n))
