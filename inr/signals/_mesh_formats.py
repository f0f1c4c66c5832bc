"""Checks of mesh files that trimesh leaves out: what they declare, and what they hold.

trimesh reads fewer rows than an ASCII .ply or an .off file declares, takes index 0 of
an .obj for the last vertex, and allocates arrays for a .glb that hold nothing.
"""

import json
import re
import struct
from collections.abc import Callable

_PLY_ELEMENT = re.compile(rb"^[ \t]*element[ \t]+\S+[ \t]+(\S+)[ \t\r]*$", re.MULTILINE)
_OBJ_INDEX_0 = re.compile(rb"^[ \t]*f[ \t](?:.*[ \t])?[+-]?0+(?:[/ \t\r]|$)", re.M)
_STL_HEADER, _STL_FACE = 84, 50  # bytes
_GLB_MAGIC, _GLB_JSON = b"glTF", b"JSON"


def check_contents(suffix: str, data: bytes) -> None:
    """Raise ValueError if a file holds less than it declares.

    Args:
      suffix: one of `FORMATS`.
      data: contents of the file.
    """
    FORMATS[suffix](data)


def _check_obj(data: bytes) -> None:
    if _OBJ_INDEX_0.search(data):
        raise ValueError("a face has index 0, but the first vertex is 1")


def _check_off(data: bytes) -> None:
    lines = [line.partition(b"#")[0].split() for line in data.splitlines()]
    words = [line for line in lines if line]
    if not words or not words[0][0].upper().endswith(b"OFF"):
        raise ValueError("it does not begin with OFF")
    # The numbers may follow on the same line.
    words[0] = words[0][1:]
    counts, *rows = words if words[0] else words[1:] or [[]]
    num_vertices, num_faces = (int(count) for count in counts[:2])
    _check_rows(num_vertices, num_faces, num_rows=len(rows))
    for row in rows[num_vertices : num_vertices + num_faces]:
        if not 3 <= int(row[0]) < len(row):
            raise ValueError(f"a face declares {int(row[0])} vertices")


def _check_ply(data: bytes) -> None:
    header, separator, body = data.partition(b"end_header")
    if not separator:
        raise ValueError("its header does not end")
    counts = [int(count) for count in _PLY_ELEMENT.findall(header)]
    if re.search(rb"^[ \t]*format[ \t]+ascii", header, re.MULTILINE):
        _check_rows(*counts, num_rows=len(body.split(b"\n", 1)[-1].splitlines()))
    elif any(count < 0 for count in counts):
        raise ValueError("it declares a negative number")


def _check_rows(*counts: int, num_rows: int) -> None:
    if min(counts, default=0) < 0 or sum(counts) > num_rows:
        declared = " and ".join(map(str, counts))
        raise ValueError(f"it declares {declared} rows and has {num_rows}")


def _check_stl(data: bytes) -> None:
    count = int.from_bytes(data[_STL_HEADER - 4 : _STL_HEADER], "little")
    expected = _STL_HEADER + _STL_FACE * count
    is_ascii = b"facet" in data[:4096]  # and declares nothing
    if len(data) != expected and not is_ascii:
        raise ValueError(
            f"it declares {count} faces, {expected} bytes, and has {len(data)} bytes"
        )


def _check_glb(data: bytes) -> None:
    if data[:4] != _GLB_MAGIC or data[16:20] != _GLB_JSON:
        raise ValueError("it does not begin with glTF")
    (length,) = struct.unpack_from("<I", data, 12)
    scene = json.loads(data[20 : 20 + length])
    for accessor in scene.get("accessors", ()):
        if "bufferView" not in accessor:
            raise ValueError(f"it declares {accessor.get('count')} items without data")


FORMATS: dict[str, Callable[[bytes], None]] = {
    ".obj": _check_obj,
    ".off": _check_off,
    ".ply": _check_ply,
    ".stl": _check_stl,
    ".glb": _check_glb,
}
"""Formats that `read_mesh` reads by trimesh, with their checks."""
