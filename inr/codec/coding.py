"""Latents to bytes and back, with a range coder and the entropy model.

The entropy model knows photographs in general. A picture may have broader or narrower
distributions, so each phase of a plane begins with a shift of all indices of scales.
"""

import functools
from collections.abc import Callable, Iterator

import numpy as np

from inr import _checks
from inr._typing import Params, Size
from inr.codec.entropy import grids_of, laplace_bits
from inr.codec.fixed_point import FRACTIONS, NUM_SCALES, FixedPointNetwork, Tables
from inr.codec.laplace import distribution, range_coding, reach, scale_of
from inr.codec.pyramid import (
    LEVELS,
    PHASES,
    HostLatents,
    from_phases,
    grid_sizes,
    planes,
    to_phases,
)

LARGEST_LATENT = 2**14

_SHIFTS = np.arange(-8, 9)
"""What the encoder tries to add to indices of scales."""
_SCALE_OF_SHIFTS = 16
"""Index of the scale, 1, of the distribution of shifts."""

FixedPointNetworks = dict[tuple[int, str], FixedPointNetwork]


def networks(params: Params) -> FixedPointNetworks:
    """The fixed-point networks of an `Entropy`."""
    weights = params["params"]
    result = {(k, "luma"): weights[f"luma_{k}"] for k in range(LEVELS)}
    result |= {(k, "chroma"): weights[f"chroma_{k - 1}"] for k in range(1, LEVELS)}
    return {key: FixedPointNetwork(w, key[0]) for key, w in result.items()}


def encode_latents(model: FixedPointNetworks, latents: HostLatents) -> bytes:
    """Code integer latents.

    Args:
      model: networks of the entropy model.
      latents: whole numbers, at most 2^14 in size.

    Returns:
      Bytes, a multiple of 4.
    """
    stream = range_coding().queue.RangeEncoder()
    h, w = latents[0].shape[:2]
    _traverse(model, (h, w), functools.partial(_encode, stream), latents)
    return stream.get_compressed().astype("<u4").tobytes()


def decode_latents(model: FixedPointNetworks, size: Size, data: bytes) -> HostLatents:
    """The latents of an image `(h, w)` that `encode_latents` coded.

    Raises:
      ValueError: if no encoder writes the data.
    """
    words = np.frombuffer(data, "<u4").astype(np.uint32)
    stream = range_coding().queue.RangeDecoder(words)
    try:
        return _traverse(model, size, functools.partial(_decode, stream), None)
    except AssertionError:  # constriction's error for such data
        got = "latents that no encoder writes"
        raise _checks.fail("data", "an undamaged file of `encode`", got) from None


def _traverse(
    model: FixedPointNetworks,
    size: Size,
    code: Callable[[np.ndarray | None, Tables], np.ndarray],
    latents: HostLatents | None,
) -> HostLatents:
    """Visit all latents in the order of coding; return them.

    Encoder and decoder share this function, so that they see the same context.
    """
    known = [
        np.zeros((*s, planes(k)), np.float32) for k, s in enumerate(grid_sizes(size))
    ]
    for k in reversed(range(LEVELS)):
        shape = known[k].shape[:2]
        cells = to_phases(np.ones((*shape, 1), bool))[..., 0]
        values = None if latents is None else to_phases(np.asarray(latents[k]))
        for kind in ("luma", "chroma")[: 1 if k == 0 else 2]:
            channels = slice(0, 1) if kind == "luma" else slice(1, 3)
            grids = grids_of(tuple(known), k, kind)
            for phase in range(len(PHASES)):
                present = cells[:, :, phase]
                if not present.any():
                    continue
                tables = model[k, kind].tables(grids, phase)
                tables = Tables(*(t[present] for t in tables))
                here = (
                    None if values is None else values[:, :, phase, channels][present]
                )
                grids.own[:, :, phase][present] = code(here, tables)
            known[k][..., channels] = from_phases(grids.own, shape)
    return tuple(known)


def _encode(stream, values: np.ndarray | None, tables: Tables) -> np.ndarray:
    assert values is not None
    shifts = best_shifts(values, tables)
    stream.encode(shifts + reach(_SCALE_OF_SHIFTS), _shift_model())
    integers = values.astype(np.int32).reshape(-1)
    for scale, fraction, places in _groups(_shifted(tables, shifts)):
        far = reach(scale)
        symbols = integers[places] - tables.mean.reshape(-1)[places] // FRACTIONS + far
        escapes = (symbols < 0) | (symbols > 2 * far)
        symbols[escapes] = 2 * far + 1
        stream.encode(symbols, distribution(scale, fraction))
        if escapes.any():
            stream.encode(integers[places][escapes] + LARGEST_LATENT, _escape_model())
    return values


def _decode(stream, values: np.ndarray | None, tables: Tables) -> np.ndarray:
    del values
    shifts = stream.decode(_shift_model(), tables.mean.shape[-1])
    shifts = shifts - reach(_SCALE_OF_SHIFTS)
    result = np.zeros(tables.mean.shape, np.int32)
    for scale, fraction, places in _groups(_shifted(tables, shifts)):
        far = reach(scale)
        symbols = stream.decode(distribution(scale, fraction), places.size)
        numbers = symbols - far + tables.mean.reshape(-1)[places] // FRACTIONS
        escapes = symbols == 2 * far + 1
        if escapes.any():
            numbers[escapes] = (
                stream.decode(_escape_model(), escapes.sum()) - LARGEST_LATENT
            )
        result.reshape(-1)[places] = numbers
    return result


def best_shifts(values: np.ndarray, tables: Tables) -> np.ndarray:
    """The shift of each plane `[n]` that takes the fewest bits, its own included.

    Args:
      values: latents `[count, n]`.
      tables: their distributions before the shift.
    """
    mean = tables.mean / FRACTIONS
    own = laplace_bits(_SHIFTS, 0.0, scale_of(_SCALE_OF_SHIFTS))
    bits = [
        laplace_bits(values, mean, scale_of(_shifted(tables, shift).scale)).sum(0)
        for shift in _SHIFTS
    ]
    return _SHIFTS[(np.stack(bits) + own[:, None]).argmin(0)].astype(np.int32)


def _shifted(tables: Tables, shifts: np.ndarray | np.integer) -> Tables:
    return tables._replace(scale=np.clip(tables.scale + shifts, 0, NUM_SCALES - 1))


def _shift_model():
    return distribution(_SCALE_OF_SHIFTS, 0)


def _escape_model():
    return range_coding().model.Uniform(2 * LARGEST_LATENT)


def _groups(tables: Tables) -> Iterator[tuple[int, int, np.ndarray]]:
    """Scale, fraction and flat positions of the latents that share a distribution."""
    key = (tables.scale * FRACTIONS + tables.mean % FRACTIONS).reshape(-1)
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    for places in np.split(order, starts[1:]) if order.size else ():
        scale, fraction = divmod(int(key[places[0]]), FRACTIONS)
        yield scale, fraction, places
