"""The numbers of a field in the order in which its shaders read them.

All numbers lie in one texture of four float32 per texel. A layer is split into blocks
of four outputs, and each block has the bias (one texel), then W in 4 x 4 blocks, one
texel for each input. Missing inputs and outputs are zeros. Tables of a hash grid
follow, row by row, each from a new texel.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from inr import _checks
from inr.fields import BoundField, HashGrid, ShaderLayer

# Every WebGL 2 device has textures of 2048 x 2048 texels.
_MAX_SIDE = 2048


class PackedLayer(NamedTuple):
    """Place of a layer in the texture.

    Attributes:
      first: index of its first texel.
      inputs: blocks of four inputs.
      outputs: blocks of four outputs.
    """

    first: int
    inputs: int
    outputs: int


class PackedTable(NamedTuple):
    """Place of a table of a hash grid, or of a feature map.

    Attributes:
      first: index of its first number, four for each texel.
      rows: number of rows, or of cells.
    """

    first: int
    rows: int


class Packed(NamedTuple):
    """Contents of the texture.

    Attributes:
      texels: `[n, 4]` float32.
      layers: place of each layer.
      tables: place of each table, or of the feature map.
    """

    texels: np.ndarray
    layers: list[PackedLayer]
    tables: list[PackedTable]


def pack(field: BoundField, layers: Sequence[ShaderLayer]) -> Packed:
    """Pack the layers of a field, and the tables of a hash grid or a feature map.

    Args:
      field: the field.
      layers: its layers, from `page_layers`.

    Returns:
      The texels, and the places of layers and tables.

    Raises:
      ValueError: if they exceed the texture that every device has.
    """
    parts, places, tables, count = [], [], [], 0
    for layer in layers:
        blocks = _blocks(layer)
        outputs, rows, _ = blocks.shape
        places.append(PackedLayer(count, rows // 4, outputs))
        parts.append(blocks.reshape(-1, 4))
        count += outputs * rows
    for table in _tables(field):
        tables.append(PackedTable(4 * count, len(table)))
        numbers = np.pad(table.ravel(), (0, -table.size % 4))
        parts.append(numbers.reshape(-1, 4))
        count += numbers.size // 4
    blocks = max(max(place.inputs, place.outputs) for place in places)
    if count > _MAX_SIDE**2 or blocks > _MAX_SIDE:
        raise _checks.fail(
            "field",
            f"of at most {4 * _MAX_SIDE**2:,} numbers, in layers at most "
            f"{4 * _MAX_SIDE:,} wide",
            f"{4 * count:,} numbers, and a width of {4 * blocks:,}",
            "Fit a smaller one, or encode a smaller picture.",
        )
    return Packed(np.concatenate(parts), places, tables)


def _tables(field: BoundField) -> list[np.ndarray]:
    """Tables of a hash grid, or the cells of a feature map, in whole texels."""
    if field.feature_map is not None:
        cells = np.asarray(field.feature_map, np.float32)
        cells = cells.reshape(-1, cells.shape[-1])
        return [np.pad(cells, ((0, 0), (0, -cells.shape[-1] % 4)))]
    if not isinstance(field.model, HashGrid):
        return []
    levels = range(field.model.levels)
    arrays = field.params["params"]
    return [np.asarray(arrays[f"table_{level}"], np.float32) for level in levels]


def _blocks(layer: ShaderLayer) -> np.ndarray:
    """`[outputs / 4, 1 + inputs, 4]`: the bias, then a texel for each input."""
    rows, columns = (-n % 4 for n in layer.kernel.shape)
    kernel = np.pad(layer.kernel, ((0, rows), (0, columns)))
    bias = np.pad(layer.bias, (0, columns)).reshape(-1, 1, 4)
    kernel = kernel.reshape(len(kernel), -1, 4).swapaxes(0, 1)
    return np.concatenate([bias, kernel], axis=1)
