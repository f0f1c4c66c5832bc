"""Random damage to files of every kind: a result, or ValueError or OSError, soon.

A variant is determined by its seed, which a failure names.
"""

import pathlib
import re
import struct
import time
import warnings
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tifffile
from PIL import Image

import inr
from inr.models import LoadedModel, load_model, save_model
from inr.upscaling import Upscaler

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
NUMBERS = [b"0", b"-1", b"1e999", b"NaN", b"4294967295", b"1000000000000", b"null"]
WORDS = [struct.pack("<I", n) for n in (0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1)]


def flip(data, rng):
    """Replace up to eight bytes."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 9)):
        data[rng.integers(len(data))] = rng.integers(256)
    return bytes(data)


def flip_start(data, rng):
    """Replace bytes of the first hundred, which are a header."""
    length = min(100, len(data))
    return flip(data[:length], rng) + data[length:]


def overwrite(data, rng):
    """Write an extreme number in the place of four bytes, in either order."""
    start = rng.integers(max(len(data) - 4, 1))
    word = WORDS[rng.integers(len(WORDS))][:: rng.choice([-1, 1])]
    return data[:start] + word + data[start + 4 :]


def truncate(data, rng):
    return data[: rng.integers(len(data))]


def repeat(data, rng):
    """Write a part twice, or leave it out."""
    start, stop = np.sort(rng.integers(len(data) + 1, size=2))
    return data[:start] + rng.integers(3) * data[start:stop] + data[stop:]


def edit_number(data, rng):
    """Write another number in text, and keep the length of a header right."""
    has_length = data[8:9] == b"{" and data[4:8] == bytes(4)
    body = data[8:] if has_length else data
    numbers = list(re.finditer(rb"\d+(\.\d+)?", body[:4000]))
    if not numbers:
        return flip(data, rng)
    match = numbers[rng.integers(len(numbers))]
    number = NUMBERS[rng.integers(len(NUMBERS))]
    body = body[: match.start()] + number + body[match.end() :]
    if not has_length:
        return body
    (length,) = struct.unpack("<Q", data[:8])
    return struct.pack("<Q", length + len(number) - len(match[0])) + body


DAMAGE = (flip, flip_start, overwrite, truncate, repeat, edit_number)


def zeros(model, *inputs):
    shapes = jax.eval_shape(model.init, jax.random.key(0), *inputs)
    return jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)


def write_field(path):
    model = inr.Siren(width=4, depth=1)
    params = zeros(model, jax.ShapeDtypeStruct((1, 2), jnp.float32))
    inr.save_field(path, inr.bind(model, params), size=(3, 4))


def write_coded_field(path):
    model = inr.Siren(width=4, depth=1)
    params = model.init(jax.random.key(0), jnp.zeros((1, 2)))
    path.write_bytes(inr.codec.encode_field(inr.bind(model, params)).data)


def read_coded_field(path):
    """With the checksum of the damaged data, so that all other checks are reached."""
    data = path.read_bytes()[:-4]
    return inr.codec.decode_field(data + struct.pack("<I", zlib.crc32(data)))


def write_model(path):
    model = Upscaler(width=2, blocks=1, waves=1)
    save_model(path, model, zeros(model, *model.example_inputs()))


def write_tiff(dtype, **options):
    values = RNG.integers(0, 200, (6, 5, 3)).astype(dtype)
    return lambda path: tifffile.imwrite(path, values, photometric="rgb", **options)


def write_pillow(mode, **options):
    image = Image.fromarray(RNG.integers(0, 256, (6, 5, 3)).astype(np.uint8))
    return lambda path: image.convert(mode).save(path, **options)


def write_png16(path):
    inr.write_image(path, RNG.uniform(0, 1, (6, 5, 3)).astype(np.float32), bits=16)


def write_sound(path):
    inr.write_audio(path, RNG.uniform(-1, 1, (40, 2)).astype(np.float32), 8000)


def write_surface(path):
    vertices = RNG.uniform(-1, 1, (4, 3))
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])
    inr.write_mesh(path, inr.signals.Mesh(vertices, faces))


def write_other_surface(path):
    trimesh = pytest.importorskip("trimesh")
    box = trimesh.creation.box()
    options = {"encoding": "ascii"} if path.suffix == ".ply" else {}
    data = box.export(file_type=path.suffix[1:], **options)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def write_points(path):
    np.savetxt(path, RNG.normal(size=(5, 6)))


def image_file(name, write, count=100):
    return pytest.param(inr.read_image, name, write, np.ndarray, count, id=name)


def mesh_file(name, write, id_=None, count=100):
    types = inr.Mesh, inr.PointCloud
    return pytest.param(inr.read_mesh, name, write, types, count, id=id_ or name)


FILES = [
    pytest.param(inr.load_field, "a.safetensors", write_field, tuple, 500, id="field"),
    pytest.param(
        load_model, "a.safetensors", write_model, LoadedModel, 120, id="model"
    ),
    pytest.param(
        read_coded_field, "a.inr", write_coded_field, inr.BoundField, 300, id="coded"
    ),
    image_file("rgb.png", write_pillow("RGB"), 300),
    image_file("palette.png", write_pillow("P", transparency=3), 200),
    image_file("deep.png", write_png16, 300),
    image_file("a.jpg", write_pillow("CMYK")),
    image_file("a.webp", write_pillow("RGBA", lossless=True)),
    image_file("a.gif", write_pillow("P")),
    image_file("a.bmp", write_pillow("RGB")),
    image_file("a.ppm", write_pillow("RGB")),
    image_file("a.jp2", write_pillow("RGB")),
    image_file("a.avif", write_pillow("RGB")),
    image_file("a.tif", write_tiff(np.uint8), 200),
    image_file("deep.tif", write_tiff(np.uint16), 200),
    image_file("tiles.tif", write_tiff(np.uint16, tile=(16, 16), compression="zlib")),
    image_file("planes.tif", write_tiff(np.float32, planarconfig="contig")),
    pytest.param(inr.read_audio, "a.wav", write_sound, tuple, 300, id="a.wav"),
    pytest.param(inr.read_audio, "a.flac", write_sound, tuple, 200, id="a.flac"),
    mesh_file("a.obj", write_surface),
    mesh_file("a.ply", write_surface, "binary.ply"),
    mesh_file("a.ply", write_other_surface, "ascii.ply"),
    mesh_file("a.stl", write_surface),
    mesh_file("a.off", write_other_surface),
    mesh_file("a.glb", write_other_surface),
    mesh_file("a.xyz", write_points),
]


@pytest.mark.long
@pytest.mark.parametrize(("read", "name", "write", "types", "count"), FILES)
def test_damaged_files_are_read_or_refused_soon(
    tmp_path, read, name, write, types, count
):
    path = pathlib.Path(tmp_path / name)
    write(path)
    assert isinstance(read(path), types)
    data = path.read_bytes()
    refused = 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        variant = data
        for _ in range(rng.integers(1, 3)):
            variant = DAMAGE[rng.integers(len(DAMAGE))](variant or b"\0", rng)
        path.write_bytes(variant)
        start = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert isinstance(read(path), types), seed
        except (ValueError, OSError):
            refused += 1
        except BaseException as error:
            raise AssertionError(f"seed {seed}") from error
        assert time.process_time() - start < 2, seed
    assert refused > count / 10
