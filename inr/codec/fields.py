"""`encode_field` and `field_info`: any field as bytes, and what the bytes say."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import traverse_util

from inr import _checks, _metadata
from inr._metadata import Metadata
from inr._model_arrays import as_arrays, build, check_finite, num_elements
from inr._registry import registered, registered_name
from inr._typing import Size
from inr.codec import field_container
from inr.codec.field_container import SOURCE, FieldParts
from inr.codec.histograms import MAX_BITS
from inr.codec.parameters import decode_arrays, encode_arrays, structs
from inr.fields import (
    BoundField,
    FieldModule,
    check_registered,
    example_inputs,
    stored_error,
)

_MIN_BITS = 2


class EncodedField(NamedTuple):
    """A field as bytes.

    Attributes:
      data: what `decode_field` reads.
      error: root mean square difference between the field and its coded version at 256
        random points of [-1, 1], in the units of the features. Its PSNR, for a peak of
        1, is `-20 * log10(error)`.
    """

    data: bytes
    error: float


class FieldInfo(NamedTuple):
    """What is in a file of `encode_field`.

    Attributes:
      kind: registered name of the field's family.
      size: samples along each axis of the signal, or None.
      num_parameters: elements of the arrays in the collection `params`.
      num_bytes: length of the file.
    """

    kind: str
    size: Size | None
    num_parameters: int
    num_bytes: int


def encode_field(
    field: BoundField, *, bits: int = 8, size: Size | None = None
) -> EncodedField:
    """Compress a field of any family: quantize its weights, and code them.

    Kernels and tables, the arrays of two and more axes in the collection `params`, are
    quantized with one step a tensor and written by a range coder with the histogram of
    the tensor. All other arrays are stored exactly. Kernels of at most 4 rows, which
    are those of the coords, get 4 bits more: a SIREN multiplies their error by the
    frequency of its sines. [Deep compression: Han et al. 2016, arXiv:1510.00149.]

    Args:
      field: of a registered family, the library's or your own; see
        `inr.fields.register`.
      bits: of each quantized weight, from 2 to 16. One more halves the error (6 dB),
        and adds about one bit a weight to the file.
      size: samples along each axis of the signal it was fitted to; see `field_info`.

    Returns:
      An `EncodedField`: the bytes, and the error of the field that `decode_field` reads
      from them.

    Raises:
      TypeError: if `field` is not a `BoundField` of a registered family.
      ValueError: for params of another model, NaN or infinity, or hyperparameters that
        a file cannot hold; see `inr.fields.register`.

    Example:
      >>> import jax, jax.numpy as jnp, inr
      >>> model = inr.Siren(width=32, depth=2)
      >>> params = model.init(jax.random.key(0), jnp.zeros((1, 2)))
      >>> data, error = inr.codec.encode_field(inr.bind(model, params), bits=8)
      >>> inr.codec.decode_field(data)
      BoundField(Siren: 2 -> 1 feature, 2,241 parameters)
    """
    check_registered("field", field)
    bits = _checks.as_count("bits", bits, least=_MIN_BITS, most=MAX_BITS)
    size = None if size is None else _checks.as_size("size", size)
    model, kind = field.model, registered_name(field.model)
    assert kind is not None  # `check_registered` checks it
    arrays = as_arrays(
        model, field.params, example_inputs, argument="field", source=kind
    )
    metadata = _metadata.encode(model, kind, size, num_elements(arrays))
    parts = encode_arrays(metadata, arrays, bits)
    data = field_container.pack(parts)
    trees = ({k: x[None] for k, x in d.items()} for d in (arrays, decode_arrays(parts)))
    return EncodedField(data, float(stored_error(model, *trees)[0]))


def decode_parameters(data: bytes) -> BoundField:
    """The field of a file of `encode_field`.

    Raises:
      TypeError: if `data` is not bytes.
      ValueError: if the file is not of `encode_field`, of a later version, of a family
        that is not registered, or damaged.
    """
    parts = field_container.unpack(data)
    metadata = _metadata_of(parts)
    cls, values = registered(FieldModule)[metadata.kind], metadata.hyperparameters
    options: dict[str, Any] = {"source": SOURCE, "argument": "data"}
    model = build(cls, values, structs(parts), example_inputs, **options)
    arrays = decode_arrays(parts)
    check_finite(arrays, **options)
    params = traverse_util.unflatten_dict(arrays, sep="/")
    return BoundField(model, jax.tree.map(jnp.asarray, params))


def field_info(data: bytes) -> FieldInfo:
    """Facts about a file of `encode_field`, without decoding it.

    Args:
      data: the bytes.

    Returns:
      A `FieldInfo`.

    Raises:
      TypeError: if `data` is not bytes.
      ValueError: if the file is not of `encode_field`, of a later version, of a family
        that is not registered, or damaged.
    """
    parts = field_container.unpack(data)
    metadata = _metadata_of(parts)
    params = {k: x for k, x in structs(parts).items() if k.startswith("params/")}
    return FieldInfo(metadata.kind, metadata.size, num_elements(params), len(data))


def _metadata_of(parts: FieldParts) -> Metadata:
    return _metadata.decode(
        parts.metadata,
        num_elements(structs(parts)),
        source=SOURCE,
        kinds=registered(FieldModule),
        writer="encode_field",
        argument="data",
    )
