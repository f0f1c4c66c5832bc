"""The command that holds a surface as a signed distance."""

import os
import pathlib
import time

import jax
import numpy as np

from inr.commands._shading import shaded
from inr.commands._shared import folder_at, report
from inr.fields import Siren, bind, save_field
from inr.io import write_image
from inr.signals import Mesh, extract_mesh, fit_shape, read_mesh, write_mesh
from inr.signals.mesh_files import import_trimesh


def shape(
    mesh: str | os.PathLike | None = None,
    *,
    out: str | os.PathLike = "out",
    num_steps: int = 500,
    width: int = 128,
    resolution: int = 160,
    side: int = 640,
    seed: int = 0,
) -> list[pathlib.Path]:
    """Holds a surface as a SIREN of its signed distance, and makes it a mesh again.

    Args:
      mesh: file name of a mesh or of points with normals; by default a trefoil knot.
      out: folder for the field, the mesh and the picture.
      num_steps: steps of the fit.
      width: hidden units of the SIREN.
      resolution: samples along each side of the cube in which the mesh is found.
      side: of the picture, in pixels.
      seed: of the samples and the initialization.

    Returns:
      The files written.
    """
    import_trimesh()  # before the fit, and not when the mesh is to be written
    surface = trefoil() if mesh is None else read_mesh(mesh)
    name = "trefoil" if mesh is None else pathlib.Path(mesh).stem
    kind = "faces" if isinstance(surface, Mesh) else "points"
    print(f"{name}: {len(surface[1])} {kind}, held by a SIREN {width}x3")
    model = Siren(features=1, width=width, depth=3)
    start = time.perf_counter()
    result = fit_shape(jax.random.key(seed), model, surface, num_steps=num_steps)
    seconds = time.perf_counter() - start
    print(f"fit: {result.step} steps in {seconds:.0f} s, {result.status}")
    field = bind(model, result.params)
    found = extract_mesh(field, resolution=resolution)
    print(f"mesh: {len(found.vertices)} vertices, {len(found.faces)} faces")
    folder = folder_at(out)
    files = [folder / f"shape{end}" for end in (".safetensors", ".obj", ".png")]
    save_field(files[0], field)
    write_mesh(files[1], found)
    write_image(files[2], shaded(field, found, side))
    return report(files)


def trefoil(*, around: int = 48, along: int = 480, radius: float = 0.55) -> Mesh:
    """A tube about the trefoil knot (sin t + 2 sin 2t, cos t - 2 cos 2t, -sin 3t).

    Args:
      around: vertices of each ring of the tube.
      along: rings.
      radius: of the tube.

    Returns:
      A watertight `Mesh`.
    """
    t = 2 * np.pi * np.arange(along) / along
    s, c = np.sin, np.cos
    curve = np.stack([s(t) + 2 * s(2 * t), c(t) - 2 * c(2 * t), -s(3 * t)], -1)
    tangent = np.stack([c(t) + 4 * c(2 * t), 4 * s(2 * t) - s(t), -3 * c(3 * t)], -1)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    # The curve winds about the z axis and is nowhere parallel to the way out of it.
    across = np.cross(tangent, curve * [1, 1, 0])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    beside = np.cross(tangent, across)
    angle = 2 * np.pi * np.arange(around)[:, None, None] / around
    rings = curve + radius * (np.cos(angle) * across + np.sin(angle) * beside)
    here = np.arange(around * along).reshape(around, along)
    up, on = np.roll(here, -1, 0), np.roll(here, -1, 1)
    both = np.roll(up, -1, 1)
    faces = np.stack([here, up, on, on, up, both], -1).reshape(-1, 3)
    return Mesh(rings.reshape(-1, 3)[:, ::-1], faces)
