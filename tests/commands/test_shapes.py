"""Files of `inr shape`."""

import jax.numpy as jnp
import numpy as np
import pytest

import inr
from inr.__main__ import main
from inr.commands.shapes import trefoil


@pytest.mark.long
@pytest.mark.slow
def test_the_field_the_mesh_and_a_picture_are_written(tmp_path, capsys):
    trimesh = pytest.importorskip("trimesh", reason="needs the extra `media`")
    pytest.importorskip("skimage", reason="marching cubes needs scikit-image")
    sphere = trimesh.creation.icosphere(2, 3.0)
    sphere.export(tmp_path / "ball.obj")
    out = tmp_path / "out"
    options = ["--steps", "150", "--width", "32", "--resolution", "24", "--side", "48"]
    assert (
        main(["shape", str(tmp_path / "ball.obj"), "--output", str(out), *options]) == 0
    )
    assert trimesh.load(out / "ball_shape.obj").is_watertight
    field, _ = inr.load_field(out / "ball_shape.safetensors")
    assert field(jnp.zeros((1, 3))) < 0
    assert field(jnp.asarray([[0, 0, 3.3]])) > 0
    picture = inr.read_image(out / "ball_shape.png")
    assert picture.shape == (48, 48, 3)
    np.testing.assert_allclose(picture[0, 0], 1)  # white beside the ball
    # Light comes from above, so the upper half of the ball is brighter.
    assert picture[12, 24].mean() > picture[36, 24].mean() + 0.1
    assert main(["shape", str(tmp_path / "missing.obj"), "--output", str(out)]) == 2
    assert "missing.obj" in capsys.readouterr().err


def test_the_knot_is_watertight_with_outward_normals():
    """The volume of a tube is its cross-section times the curve's length (Pappus)."""
    mesh = trefoil()
    edges = mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).tolist()
    directed_edges = {tuple(edge) for edge in edges}
    assert len(directed_edges) == len(edges)
    assert all((b, a) in directed_edges for a, b in directed_edges)
    a, b, c = np.moveaxis(mesh.vertices[:, ::-1][mesh.faces], 1, 0)
    t = np.linspace(0, 2 * np.pi, 20_001)
    y = np.cos(t) - 2 * np.cos(2 * t)
    curve = [np.sin(t) + 2 * np.sin(2 * t), y, -np.sin(3 * t)]
    length = np.linalg.norm(np.diff(curve, axis=1), axis=0).sum()
    volume = (a * np.cross(b, c)).sum() / 6
    assert volume == pytest.approx(np.pi * 0.55**2 * length, rel=0.01)
