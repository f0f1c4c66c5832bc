"""The code in the README runs, on small images."""

import pathlib
import re

import numpy as np
import pytest
from skimage import data

import inr

ROOT = pathlib.Path(__file__).parents[1]


@pytest.mark.long
@pytest.mark.slow
def test_the_code_of_the_readme_runs(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert len(blocks) >= 4
    cat = np.float32(data.chelsea()) / 255
    inr.write_image(tmp_path / "photo.jpg", cat[100:132, 150:190])
    inr.write_image(tmp_path / "same_place.jpg", cat[102:134, 153:193])
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks:
        block = block.replace(
            "inr.fit_image(key, image)", "inr.fit_image(key, image, num_steps=5)"
        )
        # No pixel of the crop is that bright.
        block = block.replace("> 0.95", "> 0.6")
        exec(compile(block, "README.md", "exec"), names)
    assert names["large"].shape == (86, 108, 3)
    assert names["textured"].shape == (128, 160, 3)
    assert names["samples"].shape == (4, 32, 40, 3)
    assert names["repaired"].shape == names["merged"].shape == (32, 40, 3)
    assert names["x0"].shape == (1000, 2)
    assert (tmp_path / "photo.safetensors").is_file()


def test_the_readme_is_short():
    assert (ROOT / "README.md").read_text().count("\n") <= 130
