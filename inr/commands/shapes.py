"""The command that fits a signed distance to a surface."""

import argparse
import os
import pathlib
from collections.abc import Sequence

import jax
import numpy as np

from inr._trimesh import import_trimesh
from inr.commands._batches import Source, for_each, list_sources
from inr.commands._options import add_console, add_output, add_training
from inr.commands._outputs import Files, Outputs, as_outputs
from inr.commands._shading import shaded
from inr.commands._shared import timed_fit
from inr.fields import Siren, save_field
from inr.signals import Mesh, extract_mesh, fit_shape, read_mesh, write_mesh

_EXTENSIONS = (".obj", ".ply", ".stl", ".off", ".glb", ".xyz")


def add_shape(parser: argparse.ArgumentParser) -> None:
    """Add the options of `shape`."""
    parser.set_defaults(run=shape)
    parser.add_argument(
        "meshes",
        nargs="*",
        help="files of meshes, or of points with normals, or folders (default: a "
        "trefoil knot)",
    )
    parser.add_argument(
        "--resolution",
        type=int,
        default=160,
        help="samples along each axis from which the mesh is extracted; more show "
        "finer detail, at a cost of the third power (default: %(default)s)",
    )
    parser.add_argument(
        "--side",
        type=int,
        default=640,
        metavar="PIXELS",
        help="side of the picture (default: %(default)s)",
    )
    add_training(parser, num_steps=500, width=128)
    main = "the mesh (.obj), the field (.safetensors) or the picture"
    add_output(parser, main=main, pictures=False)
    quick_options = {"num_steps": 100, "width": 64, "resolution": 96, "side": 384}
    add_console(parser, quick_options)


def shape(
    meshes: Sequence[str | os.PathLike] | str | os.PathLike | None = None,
    *,
    num_steps: int = 500,
    width: int = 128,
    resolution: int = 160,
    side: int = 640,
    seed: int = 0,
    output: Outputs | str | os.PathLike = "out",
) -> list[pathlib.Path]:
    """Fit a SIREN to the signed distance of each surface, and extract its mesh.

    Args:
      meshes: files of meshes or of points with normals, or folders of them; None for a
        trefoil knot.
      num_steps: number of fitting steps.
      width: hidden units of the SIREN.
      resolution: samples along each side of the cube in which the mesh is extracted.
      side: side of the picture, in pixels.
      seed: seed of the samples and the initialization.
      output: where to write the mesh, the field and the picture.

    Returns:
      The files written.
    """
    import_trimesh()  # a missing package is reported before the fit
    outputs = as_outputs(output)

    def fit_one(source: Source) -> Files:
        surface = trefoil() if source.path is None else read_mesh(source.path)
        files = outputs.claim(f"{source.name}_shape", ".obj", ".safetensors", "")
        kind = "faces" if isinstance(surface, Mesh) else "points"
        print(f"{source.name}: {len(np.asarray(surface[1]))} {kind}, SIREN {width}x3")
        options = {"model": Siren(features=1, width=width, depth=3)}
        key = jax.random.key(seed)
        result = timed_fit(fit_shape, key, surface, num_steps=num_steps, **options)
        mesh = extract_mesh(result.field, resolution=resolution)
        print(f"mesh: {len(mesh.vertices)} vertices, {len(mesh.faces)} faces")
        files.write(".obj", lambda path: write_mesh(path, mesh))
        files.write(".safetensors", lambda path: save_field(path, result.field))
        files.write_image("", shaded(result.field, mesh, side))
        return files

    sources = list_sources("meshes", meshes, sample="trefoil", extensions=_EXTENSIONS)
    return for_each(sources, fit_one, outputs)


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
