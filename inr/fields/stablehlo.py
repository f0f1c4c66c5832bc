"""A field as a StableHLO program, which runs without this library.

The bytes are a program serialized by `jax.export`, followed by its SHA-256 of 32 bytes.
JAX can read the bytes without this library, because it ignores the checksum:

    field = jax.export.deserialize(bytearray(data)).call    # float32 [n, d] -> [n, k]

The bytes are code. To load and call a program from a stranger is to run the stranger's
program: it can take any time and memory, and the parser does not validate its input.
The checksum detects damage, such as a truncated download, but not malice, because
everyone can compute it. Use `inr.load_field` for files that you do not trust; they hold
numbers only.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal, get_args

import jax
import jax.numpy as jnp
from jax import export

from inr import _checks
from inr._field_checks import check_field
from inr._typing import Array, ArrayLike, Field
from inr.fields.bound import BoundField

Platform = Literal["cpu", "cuda", "rocm", "tpu"]

_DIGEST = hashlib.sha256().digest_size


def to_stablehlo(
    field: Field,
    *,
    ndim: int | None = None,
    platforms: Sequence[Platform] = ("cpu", "cuda", "tpu"),
) -> bytes:
    """Export a field with its parameters as a program for any number of points.

    The field can be of any family, or any function of coords that JAX can trace. JAX
    keeps such programs readable for at least half a year of its releases, so archive
    the field itself with `save_field`. Needs flatbuffers: `pip install "inr[export]"`.

    Args:
      field: maps coords `[n, d]` to features `[n, k]`.
      ndim: number of coords axes, d. Required unless the field is a `BoundField` of a
        field family.
      platforms: platforms that run the program: some of "cpu", "cuda", "rocm", "tpu".

    Returns:
      The program, for `from_stablehlo`. Write it with `pathlib.Path.write_bytes`.

    Raises:
      TypeError: if `field` is not a function of coords, such as an unbound model.
      ValueError: if `ndim` is missing or differs from that of the field, the parameters
        contain NaN or infinity, or a platform is unknown.
      ImportError: if flatbuffers is not installed.
    """
    check_field(field)
    choices = get_args(Platform)
    if not isinstance(platforms, tuple | list) or not platforms:
        raise _checks.fail("platforms", f"some of {choices}", repr(platforms))
    for platform in platforms:
        _checks.check_choice("platforms", platform, choices)
    ndim = _ndim(field, ndim)
    if isinstance(field, BoundField):
        for leaf in jax.tree.leaves(field):
            _checks.check_finite("field", leaf)
    (n,) = export.symbolic_shape("n")
    coords = jax.ShapeDtypeStruct((n, ndim), jnp.float32)
    program = jax.jit(lambda coords: field(coords))
    features = jax.eval_shape(program, coords)
    shape = getattr(features, "shape", None)
    if shape is None or len(shape) != 2 or shape[0] != n:
        got = type(features).__name__ if shape is None else f"shape {shape}"
        raise _checks.fail("field", "a map of coords [n, d] to features [n, k]", got)
    data = bytes(export.export(program, platforms=tuple(platforms))(coords).serialize())
    return data + hashlib.sha256(data).digest()


def from_stablehlo(data: bytes) -> Field:
    """Load a program that `to_stablehlo` exported. Load only programs that you trust.

    A program is code: a file from a stranger can do what any program can. Share a field
    by `save_field` instead, whose files hold numbers only.

    Args:
      data: the bytes that `to_stablehlo` returned, from a source that you trust.

    Returns:
      A function that maps coords `[..., d]` to features `[..., k]` in float32. It can
      be used under `jit` but not differentiated.

    Raises:
      TypeError: if `data` is not bytes, such as a path.
      ValueError: if the bytes are damaged. The returned function raises it for coords
        of another d and for empty coords.
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
            f"{len(data)} bytes with another checksum",
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
    """Number of coords axes: stored in the field, or else given by the caller."""
    stored = None
    if isinstance(field, BoundField) and "normalization" in field.params:
        stored = field.params["normalization"]["coords_scale"].shape[-1]
    ndim = stored if ndim is None else ndim
    if ndim is None:
        raise _checks.fail("ndim", "the number of coords axes of this field", "None")
    ndim = _checks.as_count("ndim", ndim)
    if stored not in (None, ndim):
        raise _checks.fail("ndim", f"{stored}, as in the field", repr(ndim))
    return ndim
