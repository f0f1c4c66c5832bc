"""A field as a StableHLO program, which runs without this library.

The bytes are what `jax.export` serializes, followed by their SHA-256 of 32 bytes: the
program parser trusts what it is given, and a damaged program could end the process.
JAX alone reads them too, since it ignores what follows its own part:

    field = jax.export.deserialize(bytearray(data)).call    # float32 [n, d] -> [n, k]
"""

import hashlib
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import export

from inr import _checks
from inr._typing import Array, ArrayLike, Field
from inr.fields.base import BoundField

_PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
_DIGEST = hashlib.sha256().digest_size


def to_stablehlo(
    field: Field,
    *,
    ndim: int | None = None,
    platforms: Sequence[str] = ("cpu", "cuda", "tpu"),
) -> bytes:
    """The program of a field with its parameters, for any number of points.

    Any family, and any function of coords that JAX can trace. JAX keeps such programs
    readable for at least half a year of its releases; keep the field itself with
    `save_field`. Needs flatbuffers: `pip install "inr[export]"`.

    Args:
      field: maps coords `[n, d]` to features `[n, k]`.
      ndim: number of coords axes, d. A `BoundField` of a family of the library knows
        it; other fields do not.
      platforms: where the program is to run: some of "cpu", "cuda", "rocm", "tpu".

    Returns:
      The program, for `from_stablehlo`. Write it with `pathlib.Path.write_bytes`.

    Raises:
      TypeError: if `field` is not a function of coords, such as a model not yet bound.
      ValueError: if `ndim` is missing or not the field's own, the parameters hold NaN
        or infinity, or a platform is not one of these.
      ImportError: if flatbuffers is not installed.
    """
    if isinstance(field, nn.Module) or not callable(field):
        raise TypeError(
            f"`field` must be a function of coords, got {type(field).__name__}. "
            "Bind a model to its params with `bind`."
        )
    if not platforms or not set(platforms) <= set(_PLATFORMS):
        raise _checks.fail("platforms", f"some of {_PLATFORMS}", repr(platforms))
    ndim = _ndim(field, ndim)
    if isinstance(field, BoundField):
        for leaf in jax.tree.leaves(field):
            _checks.check_finite("field", leaf)
    (n,) = export.symbolic_shape("n")
    coords = jax.ShapeDtypeStruct((n, ndim), jnp.float32)
    program = jax.jit(lambda coords: field(coords))
    data = bytes(export.export(program, platforms=tuple(platforms))(coords).serialize())
    return data + hashlib.sha256(data).digest()


def from_stablehlo(data: bytes) -> Field:
    """The field that `to_stablehlo` made a program of.

    Args:
      data: what `to_stablehlo` returned.

    Returns:
      A function of coords `[..., d]`, computed in float32, with features `[..., k]`. It
      goes under `jit`; it has no derivatives.

    Raises:
      TypeError: if `data` is not bytes, such as a path.
      ValueError: if the bytes are not whole. The function it returns raises one for
        coords of another d, or for none at all.
      ImportError: if flatbuffers is not installed.
    """
    if not isinstance(data, bytes):
        raise TypeError(
            f"`data` must be bytes, got {type(data).__name__}. Read a file with "
            "`pathlib.Path(path).read_bytes()`."
        )
    program, digest = data[:-_DIGEST], data[-_DIGEST:]
    if hashlib.sha256(program).digest() != digest:
        raise _checks.fail(
            "data",
            "all the bytes that `to_stablehlo` returned",
            f"{len(data)} bytes without their checksum",
            "They may be truncated or damaged: copy or export them again.",
        )
    exported = export.deserialize(bytearray(program))
    ndim = exported.in_avals[0].shape[-1]
    call = jax.jit(exported.call)

    def field(coords: ArrayLike) -> Array:
        coords = jnp.asarray(coords, jnp.float32)
        if coords.ndim == 0 or coords.shape[-1] != ndim:
            raise _checks.fail("coords", f"[..., {ndim}]", f"shape {coords.shape}")
        _checks.check_not_empty("coords", coords)
        features = call(coords.reshape(-1, ndim))
        return features.reshape(*coords.shape[:-1], -1)

    return field


def _ndim(field: Field, ndim: int | None) -> int:
    """What the field itself knows, else what was given."""
    known = None
    if isinstance(field, BoundField) and "normalization" in field.params:
        known = field.params["normalization"]["coords_scale"].shape[-1]
    ndim = known if ndim is None else ndim
    if ndim is None:
        raise _checks.fail("ndim", "the number of coords axes of this field", "None")
    if known not in (None, ndim):
        raise _checks.fail("ndim", f"{known}, that of the field", repr(ndim))
    return _checks.as_count("ndim", ndim)
