import numpy as np
import pytest

pytest.importorskip("constriction")

from inr.codec import quantization
from inr.codec.histograms import num_bits, pack_table
from inr.codec.laplace import range_coding
from inr.codec.quantization import decode_codes, encode_codes, quantize, restore

RNG = np.random.default_rng(0)
TENSORS = {
    "uniform": RNG.uniform(-1, 1, 20_000),
    "normal": RNG.normal(0, 1e-3, 20_000),
    "peaked": RNG.laplace(0, 1, 20_000),
    "heavy": RNG.laplace(0, 1, 20_000) ** 3,
    "two": RNG.integers(0, 2, 20_000) * 3.0,
    "rare": (RNG.uniform(0, 1, 20_000) < 1e-4) * 1.0,
    "constant": np.full(500, -7.25),
    "one": np.array([1e-300]),
    "far": 1e6 + RNG.uniform(0, 1e-3, 300),
}


def encoded(table, codes):
    stream = range_coding().queue.RangeEncoder()
    encode_codes(stream, table, codes)
    return stream.get_compressed()


def decoded(words, table):
    stream = range_coding().queue.RangeDecoder(words)
    return np.concatenate([codes for _, codes in decode_codes(stream, table)])


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize("bits", [2, 5, 8, 12, 16])
def test_codes_round_trip_and_differ_by_at_most_half_a_step(name, bits):
    values = TENSORS[name]
    table, codes = quantize(values, bits)
    assert codes.min() >= 0
    assert codes.max() < 2**table.bits
    np.testing.assert_array_equal(decoded(encoded(table, codes), table), codes)
    error = np.abs(restore(table, codes) - values).max()
    assert error <= table.step / 2 * (1 + 1e-6) + 1e-15 * np.abs(values).max()


def entropy_bits(codes):
    counts = np.bincount(codes)
    counts = counts[counts > 0]
    return -(counts * np.log2(counts / codes.size)).sum()


@pytest.mark.parametrize("name", ["uniform", "normal", "peaked"])
@pytest.mark.parametrize("bits", [4, 8])
def test_the_size_is_near_the_entropy(name, bits):
    table, codes = quantize(TENSORS[name], bits)
    size = 8 * encoded(table, codes).nbytes + 8 * len(pack_table(table))
    assert size == pytest.approx(num_bits(table), rel=1e-3, abs=64)
    assert size < 1.03 * entropy_bits(codes) + 8 * 40


def test_equal_values_take_a_fifth_of_a_bit():
    table, codes = quantize(np.full(10_000, 3.0), 16)
    assert 8 * encoded(table, codes).nbytes < 0.2 * 10_000 + 64
    assert restore(table, codes[:1]) == 3.0


def test_parts_of_a_tensor_are_the_tensor(monkeypatch):
    table, codes = quantize(TENSORS["normal"], 8)
    monkeypatch.setattr(quantization, "_VALUES_AT_ONCE", 999)
    np.testing.assert_array_equal(decoded(encoded(table, codes), table), codes)


def test_an_infinite_range_is_refused():
    with pytest.raises(ValueError, match="`field`"), np.errstate(over="ignore"):
        quantize(np.array([-1.7e308, 1.7e308]), 8)


def test_data_of_no_encoder_are_refused():
    table, _ = quantize(TENSORS["normal"], 8)
    words = np.full(100, 2**32 - 1, np.uint32)
    with pytest.raises(ValueError, match=r"`data`.*no encoder"):
        decoded(words, table)
