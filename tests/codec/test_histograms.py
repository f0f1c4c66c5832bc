import numpy as np
import pytest

from inr.codec.histograms import (
    TOTAL,
    Table,
    frequencies,
    num_bits,
    pack_table,
    unpack_tables,
)

TABLE = Table(8, -0.5, 0.25, np.array([3, 0, 200, 2**40]))


@pytest.mark.parametrize(
    "counts",
    [[1, 1], [0, 1], [10**12, 0], [0, 0, 7, 0], [5, 1, 90, 4], [1] * 1024],
    ids=str,
)
def test_frequencies_are_positive_bounded_and_sum_to_the_total(counts):
    result = frequencies(np.array(counts))
    assert result.sum() == TOTAL
    assert result.min() >= 1
    assert result.max() <= TOTAL * 7 / 8


def test_frequencies_are_those_of_the_counts():
    counts = np.random.default_rng(0).integers(1000, 2000, 64)
    np.testing.assert_allclose(
        frequencies(counts) / TOTAL, counts / counts.sum(), atol=64 / TOTAL
    )


@pytest.mark.parametrize("counts", [[9], [10**9, 0], [10**6] + [0] * 1023], ids=len)
def test_a_value_takes_bits_so_that_memory_is_bounded(counts):
    counts = np.array(counts)
    bits = counts.size.bit_length() - 1
    table = Table(max(bits, 1), 0.0, 1.0, counts)
    assert num_bits(table) > table.num_values * 8 / 48


def test_tables_round_trip():
    other = Table(2, 1.0, 0.0, np.array([5]))
    data = pack_table(TABLE) + pack_table(other)
    tables = unpack_tables(data, [2**40 + 203, 5])
    for table, back in zip((TABLE, other), tables, strict=True):
        assert back[:3] == table[:3]
        np.testing.assert_array_equal(back.counts, table.counts)


def test_the_layout_is_the_documented_one():
    data = pack_table(Table(5, 0.0, 0.0, np.array([1, 300])))
    assert list(data[:2]) == [5, 1]
    assert list(data[18:]) == [1, 0x80 | (300 & 0x7F), 300 >> 7]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda data: data[:-1], "bytes of tables"),
        (lambda data: data[:10], "bytes of tables"),
        (lambda data: data + b"\0", "another length"),
        (lambda data: b"\x11" + data[1:], "17 bits"),
        (lambda data: b"\0" + data[1:], "0 bits"),
        (lambda data: data[:1] + b"\x09" + data[2:], r"2\^9 bins"),
        (lambda data: data[:2] + np.float64(np.nan).tobytes() + data[10:], "step"),
        (lambda data: data[:10] + np.float64(-1).tobytes() + data[18:], "step -1"),
        (lambda data: data[:18] + b"\x04" + data[19:], "values for"),
        (lambda data: data[:18] + b"\xff" * 10, "63 bits"),
    ],
)
def test_hostile_tables_are_refused(change, text):
    with pytest.raises(ValueError, match=f"`data`.*{text}"):
        unpack_tables(change(pack_table(TABLE)), [2**40 + 203])
