"""Calls of `inr.io` and `inr.pretrained`."""

import functools
import pathlib
import tempfile

import numpy as np
from bad_calls.arrays import array, image
from bad_calls.kinds import (
    BYTES,
    COUNT,
    OMITTED,
    POSITIVE,
    TEXT,
    Lazy,
    choice,
    existing_path,
    kind,
    new_path,
    size,
)

from inr import io, pretrained


@functools.cache
def folder():
    return pathlib.Path(tempfile.mkdtemp())


@functools.cache
def saved_image():
    path = folder() / "image.png"
    io.write_image(path, np.zeros((4, 4, 3), np.float32))
    return path


@functools.cache
def saved_sound():
    path = folder() / "sound.wav"
    io.write_audio(path, np.zeros(64, np.float32), 8000)
    return path


@functools.cache
def saved_video():
    path = folder() / "video.mp4"
    io.write_video(path, np.zeros((4, 16, 16, 3), np.float32), 8)
    return path


def new_file(name):
    return new_path(Lazy(lambda: folder() / name))


def file(saved):
    return existing_path(Lazy(saved), __file__)


CALLS = {
    io.list_images: {
        "folder": existing_path(Lazy(folder), __file__).without("folder", "empty")
    },
    io.read_image: {
        "path": file(saved_image),
        "dtype": kind(OMITTED, integers=np.int32, number=3, levels=np.uint8).without(
            "None"
        ),
        "max_bytes": BYTES.but(OMITTED, small=1),
    },
    io.read_image_metadata: {"path": file(saved_image)},
    io.read_audio: {
        "path": file(saved_sound),
        "max_bytes": BYTES.but(OMITTED, small=1),
    },
    io.read_video: {
        "path": file(saved_video),
        "num_frames": COUNT.optional(),
        "size": size(4, 4).optional(),
        "dtype": kind(OMITTED, integers=np.int32, number=3, halves=np.float16).without(
            "None"
        ),
        "max_bytes": BYTES.but(OMITTED, small=1),
    },
    io.write_image: {
        "path": new_file("new.png"),
        "image": image(),
        "bits": choice("a").default(other=12),
        "quality": COUNT.optional(lossless=50),
        "metadata": kind(OMITTED, text="text", number=8, path=folder()).without("None"),
    },
    io.write_audio: {
        "path": new_file("new.wav"),
        "samples": array(np.zeros((64, 1)), finite=True),
        "rate": COUNT.but(8000),
        "bits": choice("a").default(other=12),
    },
    io.write_video: {
        "path": new_file("new.mp4"),
        "frames": array(
            np.zeros((4, 16, 16, 3)),
            finite=True,
            odd=np.zeros((4, 15, 16, 3), np.float32),
            number=3,
        ),
        "fps": POSITIVE.but(8),
    },
    pretrained.names: {},
    pretrained.file: {"name": TEXT.but("upscale", other="other")},
    pretrained.card: {"name": TEXT.but("upscale", other="other")},
}
