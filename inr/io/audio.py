"""Sound in files, read and written by libsndfile."""

import os
import pathlib
from types import ModuleType

import numpy as np
from jaxtyping import Float

from inr import _checks
from inr._typing import ArrayLike
from inr.io._files import check_file, check_folder, replacing

_FORMATS = {".wav": "WAV", ".flac": "FLAC"}


def read_audio(
    path: str | os.PathLike[str],
) -> tuple[Float[np.ndarray, "n channels"], int]:
    """Reads a sound file.

    Args:
      path: a file that libsndfile reads (.wav, .flac, .ogg, .mp3, .aiff, ...), of any
        rate and number of channels.

    Returns:
      Samples `[n, channels]` float32, full scale from -1 to 1 (a file of floats is
      returned as stored and may go beyond), and the rate in samples a second.

    Raises:
      FileNotFoundError: if there is no such file.
      ImportError: if soundfile is not installed.
      ValueError: if it is not sound, is damaged, is empty, or holds NaN.
    """
    path = pathlib.Path(path)
    check_file(path, "a sound file")
    soundfile = _soundfile()
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        fix = "Is it complete, and of a format that libsndfile reads?"
        got = f"{str(path)!r}, which cannot be read ({error})"
        raise _checks.fail("path", "a sound file", got, fix) from error
    if len(samples) == 0:
        raise _checks.fail("path", "a file with samples", f"{str(path)!r} with none")
    _checks.check_finite("samples", samples)
    return samples, rate


def write_audio(
    path: str | os.PathLike[str],
    samples: Float[ArrayLike, "n *channels"],
    rate: int,
    *,
    bits: int = 16,
) -> None:
    """Writes a sound file; the extension chooses the format.

    Values are clipped to [-1, 1] and rounded to the nearest level, a multiple of
    2^(1 - bits); the greatest level is one short of 1. The file appears under its name
    only once it is complete.

    Args:
      path: ends in .wav or .flac; its folder must exist.
      samples: `[n, channels]` or `[n]`, floating, in [-1, 1].
      rate: samples a second.
      bits: of each sample, 16 or 24.

    Raises:
      FileNotFoundError: if the folder does not exist.
      ImportError: if soundfile is not installed.
      ValueError: for integer samples, NaN, no samples, an unknown extension, or a
        number of channels or a rate that the format does not have.
    """
    path = pathlib.Path(path)
    _checks.check_choice("bits", bits, (16, 24))
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        known = ", ".join(_FORMATS)
        raise _checks.fail("path", f"a name ending in one of {known}", repr(str(path)))
    check_folder(path)
    values = as_samples("samples", samples)
    rate = _checks.as_count("rate", rate)
    soundfile = _soundfile()
    top = 2 ** (bits - 1)
    levels = np.clip(np.rint(values.astype(np.float64) * top), -top, top - 1)
    # libsndfile takes the 24 high bits of 32. It would scale floats to `top - 1`, and
    # back by `top`.
    levels = levels.astype(np.int16) if bits == 16 else levels.astype(np.int32) << 8
    with replacing(path) as temporary:
        try:
            soundfile.write(temporary, levels, rate, f"PCM_{bits}", format=form)
        except soundfile.SoundFileError as error:
            expected = f"[n, channels] at a rate that {form} has"
            got = f"shape {values.shape} at {rate} ({error})"
            raise _checks.fail("samples", expected, got) from error


def as_samples(argument: str, value: ArrayLike) -> np.ndarray:
    """Floating samples `[n, channels]`, neither empty nor NaN; `[n]` gains an axis.

    Raises:
      ValueError: for anything else; of integers it names the division that mends it.
    """
    dtype = np.asarray(value).dtype
    fix = ""
    if np.issubdtype(dtype, np.integer):
        fix = f"Divide by {float(np.iinfo(dtype).max) + 1:.0f} to reach [-1, 1]."
    samples = np.asarray(_checks.as_floating(argument, value, fix))
    _checks.check_rank(argument, samples, "[n, channels]", "[n]")
    _checks.check_not_empty(argument, samples)
    _checks.check_finite(argument, samples)
    return samples if samples.ndim == 2 else samples[:, None]


def _soundfile() -> ModuleType:
    try:
        import soundfile
    except ImportError:
        raise ImportError(
            'Sound files need soundfile: `pip install "inr[media]"`.'
        ) from None
    return soundfile
