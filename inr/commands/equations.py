"""The commands that solve equations: a source in open space, and a wave in a box."""

import os
import pathlib
import time

import jax
import jax.numpy as jnp
import numpy as np

from inr import _checks, coords as _coords
from inr._typing import Array
from inr.commands._shared import folder_at, report
from inr.commands._sheet import write_sheet
from inr.fields import BoundField, Siren, bind, save_field
from inr.fitting import FitResult
from inr.io import read_image
from inr.poisson import dst, idst
from inr.rendering import render
from inr.signals import fit_helmholtz, fit_wave
from inr.signals.collocation import values_at
from inr.signals.waves import scales_of

_SIZE = (256, 256)  # of the pictures
_PULSE, _PULSE_AT = 0.2, (-0.1, 0.2)
_INNER = 127  # points along an axis at which a wave is compared


def helmholtz(
    medium: str | os.PathLike | None = None,
    *,
    out: str | os.PathLike = "out",
    wavenumber: float = 10.0,
    source: tuple[float, float] = (0.0, 0.0),
    contrast: float = 0.5,
    num_steps: int = 80,
    width: int = 32,
    seed: int = 0,
) -> list[pathlib.Path]:
    """Solves the Helmholtz equation for a source, in open space or in a medium.

    Args:
      medium: file name of its slowness: an array `[h, w]` (.npy), 1 being that of the
        surroundings, or a picture, whose black is 1. By default open space.
      out: folder for the field and the picture.
      wavenumber: where the slowness is 1; the square is wavenumber / pi waves wide.
      source: (y, x) of the source in the square [-1, 1]^2.
      contrast: by how much white is slower than black, in a picture.
      num_steps: steps of the fit.
      width: hidden units of the SIREN.
      seed: of the initialization.

    Returns:
      The files written.
    """
    wavenumber = _checks.as_positive("wavenumber", wavenumber)
    slowness, highest = None, wavenumber
    if medium is not None:
        plane, is_picture = _read_plane(medium)
        slowness = 1 + contrast * plane if is_picture else plane
        highest = wavenumber * float(max(slowness.max(), 1.0))
    # The layer around the square is a wave thick: coords are scaled down by it.
    omega = 1.5 * (highest + 2 * np.pi)
    model = Siren(features=2, width=width, depth=2, omega=omega)
    name = "open space" if medium is None else pathlib.Path(medium).stem
    print(f"{name}: wavenumber {wavenumber:g}, SIREN {width}x2")
    start = time.perf_counter()
    result = fit_helmholtz(
        jax.random.key(seed),
        model,
        wavenumber,
        source=source,
        slowness=slowness,
        num_steps=num_steps,
    )
    _report_fit(result, time.perf_counter() - start)
    field = bind(model, result.params)
    found = np.asarray(render(field, _SIZE))
    found = found[..., 0] + 1j * found[..., 1]
    shown = {"real part": found.real, "imaginary part": found.imag}
    if medium is None:
        exact, far = point_source(wavenumber, source, _SIZE)
        error = np.where(far, found - exact, 0)
        relative = np.linalg.norm(error) / np.linalg.norm(exact[far])
        print(f"error {100 * relative:.2g} %, half a wave or more from the source")
        shown["error of the real part, ten times"] = 10 * error.real
    else:
        shown["slowness above 1"] = slowness - 1
    return _write(
        out, "helmholtz", field, shown, float(np.quantile(np.abs(found), 0.98))
    )


def wave(
    initial: str | os.PathLike | None = None,
    *,
    out: str | os.PathLike = "out",
    duration: float = 1.2,
    detail: int = 12,
    num_steps: int = 80,
    width: int = 40,
    seed: int = 0,
) -> list[pathlib.Path]:
    """Solves the wave equation in a box with fixed edges, from a pulse at rest.

    Args:
      initial: file name of the displacement at the beginning: an array `[h, w]` (.npy),
        or a picture, whose white is 1; a picture is smoothed and faded towards the
        edges, which are fixed. By default a Gaussian pulse.
      out: folder for the field and the picture.
      duration: of the solution; a wave crosses the square in 2.
      detail: pixels along each axis to which a picture is smoothed.
      num_steps: steps of the fit.
      width: hidden units of the SIREN.
      seed: of the initialization.

    Returns:
      The files written.
    """
    duration = _checks.as_positive("duration", duration)
    start = pulse if initial is None else _initial_state(initial, detail)
    inner = grid_points(_INNER)
    plane = values_at("initial", start, inner.reshape(-1, 2)).reshape(inner.shape[:2])
    _, wavenumber, _ = scales_of(start, None, 1.0)
    model = Siren(width=width, depth=1, omega=4.5 * wavenumber)
    name = "pulse" if initial is None else pathlib.Path(initial).stem
    print(f"{name}: {duration:g} units of time, SIREN {width}x1")
    began = time.perf_counter()
    result = fit_wave(
        jax.random.key(seed), model, start, duration=duration, num_steps=num_steps
    )
    _report_fit(result, time.perf_counter() - began)
    field = bind(model, result.params)
    shown, errors = {}, {}
    for part in (0, 1 / 3, 2 / 3, 1):
        moment = part * duration
        exact = standing_waves(plane, moment)
        coords = np.insert(inner, 0, moment, axis=-1).astype(np.float32)
        found = np.asarray(field(coords))[..., 0]
        relative = np.linalg.norm(found - exact) / np.linalg.norm(exact)
        print(f"error {100 * relative:.2g} % at time {moment:.3g}")
        shown[f"time {moment:.2f}"] = found
        errors[f"error, ten times, {moment:.2f}"] = 10 * (found - exact)
    return _write(out, "wave", field, shown | errors, float(np.abs(plane).max() / 2))


def point_source(
    wavenumber: float, source: tuple[float, float], size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The exact field of `fit_helmholtz`'s source in open space, at pixel centers.

    Args:
      wavenumber: as for `fit_helmholtz`, with its default `source_width`.
      source: (y, x).
      size: pixels `(h, w)`.

    Returns:
      Complex `[h, w]`, exact where the second, bool `[h, w]`, is True: half a wave or
      more from the source.
    """
    from scipy.special import hankel1

    coords = np.asarray(_coords.grid(size), np.float64)
    away = np.linalg.norm(coords - np.asarray(source), axis=-1)
    field = 0.25j * hankel1(0, wavenumber * np.maximum(away, 1e-6)) * np.exp(-1 / 2)
    return field, away > np.pi / wavenumber


def standing_waves(initial: np.ndarray, moment: float) -> np.ndarray:
    """The exact solution of `fit_wave` from rest with fixed edges, at speed 1.

    Args:
      initial: `[n, n]` at `grid_points(n)`.
      moment: time.

    Returns:
      `[n, n]`, by its sine series.
    """
    wave = np.pi / 2 * np.arange(1, len(initial) + 1)
    beat = np.hypot(wave[:, None], wave[None])
    parts = np.asarray(dst(initial)) * np.cos(beat * moment)
    return np.asarray(idst(parts.astype(initial.dtype)))


def pulse(coords: Array) -> Array:
    """The default initial state, of coords `[n, 2]` in (y, x)."""
    middle = jnp.asarray(_PULSE_AT, coords.dtype)[None]
    return jnp.exp(-jnp.square((coords - middle) / _PULSE).sum(-1) / 2)


def grid_points(n: int) -> np.ndarray:
    """The `[n, n, 2]` inner points of a regular grid on [-1, 1]^2, edges left out."""
    axis = np.linspace(-1, 1, n + 2)[1:-1]
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), -1)


def _read_plane(path: str | os.PathLike) -> tuple[np.ndarray, bool]:
    """An array `[h, w]` of a .npy file, or a picture's gray; True for a picture."""
    path = pathlib.Path(path)
    if path.suffix.lower() == ".npy":
        plane = np.load(path, allow_pickle=False)
        _checks.check_rank(path.name, plane, "[h, w]")
        return plane.astype(np.float32), False
    image = read_image(path)
    # Opacity, an even number of channels, is left out.
    colors = image[..., : image.shape[-1] - (image.shape[-1] + 1) % 2]
    return colors.mean(-1), True


def _initial_state(path: str | os.PathLike, detail: int) -> np.ndarray:
    """An array as it is; a picture reduced, and black along the edges."""
    plane, is_picture = _read_plane(path)
    if not is_picture:
        return plane
    detail = _checks.as_count("detail", detail, least=4)
    small = jax.image.resize(jnp.asarray(plane), (detail, detail), "linear")
    smooth = jax.image.resize(jnp.pad(small[1:-1, 1:-1], 1), _SIZE, "cubic")
    return np.asarray(smooth)


def _report_fit(result: FitResult, seconds: float) -> None:
    print(
        f"fit: {result.step} steps in {seconds:.0f} s, {result.status}, "
        f"loss {result.history[-1]:.2g}"
    )


def _write(
    out: str | os.PathLike,
    name: str,
    field: BoundField,
    planes: dict[str, np.ndarray],
    limit: float,
) -> list[pathlib.Path]:
    """The field, and its planes in red and blue up to +-limit."""
    from matplotlib import colormaps

    folder = folder_at(out)
    files = [folder / f"{name}.safetensors", folder / f"{name}.png"]
    save_field(files[0], field)
    shade = colormaps["RdBu_r"]
    pictures = {
        label: shade(0.5 + plane / (2 * limit))[..., :3]
        for label, plane in planes.items()
    }
    write_sheet(files[1], pictures, columns=(len(pictures) + 1) // 2)
    return report(files)
