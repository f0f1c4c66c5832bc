"""Histograms of codes, which are the tables of their range coder.

See `inr.codec.quantization` for the notation.
"""

import struct
from typing import NamedTuple

import numpy as np

from inr import _checks

MAX_BITS = 16
MAX_LOG2_BINS = 10
TOTAL = 2**20
"""Sum of the frequencies of all bins."""

VALUES_PER_BYTE = 48
"""The most values that a byte of the range coder stands for; see `frequencies`."""

_MAX_FREQUENCY = TOTAL * 7 // 8
_HEADER = struct.Struct("<BBdd")
_MAX_VARINT_BYTES = 9


class Table(NamedTuple):
    """What decodes the codes of a tensor.

    Attributes:
      bits: of a code, from 1 to 16.
      low: value of the code 0.
      step: difference of the values of neighboring codes.
      counts: `[2^m]`, numbers of codes in each bin.
    """

    bits: int
    low: float
    step: float
    counts: np.ndarray

    @property
    def num_values(self) -> int:
        """Number of codes."""
        return int(self.counts.sum())

    @property
    def offset_bits(self) -> int:
        """Bits of the offset in a bin."""
        return self.bits - self.counts.size.bit_length() + 1


def num_bits(table: Table) -> float:
    """Length of a table and its codes in the file, in bits."""
    bits = float(8 * len(pack_table(table)) + table.num_values * table.offset_bits)
    if table.counts.size > 1:
        probabilities = frequencies(table.counts) / TOTAL
        bits -= float(table.counts @ np.log2(probabilities))
    return bits


def frequencies(counts: np.ndarray) -> np.ndarray:
    """Integers that sum to 2^20, in the ratio of counts `[k]`, with k of at least 2.

    They are computed by integer arithmetic, and are therefore equal on every machine.
    Each is at least 1, and at most 7/8 of the sum. So a value takes at least 1/6 bit,
    and the memory of a decoder is in proportion to the file.
    """
    k, n = counts.size, int(counts.sum())
    result = 1 + counts.astype(np.int64) * (TOTAL - k) // n
    largest = result.argmax()
    result[largest] += TOTAL - result.sum()
    excess = int(result[largest]) - _MAX_FREQUENCY
    if excess > 0:
        result += excess // (k - 1)
        result[largest] = _MAX_FREQUENCY
        result[0 if largest else 1] += TOTAL - result.sum()
    return result


def pack_table(table: Table) -> bytes:
    """Bytes of a table: bits, m, low, step, and the counts as LEB128 numbers.

    Without bins there is one count, the number of values.
    """
    m = table.counts.size.bit_length() - 1
    header = _HEADER.pack(table.bits, m, table.low, table.step)
    return header + b"".join(map(_varint, table.counts.tolist()))


def unpack_tables(data: bytes, sizes: list[int]) -> list[Table]:
    """Tables of tensors with some numbers of values.

    Raises:
      ValueError: if the tables are not valid or have other numbers of values.
    """
    tables, start = [], 0
    for size in sizes:
        if start + _HEADER.size > len(data):
            raise damaged(f"{len(data)} bytes of tables")
        bits, m, low, step = _HEADER.unpack_from(data, start)
        is_valid = 1 <= bits <= MAX_BITS and m <= min(bits, MAX_LOG2_BINS)
        if not (is_valid and np.isfinite([low, step]).all() and step >= 0):
            raise damaged(f"a table of {bits} bits, 2^{m} bins and the step {step}")
        counts, start = _counts(data, start + _HEADER.size, 2**m)
        if sum(counts) != size:
            raise damaged(f"a table of {sum(counts)} values for {size}")
        tables.append(Table(bits, low, step, np.array(counts, np.int64)))
    if start != len(data):
        raise damaged("tables of another length")
    return tables


def damaged(got: str) -> ValueError:
    """Error for a file that is not what `encode_field` wrote."""
    return _checks.fail("data", "an undamaged file of `encode_field`", got)


def _varint(number: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first; all but the last byte have bit 7."""
    result = bytearray()
    while number >= 0x80:
        result.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*result, number])


def _counts(data: bytes, start: int, count: int) -> tuple[list[int], int]:
    """Numbers of LEB128, and where the data go on."""
    numbers = []
    for _ in range(count):
        number = 0
        for i in range(_MAX_VARINT_BYTES):
            if start >= len(data):
                raise damaged(f"{len(data)} bytes of tables")
            byte = data[start]
            start += 1
            number |= (byte & 0x7F) << 7 * i
            if byte < 0x80:
                break
        else:
            raise damaged("a count of more than 63 bits")
        numbers.append(number)
    return numbers, start
