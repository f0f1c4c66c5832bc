"""Files and reports of the examples of equations."""

import numpy as np
import pytest

import inr
from inr import commands


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["npy", "png"])
def test_a_medium_is_an_array_or_an_image(tmp_path, capsys, kind):
    pytest.importorskip("matplotlib", reason="needs the extra `examples`")
    plane = np.linspace(0.0, 1, 12 * 10, dtype=np.float32).reshape(12, 10)
    file = tmp_path / f"medium.{kind}"
    if kind == "npy":
        np.save(file, 1 + 0.5 * plane)
    else:
        inr.write_image(file, plane[..., None])
    options = {"wavenumber": 2.0, "num_steps": 2, "width": 6}
    files = commands.helmholtz(file, output=tmp_path / "out", **options)
    assert inr.load_field(files[0]).field(np.zeros((3, 2), "f4")).shape == (3, 2)
    assert inr.read_image(files[1]).std() > 0.05
    assert "medium: wavenumber 2" in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.slow
def test_a_wave_starts_from_an_image(tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="needs the extra `examples`")
    image = np.zeros((30, 20, 3), np.float32)
    image[10:20, 5:15] = 1
    inr.write_image(tmp_path / "block.png", image)
    options = {"duration": 0.3, "num_steps": 2, "width": 6}
    files = commands.wave(tmp_path / "block.png", output=tmp_path / "out", **options)
    assert inr.load_field(files[0]).field(np.zeros((3, 3), "f4")).shape == (3, 1)
    assert inr.read_image(files[1]).std() > 0.05
    assert "at time 0.3" in capsys.readouterr().out


def test_an_array_of_another_rank_is_refused(tmp_path):
    np.save(tmp_path / "cube.npy", np.ones((2, 2, 2), np.float32))
    with pytest.raises(ValueError, match=r"cube.npy.*\[h, w\]"):
        commands.helmholtz(tmp_path / "cube.npy", output=tmp_path)


def test_an_array_file_that_declares_too_much_is_refused(tmp_path):
    path = tmp_path / "plane.npy"
    np.save(path, np.ones((2, 2), np.float32))
    path.write_bytes(path.read_bytes().replace(b"(2, 2)", b"(99999999, 999)"))
    with pytest.raises(ValueError, match=r"`path` must be a \.npy file of numbers"):
        commands.helmholtz(path, output=tmp_path)
