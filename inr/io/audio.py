"""Read and write sound files by libsndfile."""

import contextlib
import io
import os
import pathlib
import struct
from types import ModuleType
from typing import IO, Literal

import numpy as np
from jaxtyping import Float

from inr import _checks, _conversions
from inr._files import as_path, check_bytes, check_file, check_folder, replacing
from inr._typing import ArrayLike

_FORMATS = {".wav": "WAV", ".flac": "FLAC"}


def read_audio(
    path: str | os.PathLike[str], *, max_bytes: int | None = 2**30
) -> tuple[Float[np.ndarray, "n channels"], int]:
    """Read a sound file.

    Args:
      path: file that libsndfile reads (.wav, .flac, .ogg, .mp3, .aiff, ...), of any
        sample rate and number of channels.
      max_bytes: limit on memory for the samples, tested before decoding. The default
        is enough for 50 minutes of stereo at 44.1 kHz. It protects from small files
        that decode to long sounds. None means no limit.

    Returns:
      Samples `[n, channels]` float32 with full scale at -1 and 1 (floating files are
      returned unchanged and may exceed it), and the sample rate in Hz.

    Raises:
      FileNotFoundError: if the file does not exist.
      ImportError: if soundfile is not installed.
      ValueError: if the file is not sound, is damaged or cut short, is empty, holds
        NaN, or needs more than `max_bytes`.
    """
    max_bytes = _checks.as_bytes("max_bytes", max_bytes)
    path = as_path("path", path)
    check_file(path, "a sound file")
    soundfile = _soundfile()
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(soundfile.SoundFile(path))
        except soundfile.SoundFileError as error:
            raise _unreadable(path, error) from error
        num_samples, channels, rate = file.frames, file.channels, file.samplerate
        what = f"{num_samples} samples of {channels} channels"
        check_bytes(path, what, 4 * num_samples * channels, max_bytes)
        try:
            samples = file.read(dtype="float32", always_2d=True)
            _check_complete(path, len(samples), num_samples)
        except (soundfile.SoundFileError, ValueError) as error:
            raise _unreadable(path, error) from error
    if len(samples) == 0:
        raise _checks.fail("path", "a file with samples", f"{str(path)!r} with none")
    _checks.check_finite("samples", samples)
    return samples, rate


def write_audio(
    path: str | os.PathLike[str],
    samples: Float[ArrayLike, "n *channels"],
    rate: int,
    *,
    bits: Literal[16, 24] = 16,
) -> None:
    """Write a sound file; the extension determines the format.

    Values are clipped to [-1, 1] and rounded to the nearest level, a multiple of
    2^(1 - bits); the greatest level is one below 1. If writing fails or is interrupted,
    an existing file stays unchanged.

    Args:
      path: ends in .wav or .flac; its folder must exist.
      samples: `[n, channels]` or `[n]`, floating, in [-1, 1].
      rate: sample rate in Hz.
      bits: bits per sample.

    Raises:
      FileNotFoundError: if the folder does not exist.
      ImportError: if soundfile is not installed.
      OSError: if the disk is full.
      ValueError: for integer samples, NaN, no samples, an unknown extension, or a
        number of channels or a rate that the format does not support.
    """
    path = as_path("path", path)
    _checks.check_choice("bits", bits, (16, 24))
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        known = ", ".join(_FORMATS)
        raise _checks.fail("path", f"a name ending in one of {known}", repr(str(path)))
    check_folder(path)
    values = _conversions.as_samples("samples", samples)
    rate = _checks.as_count("rate", rate)
    soundfile = _soundfile()
    top = 2 ** (bits - 1)
    levels = np.clip(np.rint(values.astype(np.float64) * top), -top, top - 1)
    # libsndfile takes the 24 high bits of 32. It would scale floats to `top - 1`, and
    # back by `top`.
    levels = levels.astype(np.int16) if bits == 16 else levels.astype(np.int32) << 8
    # In memory, because soundfile reports neither a full disk nor its cause.
    file = io.BytesIO()
    try:
        soundfile.write(file, levels, rate, f"PCM_{bits}", format=form)
    except soundfile.SoundFileError as error:
        expected = f"[n, channels] at a rate that {form} supports"
        got = f"shape {values.shape} at {rate} Hz"
        raise _checks.fail("samples", expected, got) from error
    with replacing(path) as temporary:
        temporary.write_bytes(file.getbuffer())


def _unreadable(path: pathlib.Path, error: Exception) -> ValueError:
    fix = "Is it complete, and of a format that libsndfile reads?"
    got = f"{str(path)!r}, which cannot be read ({error})"
    return _checks.fail("path", "a sound file", got, fix)


def _check_complete(path: pathlib.Path, num_samples: int, declared: int) -> None:
    """libsndfile returns the samples that are present, without an error."""
    with path.open("rb") as file:
        missing = _missing_bytes(file)
    if missing > 0:
        raise ValueError(f"it is cut short by {missing} bytes")
    # Compressed formats with variable rate only estimate their length.
    if path.suffix.lower() in _FORMATS and num_samples != declared:
        raise ValueError(f"it holds {num_samples} of {declared} samples")


def _missing_bytes(file: IO[bytes]) -> int:
    """Bytes that the samples of a WAV file lack; 0 for other formats."""
    if file.read(4) != b"RIFF" or file.read(8)[4:] != b"WAVE":
        return 0
    while len(header := file.read(8)) == 8:
        kind, length = header[:4], *struct.unpack("<I", header[4:])
        if kind == b"data":
            start = file.tell()
            # Programs that write to a pipe leave the length at its maximum.
            return 0 if length >= 2**32 - 2**16 else start + length - file.seek(0, 2)
        file.seek(length + length % 2, 1)
    return 0


def _soundfile() -> ModuleType:
    try:
        import soundfile
    except ImportError:
        raise ImportError(
            'Sound files need soundfile: `pip install "inr[media]"`.'
        ) from None
    return soundfile
