"""Tests of `inr.io.audio`: exact round trips, and errors that say what is wrong."""

import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from support import full_disk, refuses

import inr

RNG = np.random.default_rng(0)


@pytest.fixture
def soundfile():
    return pytest.importorskip("soundfile", reason="needs the extra `media`")


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("extension", [".wav", ".flac"])
@pytest.mark.parametrize(("channels", "rate"), [(1, 44100), (2, 11025), (6, 12345)])
def test_sound_is_exact_to_the_last_bit(
    soundfile, tmp_path, bits, extension, channels, rate
):
    top = 2 ** (bits - 1)
    levels = RNG.integers(-top, top, (500, channels))
    levels[:2] = [[-top], [top - 1]]
    path = tmp_path / f"sound{extension}"
    inr.write_audio(path, levels / top, rate, bits=bits)
    samples, stored_rate = inr.read_audio(path)
    assert (stored_rate, samples.dtype, samples.shape) == (
        rate,
        np.float32,
        levels.shape,
    )
    np.testing.assert_array_equal(samples * float(top), levels)
    stored, _ = soundfile.read(path, dtype="int32", always_2d=True)
    np.testing.assert_array_equal(stored >> (32 - bits), levels)
    inr.write_audio(path, samples, rate, bits=bits)
    np.testing.assert_array_equal(inr.read_audio(path)[0], samples)


@pytest.mark.usefixtures("soundfile")
def test_sound_is_clipped_and_rounded_to_the_nearest_level(tmp_path):
    path = tmp_path / "sound.wav"
    values = np.array([-2.0, 2.0, 0.4 / 32768, 0.6 / 32768, -0.6 / 32768], np.float32)
    inr.write_audio(path, values, 8000)
    samples, _ = inr.read_audio(path)
    expected = np.array([-32768, 32767, 0, 1, -1])[:, None]
    np.testing.assert_array_equal(samples * 32768, expected)


def test_floats_beyond_full_scale_are_read_unchanged(soundfile, tmp_path):
    path = tmp_path / "sound.wav"
    values = np.array([[3.5], [-0.1], [1e-7]], np.float32)
    soundfile.write(path, values, 8000, "FLOAT")
    np.testing.assert_array_equal(inr.read_audio(path)[0], values)


@pytest.mark.usefixtures("soundfile")
def test_files_without_sound_are_refused(tmp_path):
    with refuses("none.wav", FileNotFoundError):
        inr.read_audio(tmp_path / "none.wav")
    with refuses("the folder"):
        inr.read_audio(tmp_path)
    inr.write_image(tmp_path / "photo.png", np.zeros((4, 4, 3), np.float32))
    for content in (b"", b"RIFF", bytes(100), (tmp_path / "photo.png").read_bytes()):
        (tmp_path / "sound.wav").write_bytes(content)
        with refuses("sound file, got .*sound.wav"):
            inr.read_audio(tmp_path / "sound.wav")


def test_a_sound_file_without_samples_or_with_nan_is_refused(soundfile, tmp_path):
    path = tmp_path / "sound.wav"
    soundfile.write(path, np.zeros((0, 1)), 8000)
    with refuses("file with samples"):
        inr.read_audio(path)
    soundfile.write(path, np.array([0.0, np.nan]), 8000, "FLOAT")
    with refuses("finite"):
        inr.read_audio(path)


SILENCE = np.zeros((8, 1), np.float32)


@pytest.mark.usefixtures("soundfile")
@pytest.mark.parametrize(
    ("samples", "rate", "options", "message"),
    [
        (SILENCE.astype(np.int16), 8000, {}, "Divide by 32768"),
        (SILENCE[:0], 8000, {}, "non-empty"),
        (SILENCE + np.nan, 8000, {}, "finite"),
        (SILENCE[None], 8000, {}, r"\[n, channels\]"),
        (SILENCE, 0, {}, "`rate`"),
        (SILENCE, 44.1, {}, "`rate`"),
        (SILENCE, 8000, {"bits": 8}, "`bits`"),
        (np.zeros((8, 9), np.float32), 8000, {"name": "a.flac"}, "that FLAC supports"),
        (SILENCE, 8000, {"name": "a.mp3"}, "one of .wav, .flac"),
    ],
)
def test_bad_sound_is_not_written(tmp_path, samples, rate, options, message):
    path = tmp_path / options.pop("name", "a.wav")
    path.write_bytes(b"before")
    with refuses(message):
        inr.write_audio(path, samples, rate, **options)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path):
    with refuses("mkdir", FileNotFoundError):
        inr.write_audio(tmp_path / "none" / "a.wav", SILENCE, 8000)


@pytest.mark.usefixtures("soundfile")
@pytest.mark.parametrize(("name", "cut"), [("a.wav", 100), ("a.wav", 1), ("a.flac", 9)])
def test_a_sound_file_that_is_cut_short_is_refused(tmp_path, name, cut):
    path = tmp_path / name
    inr.write_audio(path, RNG.uniform(-1, 1, (500, 2)), 8000)
    path.write_bytes(path.read_bytes()[:-cut])
    with refuses("sound file, got .* cannot be read"):
        inr.read_audio(path)


@pytest.mark.usefixtures("soundfile")
def test_a_wav_file_of_unknown_or_with_later_chunks_is_read(tmp_path):
    path = tmp_path / "a.wav"
    inr.write_audio(path, np.zeros(50, np.float32), 8000)
    content = path.read_bytes()
    start = content.index(b"data") + 4
    unknown = struct.pack("<I", 2**32 - 1)
    path.write_bytes(content[:start] + unknown + content[start + 4 :])
    assert len(inr.read_audio(path)[0]) == 50
    path.write_bytes(content + b"LIST" + struct.pack("<I", 4) + b"INFO")
    assert len(inr.read_audio(path)[0]) == 50


@pytest.mark.usefixtures("soundfile")
@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_full_disk_leaves_an_earlier_file(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"before")
    with full_disk(), pytest.raises(OSError, match="File too large"):
        inr.write_audio(path, RNG.uniform(-1, 1, 9000), 8000)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("soundfile")
def test_the_limit_on_memory_holds_before_decoding(tmp_path):
    path = tmp_path / "a.flac"
    inr.write_audio(path, np.zeros((500, 2), np.float32), 8000)
    needed = 4 * 500 * 2
    with refuses(f"`max_bytes` must be at least {needed}, .*500 samples of 2 channels"):
        inr.read_audio(path, max_bytes=needed - 1)
    assert inr.read_audio(path, max_bytes=needed)[0].shape == (500, 2)
    assert inr.read_audio(path, max_bytes=None)[0].shape == (500, 2)
    # The last 36 bits of the header before its checksum are the number of samples.
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F
    content[22:26] = b"\xff" * 4
    path.write_bytes(content)
    with refuses("`max_bytes` must be at least .*68719476735 samples of 2 channels"):
        inr.read_audio(path)


@pytest.mark.usefixtures("soundfile")
@pytest.mark.parametrize("declared", [2**31 - 2, 2**32 - 2**16 - 2])
def test_a_wav_file_that_declares_more_than_it_holds_is_refused(tmp_path, declared):
    path = tmp_path / "a.wav"
    inr.write_audio(path, np.zeros(50, np.float32), 8000)
    content = path.read_bytes()
    start = content.index(b"data") + 4
    length = struct.pack("<I", declared)
    path.write_bytes(content[:start] + length + content[start + 4 :])
    with refuses("sound file, got .* cut short by"):
        inr.read_audio(path)


def test_pipes_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    with refuses("a sound file, got .*, a pipe or a device"):
        inr.read_audio(tmp_path / "a.wav")
    with refuses("a sound file, got '/dev/zero', a pipe or a device"):
        inr.read_audio("/dev/zero")


@pytest.mark.slow
def test_without_soundfile_the_error_names_the_extra(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    code = (
        "import sys, inr; sys.modules['soundfile'] = None\n"
        f"try: inr.read_audio({str(tmp_path / 'file')!r})\n"
        "except ImportError as error: print(error)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert 'pip install "inr[media]"' in out.stdout
