"""The Stanford bunny as a signed distance: Chamfer distance of the reconstruction.

    python benchmarks/shapes.py [fit] [paper]

The Chamfer distance here is the mean of two means: the distance from points of the
reconstruction to the mesh, and from points of the mesh to the reconstruction, 100,000
points each, uniform by area. Distances are to triangles, not to samples, so a perfect
reconstruction scores 0. The unit is per cent of the diagonal of the mesh's bounding
box. The mesh has five holes in its base. The reconstruction closes them, and its points
there increase its distance.
"""

import sys
import time

import _common
import jax
import jax.numpy as jnp
import numpy as np
import trimesh
from scipy.spatial import cKDTree

import inr
from inr.calculus import gradient
from inr.commands._shading import shaded
from inr.signals import Mesh, sample_surface, shape_terms

BUNNY = _common.DATA / "bench" / "mesh" / "stanford-bunny.obj"
CANDIDATES = 24
MODEL = inr.Siren(features=1, width=128, depth=3)
NUM_STEPS = 1000
RESOLUTION = 256


def chamfer(reconstruction: Mesh, mesh: Mesh) -> dict[str, float]:
    """Return mean distances both ways and their mean, in per cent of the diagonal."""
    diagonal = np.linalg.norm(np.ptp(mesh.vertices, axis=0))
    directions = {
        "reconstruction_to_mesh": (reconstruction, mesh),
        "mesh_to_reconstruction": (mesh, reconstruction),
    }
    key = jax.random.key(1)
    result = {}
    for name, (a, b) in directions.items():
        (points, _), _ = sample_surface(key, a, num_points=100_000)
        distance = to_surface(points, b)
        result[f"{name}_percent"] = 100 * float(distance.mean() / diagonal)
        result[f"{name}_largest_percent"] = 100 * float(distance.max() / diagonal)
    means = [result[f"{name}_percent"] for name in directions]
    return {"chamfer_percent": float(np.mean(means)), **result}


def to_surface(points: np.ndarray, mesh: Mesh) -> np.ndarray:
    """Distances of points to a mesh, from the triangles with the nearest centers.

    The triangles of both meshes are small and similar, so more candidates change
    nothing.
    """
    # trimesh treats triangles with sides of 1e-3 as points: scale the sides to about 1.
    corners = mesh.vertices[mesh.faces]
    scale = 1 / np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1).mean()
    corners, points = scale * corners, scale * points
    _, nearest = cKDTree(corners.mean(1)).query(points, k=CANDIDATES)
    distances = []
    for candidates in nearest.T:
        closest = trimesh.triangles.closest_point(corners[candidates], points)
        distances.append(np.linalg.norm(closest - points, axis=1))
    return np.min(distances, axis=0) / scale


def scores(name: str, result: inr.FitResult, seconds: float, mesh: Mesh) -> dict:
    """Score a fit, and write a picture of it to `benchmarks/out`."""
    field = result.field
    start = time.perf_counter()
    extracted = inr.extract_mesh(field, resolution=RESOLUTION, progress=False)
    extraction = time.perf_counter() - start
    picture = _common.HERE / "out" / f"bunny_{name}.png"
    picture.parent.mkdir(exist_ok=True)
    inr.write_image(picture, shaded(field, extracted, 640))
    as_trimesh = trimesh.Trimesh(extracted.vertices[:, ::-1], extracted.faces)
    return {
        **chamfer(extracted, mesh),
        "watertight": bool(as_trimesh.is_watertight),
        "parts": int(as_trimesh.body_count),
        "steps": result.num_steps,
        "seconds": seconds,
        "extraction_seconds": extraction,
        "resolution": RESOLUTION,
    }


def fit() -> None:
    """Score `fit_shape`; the time includes compilation."""
    mesh = inr.read_mesh(BUNNY)
    start = time.perf_counter()
    result = inr.fit_shape(jax.random.key(0), mesh, model=MODEL, num_steps=NUM_STEPS)
    seconds = time.perf_counter() - start
    _common.save("shapes", {"fit_shape": scores("fit", result, seconds, mesh)})


def paper() -> None:
    """Score the four terms of Sitzmann et al. with their weights, for as many steps.

    The rate is 1e-3 instead of their 1e-4, because there are only 1,000 steps.
    """
    mesh = inr.read_mesh(BUNNY)
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    half = (high - low).max() / 2 / 0.9
    cube = Mesh((mesh.vertices - (low + high) / 2) / half, mesh.faces)
    surface, normal, eikonal, _ = shape_terms(jax.random.key(0), cube)
    absolute = {"batch_size": surface.batch_size, "reduce": mean_absolute}
    terms = (
        inr.Term(surface.residual, surface.data, 3e3, **absolute),
        inr.Term(angle_residual, normal.data, 1e2, **absolute),
        inr.Term(eikonal.residual, eikonal.data, 5e1, **absolute),
        inr.Term(off_surface_residual, eikonal.data, 1e2, **absolute),
    )
    start = time.perf_counter()
    result = inr.fit(
        jax.random.key(0), MODEL, terms, num_steps=NUM_STEPS, optimizer=1e-3
    )
    seconds = time.perf_counter() - start
    _common.save("shapes", {"four_terms": scores("paper", result, seconds, cube)})


def mean_absolute(residual):
    return jnp.abs(residual).mean()


def angle_residual(field, batch):
    """1 - cos of the angle between gradient and normal."""
    points, normals = batch
    slope = gradient(field, points)[..., 0]
    length = jnp.sqrt(jnp.maximum(jnp.square(slope).sum(-1), 1e-12))
    return 1 - (slope * normals).sum(-1) / length


def off_surface_residual(field, batch):
    """exp(-100 |f|)."""
    return jnp.exp(-100 * jnp.abs(field(batch[0])))


if __name__ == "__main__":
    parts = {"fit": fit, "paper": paper}
    for name in sys.argv[1:] or parts:
        parts[name]()
