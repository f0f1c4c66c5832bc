"""Files of `inr view`."""

import pathlib
import webbrowser

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import inr
from inr.__main__ import main


@pytest.fixture
def field(tmp_path):
    model = inr.Siren(1, width=4, depth=1)
    params = model.init(jax.random.key(0), jnp.zeros((1, 2), jnp.float32))
    field = inr.bind(model, params)
    inr.save_field(tmp_path / "photo.safetensors", field, size=(6, 9))
    return field


def test_a_page_is_written_for_a_field(field, tmp_path, capsys):
    folder = tmp_path / "pages"
    assert main(["view", str(tmp_path), "--output", str(folder)]) == 0
    page = (folder / "photo.html").read_text(encoding="utf-8")
    assert page == inr.to_html(field, size=(6, 9), title="photo")
    assert "photo.html" in capsys.readouterr().out


def test_options_of_the_page(field, tmp_path, monkeypatch):
    rgba = np.random.default_rng(0).random((7, 5, 4), np.float32)
    inr.write_image(tmp_path / "original.png", rgba)
    addresses = []
    monkeypatch.setattr(webbrowser, "open", addresses.append)
    file, page = tmp_path / "photo.safetensors", tmp_path / "page.html"
    reference = tmp_path / "original.png"
    options = ["-o", str(page), "--reference", str(reference), "--side", "99", "--open"]
    assert main(["view", str(file), *options]) == 0
    rgb = inr.read_image(reference)[..., :3]
    expected = inr.to_html(field, reference=rgb, title="photo", side=99)
    assert page.read_text(encoding="utf-8") == expected
    assert addresses == [page.as_uri()]


def test_a_compressed_picture_becomes_a_page(tmp_path):
    file = pathlib.Path(__file__).parents[1] / "data" / "cat.inr"
    assert main(["view", str(file), "-o", str(tmp_path)]) == 0
    field = inr.codec.decode_field(file.read_bytes())
    page = (tmp_path / "cat.html").read_text(encoding="utf-8")
    assert page == inr.to_html(field, title="cat")


def test_errors_are_one_line_and_write_nothing(field, tmp_path, capsys):
    file = str(tmp_path / "photo.safetensors")
    assert main(["view", file, "-o", str(tmp_path / "photo.png")]) == 2
    error = capsys.readouterr().err
    assert "`output` must be a folder, or a name ending in .html" in error
    assert main(["view", file, "--side", "3", "-o", str(tmp_path)]) == 2
    assert "`side`" in capsys.readouterr().err
    assert {p.name for p in tmp_path.iterdir()} == {"photo.safetensors"}
