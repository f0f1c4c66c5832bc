"""The examples of equations, on files of the user's and without one."""

import numpy as np
import pytest
from scipy import integrate, special

import inr
from inr import commands
from inr.commands import equations


def test_the_sine_series_is_the_pulse_in_open_space_before_it_meets_the_edge():
    """Against the Hankel transform of a Gaussian, by quadrature."""
    inner = equations.grid_points(63)
    width, moment = 0.12, 0.35
    away = np.linalg.norm(inner, axis=-1)
    made = equations.standing_waves(np.exp(-((away / width) ** 2) / 2), moment)
    for i, j in ((31, 31), (20, 35), (31, 44)):

        def part(k, r=away[i, j]):
            gauss = width**2 * np.exp(-((k * width) ** 2) / 2)
            return gauss * np.cos(k * moment) * special.j0(k * r) * k

        exact, _ = integrate.quad(part, 0, 12 / width, limit=200)
        assert made[i, j] == pytest.approx(exact, abs=2e-5)


def test_the_exact_field_of_a_source_obeys_the_equation():
    """By finite differences, away from the source."""
    k, n = 6.0, 200
    field, far = equations.point_source(k, (0.2, -0.3), (n, n))
    around = field[2:, 1:-1] + field[:-2, 1:-1] + field[1:-1, 2:] + field[1:-1, :-2]
    laplacian = (around - 4 * field[1:-1, 1:-1]) * (n / 2) ** 2
    left = (laplacian + k**2 * field[1:-1, 1:-1])[far[1:-1, 1:-1]]
    assert np.abs(left).max() < 1e-3 * k**2 * np.abs(field[far]).max()
    assert far.mean() > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["npy", "png"])
def test_a_source_in_a_medium_of_the_users(tmp_path, capsys, kind):
    pytest.importorskip("matplotlib", reason="needs the extra `examples`")
    plane = np.linspace(0.0, 1, 12 * 10, dtype=np.float32).reshape(12, 10)
    file = tmp_path / f"medium.{kind}"
    if kind == "npy":
        np.save(file, 1 + 0.5 * plane)
    else:
        inr.write_image(file, plane[..., None])
    options = {"wavenumber": 2.0, "num_steps": 2, "width": 6}
    files = commands.helmholtz(file, out=tmp_path / "out", **options)
    assert inr.load_field(files[0]).field(np.zeros((3, 2), "f4")).shape == (3, 2)
    assert inr.read_image(files[1]).std() > 0.05
    assert "medium: wavenumber 2" in capsys.readouterr().out


@pytest.mark.slow
def test_a_wave_from_a_picture_of_the_users(tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="needs the extra `examples`")
    picture = np.zeros((30, 20, 3), np.float32)
    picture[10:20, 5:15] = 1
    inr.write_image(tmp_path / "block.png", picture)
    options = {"duration": 0.3, "num_steps": 2, "width": 6}
    files = commands.wave(tmp_path / "block.png", out=tmp_path / "out", **options)
    assert inr.load_field(files[0]).field(np.zeros((3, 3), "f4")).shape == (3, 1)
    assert inr.read_image(files[1]).std() > 0.05
    assert "at time 0.3" in capsys.readouterr().out


def test_an_array_of_another_rank_is_refused(tmp_path):
    np.save(tmp_path / "cube.npy", np.ones((2, 2, 2), np.float32))
    with pytest.raises(ValueError, match=r"cube.npy.*\[h, w\]"):
        commands.helmholtz(tmp_path / "cube.npy", out=tmp_path)
