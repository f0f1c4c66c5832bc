"""Files of the example of exports."""

import numpy as np
import pytest

import inr
from inr import commands
from inr.__main__ import main

pytest.importorskip("flatbuffers", reason="jax.export writes with flatbuffers")


@pytest.mark.long
@pytest.mark.slow
def test_a_photograph_is_exported_as_a_shader_and_a_program(tmp_path, capsys):
    photo = np.random.default_rng(0).uniform(0.2, 0.8, (12, 20, 4))
    inr.write_image(tmp_path / "photo.png", photo)
    files = commands.export(
        tmp_path / "photo.png",
        output=tmp_path / "out",
        num_steps=5,
        width=8,
        max_side=15,
    )
    shader, program, sheet = files
    assert [f.name for f in files] == [
        "photo.glsl",
        "photo.stablehlo",
        "photo.png",
    ]
    assert "vec2(15.0, 9.0) * min(" in shader.read_text()
    field = inr.from_stablehlo(program.read_bytes())
    # Alpha is dropped.
    assert field(inr.coords.grid((2, 3))).shape == (2, 3, 3)
    assert inr.read_image(sheet).shape[-1] == 3
    assert f"{len(shader.read_text())} characters" in capsys.readouterr().out


def test_every_image_of_a_folder_is_exported(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for name in "ab":
        inr.write_image(tmp_path / "photos" / f"{name}.png", np.full((6, 8, 1), 0.5))
    (tmp_path / "photos" / "c.png").write_text("not an image")
    arguments = ["export", str(tmp_path / "photos"), "-o", str(tmp_path / "out")]
    assert main([*arguments, "--steps", "2", "--width", "4"]) == 1
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    endings = (".glsl", ".png", ".stablehlo")
    assert names == [name + ending for name in "ab" for ending in endings]
    assert "1 of 3 inputs failed" in capsys.readouterr().err
