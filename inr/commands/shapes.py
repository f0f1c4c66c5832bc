"""The command that fits a signed distance to a surface."""

import os
import pathlib

import jax
import numpy as np

from inr._trimesh import import_trimesh
from inr.commands._shading import shaded
from inr.commands._shared import output_folder, report, timed_fit
from inr.fields import Siren, save_field
from inr.io import write_image
from inr.signals import Mesh, extract_mesh, fit_shape, read_mesh, write_mesh


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
    """Fit a SIREN to the signed distance of a surface, and extract its mesh.

    Args:
      mesh: file name of a mesh or of points with normals; None for a trefoil knot.
      out: folder for the field, the mesh and the picture.
      num_steps: number of fitting steps.
      width: hidden units of the SIREN.
      resolution: samples along each side of the cube in which the mesh is extracted.
      side: side of the picture, in pixels.
      seed: seed of the samples and the initialization.

    Returns:
      The files written.
    """
    import_trimesh()  # a missing package is reported before the fit
    surface = trefoil() if mesh is None else read_mesh(mesh)
    name = "trefoil" if mesh is None else pathlib.Path(mesh).stem
    kind = "faces" if isinstance(surface, Mesh) else "points"
    print(f"{name}: {len(np.asarray(surface[1]))} {kind}, SIREN {width}x3")
    model = Siren(features=1, width=width, depth=3)
    key = jax.random.key(seed)
    field = timed_fit(fit_shape, key, surface, model=model, num_steps=num_steps).field
    extracted = extract_mesh(field, resolution=resolution)
    print(f"mesh: {len(extracted.vertices)} vertices, {len(extracted.faces)} faces")
    folder = output_folder(out)
    files = [folder / f"shape{end}" for end in (".safetensors", ".obj", ".png")]
    save_field(files[0], field)
    write_mesh(files[1], extracted)
    write_image(files[2], shaded(field, extracted, side))
    return report(files)


def trefoil(*, around: int = 48, along: int = 480, radius: float = 0.55) -> Mesh:
    """A tube about the trefoil knot (sin t + 2 sin 2t, cos t - 2 cos 2t, -sin 3t).

    Args:
      around: number of vertices of each ring of the tube.
      along: number of rings.
      radius: radius of the tube.

    Returns:
      A watertight `Mesh`.
    """
    t = 2 * np.pi * np.arange(along) / along
    s, c = np.sin, np.cos
    curve = np.stack([s(t) + 2 * s(2 * t), c(t) - 2 * c(2 * t), -s(3 * t)], -1)
    tangent = np.stack([c(t) + 4 * c(2 * t), 4 * s(2 * t) - s(t), -3 * c(3 * t)], -1)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    # The curve winds around the z axis and is nowhere parallel to the radial direction.
    across = np.cross(tangent, curve * [1, 1, 0])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    beside = np.cross(tangent, across)
    angle = 2 * np.pi * np.arange(around)[:, None, None] / around
    rings = curve + radius * (np.cos(angle) * across + np.sin(angle) * beside)
    index = np.arange(around * along).reshape(around, along)
    next_row, next_column = np.roll(index, -1, 0), np.roll(index, -1, 1)
    diagonal = np.roll(next_row, -1, 1)
    corners = [index, next_row, next_column, next_column, next_row, diagonal]
    faces = np.stack(corners, -1).reshape(-1, 3)
    return Mesh(rings.reshape(-1, 3)[:, ::-1], faces)
