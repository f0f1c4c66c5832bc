"""The commands that solve the Helmholtz equation and the wave equation."""

import argparse
import os
import pathlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks
from inr._files import check_file
from inr._typing import Array
from inr.commands._batches import report, single_source
from inr.commands._options import add_console, add_output, add_training
from inr.commands._outputs import Files, Outputs, as_outputs
from inr.commands._shared import timed_fit, without_alpha
from inr.commands._solutions import inner_points, point_source, pulse, standing_waves
from inr.coords import sample_grid
from inr.fields import BoundField, save_field
from inr.io import read_image
from inr.rendering import render
from inr.signals import fit_helmholtz, fit_wave, helmholtz_model, wave_model

_SIZE = (256, 256)  # of the panels
_MAIN = "the field (.safetensors) or the picture"
_NUM_INNER = 127  # points along an axis where a wave is compared with the exact one


def add_helmholtz(parser: argparse.ArgumentParser) -> None:
    """Add the options of `helmholtz`."""
    parser.set_defaults(run=helmholtz)
    parser.add_argument(
        "medium", nargs="?", help="array or image (default: open space)"
    )
    parser.add_argument(
        "--wavenumber",
        type=float,
        default=10.0,
        help="radians per unit; the square is 2 units wide (default: %(default)g)",
    )
    parser.add_argument(
        "--source",
        type=float,
        nargs=2,
        default=(0.0, 0.0),
        metavar=("Y", "X"),
        help="position of the source, from -1 to 1 (default: 0 0)",
    )
    parser.add_argument(
        "--contrast",
        type=float,
        default=0.5,
        help="slowness above 1 of an image's white pixels (default: %(default)g)",
    )
    add_training(parser, num_steps=80, width=32)
    add_output(parser, main=_MAIN, pictures=False)
    add_console(parser, {"wavenumber": 4.0, "width": 16, "num_steps": 40})


def add_wave(parser: argparse.ArgumentParser) -> None:
    """Add the options of `wave`."""
    parser.set_defaults(run=wave)
    parser.add_argument(
        "initial", nargs="?", help="array or image (default: a Gaussian pulse)"
    )
    parser.add_argument(
        "--duration",
        type=float,
        default=1.2,
        help="duration of the solution; a wave crosses the square in 2 (default: "
        "%(default)g)",
    )
    parser.add_argument(
        "--detail",
        type=int,
        default=12,
        metavar="PIXELS",
        help="size to which an image is reduced to smooth it; more keep finer detail "
        "(default: %(default)s)",
    )
    add_training(parser, num_steps=80, width=40)
    add_output(parser, main=_MAIN, pictures=False)
    add_console(parser, {"duration": 0.4, "width": 24, "num_steps": 50})


def helmholtz(
    medium: str | os.PathLike | None = None,
    *,
    wavenumber: float = 10.0,
    source: tuple[float, float] = (0.0, 0.0),
    contrast: float = 0.5,
    num_steps: int = 80,
    width: int = 32,
    seed: int = 0,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Solve the Helmholtz equation for a source in open space or in a medium.

    Args:
      medium: file name of the slowness of the medium: an array `[h, w]` (.npy), 1 in
        the surroundings, or an image, black where slowness is 1; None for open space.
      wavenumber: wavenumber where slowness is 1; the square is wavenumber / pi
        wavelengths wide.
      source: (y, x) of the source, in the square [-1, 1]^2.
      contrast: slowness above 1 of the white pixels of an image.
      num_steps: number of fitting steps.
      width: hidden units of the SIREN.
      seed: seed of the initialization and of the batches.
      output: where to write the field and the contact sheet.

    Returns:
      The files written.
    """
    wavenumber = _checks.as_positive("wavenumber", wavenumber)
    slowness = None
    if medium is not None:
        plane, is_image = _read_plane(medium)
        slowness = 1 + contrast * plane if is_image else plane
    model = helmholtz_model(wavenumber, slowness=slowness, width=width)
    input_file = single_source("medium", medium, sample="open space")
    name = input_file.name
    end = "" if medium is None else f"_{name}"
    files = as_outputs(output).claim(f"helmholtz{end}", ".safetensors", "")
    print(f"{name}: wavenumber {wavenumber:g}, SIREN {width}x2")
    options = {"model": model, "source": source, "slowness": slowness}
    key = jax.random.key(seed)
    result = timed_fit(fit_helmholtz, key, wavenumber, num_steps=num_steps, **options)
    print(f"loss {result.history[-1]:.2g}")
    prediction = np.asarray(render(result.field, _SIZE))
    waves = prediction[..., 0] + 1j * prediction[..., 1]
    panels = {"real part": waves.real, "imaginary part": waves.imag}
    if slowness is None:
        exact, is_exact = point_source(wavenumber, source, _SIZE)
        error = np.where(is_exact, waves - exact, 0)
        relative = np.linalg.norm(error) / np.linalg.norm(exact[is_exact])
        print(
            f"error {100 * relative:.2g} %, half a wavelength from the source or more"
        )
        panels["10 x error of the real part"] = 10 * np.real(error)
    else:
        panels["slowness above 1"] = slowness - 1
    limit = float(np.quantile(np.abs(waves), 0.98))
    return _write(files, result.field, panels, limit)


def wave(
    initial: str | os.PathLike | None = None,
    *,
    duration: float = 1.2,
    detail: int = 12,
    num_steps: int = 80,
    width: int = 40,
    seed: int = 0,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Solve the wave equation, from rest, in a square with fixed edges.

    Args:
      initial: file name of the initial displacement: an array `[h, w]` (.npy), or an
        image, white where the displacement is 1. An image is smoothed, and black along
        the edges. None for a Gaussian pulse.
      duration: duration of the solution; a wave crosses the square in 2.
      detail: size in pixels to which an image is reduced, to smooth it.
      num_steps: number of fitting steps.
      width: hidden units of the SIREN.
      seed: seed of the initialization and of the batches.
      output: where to write the field and the contact sheet.

    Returns:
      The files written.
    """
    duration = _checks.as_positive("duration", duration)
    state = pulse if initial is None else _initial_state(initial, detail)
    points = inner_points(_NUM_INNER)
    exact_start = _values_at(state, points)
    model = wave_model(state, width=width)
    input_file = single_source("initial", initial, sample="pulse")
    name = input_file.name
    files = as_outputs(output).claim(f"wave_{name}", ".safetensors", "")
    print(f"{name}: {duration:g} units of time, SIREN {width}x1")
    options = {"model": model, "num_steps": num_steps}
    result = timed_fit(fit_wave, jax.random.key(seed), state, duration, **options)
    print(f"loss {result.history[-1]:.2g}")
    panels, errors = {}, {}
    for fraction in (0, 1 / 3, 2 / 3, 1):
        time = fraction * duration
        exact = standing_waves(exact_start, time)
        coords = np.insert(points, 0, time, axis=-1).astype(np.float32)
        prediction = np.asarray(result.field(coords))[..., 0]
        error = prediction - exact
        relative = np.linalg.norm(error) / np.linalg.norm(exact)
        print(f"error {100 * relative:.2g} % at time {time:.3g}")
        panels[f"time {time:.2f}"] = prediction
        errors[f"10 x error, time {time:.2f}"] = 10 * error
    limit = float(np.abs(exact_start).max() / 2)
    return _write(files, result.field, panels | errors, limit)


def _read_plane(path: str | os.PathLike) -> tuple[np.ndarray, bool]:
    """Array `[h, w]` of a .npy file, or of an image's gray; True for an image."""
    path = pathlib.Path(path)
    if path.suffix.lower() == ".npy":
        check_file(path, "an array file")
        try:
            # Mapped, because a damaged file may declare more than memory holds.
            plane = np.lib.format.open_memmap(path, mode="r")
        except Exception as error:  # an invalid header has many
            got = f"{str(path)!r} ({error})"
            raise _checks.fail("path", "a .npy file of numbers", got) from error
        _checks.check_rank(path.name, plane, "[h, w]")
        return plane.astype(np.float32), False
    return without_alpha(read_image(path)).mean(-1), True


def _initial_state(path: str | os.PathLike, detail: int) -> np.ndarray:
    """An array unchanged, or an image, smoothed and 0 along the edges."""
    plane, is_image = _read_plane(path)
    if not is_image:
        return plane
    detail = _checks.as_count("detail", detail, least=4)
    reduced = jax.image.resize(jnp.asarray(plane), (detail, detail), "linear")
    faded = jnp.pad(reduced[1:-1, 1:-1], 1)
    return np.asarray(jax.image.resize(faded, _SIZE, "cubic"))


def _values_at(
    state: Callable[[Array], Array] | np.ndarray, points: np.ndarray
) -> np.ndarray:
    """The initial state, a function or an array, at points `[n, n, 2]`."""
    coords = jnp.asarray(points, jnp.float32)
    if callable(state):
        values = state(coords.reshape(-1, 2)).reshape(coords.shape[:2])
    else:
        values = sample_grid(jnp.asarray(state)[..., None], coords)[..., 0]
    return np.asarray(values, np.float64)


def _write(
    files: Files,
    field: BoundField,
    planes: dict[str, np.ndarray],
    limit: float,
) -> list[pathlib.Path]:
    """Write the field, and a sheet of planes, red at `limit` and blue at `-limit`."""
    from matplotlib import colormaps

    files.write(".safetensors", lambda path: save_field(path, field))
    colors = colormaps["RdBu_r"]
    panels = {
        label: colors(0.5 + plane / (2 * limit))[..., :3]
        for label, plane in planes.items()
    }
    files.write_sheet("", panels, columns=(len(panels) + 1) // 2)
    return report(files)
