"""`inr compress` and `inr decompress`."""

import numpy as np
import pytest

pytest.importorskip("constriction")

import small_codec

import inr
from inr.__main__ import main
from inr.models import save_model

pytestmark = pytest.mark.slow  # the search is compiled


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A picture, networks, and the picture compressed."""
    folder = tmp_path_factory.mktemp("codec")
    save_model(folder / "codec.safetensors", *small_codec.codec())
    inr.write_image(folder / "a.png", small_codec.picture((24, 20)))
    options = ["--minutes", "0.01", "--output", str(folder), *model(folder)]
    assert main(["compress", str(folder / "a.png"), *options]) == 0
    return folder


def model(folder):
    return ["--model", str(folder / "codec.safetensors")]


def test_decompress_writes_what_decode_returns(folder, tmp_path):
    names = ["--output", str(tmp_path), *model(folder)]
    assert main(["decompress", str(folder / "a.inr"), *names]) == 0
    result = inr.read_image(tmp_path / "a.png")
    data = (folder / "a.inr").read_bytes()
    expected = inr.codec.decode(data, model=folder / "codec.safetensors")
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_a_scale_renders_the_field(folder, tmp_path):
    options = ["--scale", "2", "--region", "0", "0.5", "0.5", "1", *model(folder)]
    options += ["--output", str(tmp_path / "large.png")]
    assert main(["decompress", str(folder / "a.inr"), *options]) == 0
    result = inr.read_image(tmp_path / "large.png")
    data = (folder / "a.inr").read_bytes()
    field = inr.codec.decode_field(data, model=folder / "codec.safetensors")
    expected = inr.render(
        field, (24, 20), region=((0, 0.5), (0.5, 1)), progress=False
    ).clip(0, 1)
    np.testing.assert_allclose(result, expected, atol=0.51 / 255)


def test_damaged_files_and_two_targets_are_errors(folder, tmp_path, capsys):
    (tmp_path / "b.inr").write_bytes((folder / "a.inr").read_bytes()[:-1])
    assert main(["decompress", str(tmp_path / "b.inr"), *model(folder)]) == 2
    assert "undamaged" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["compress", str(folder / "a.png"), "--bpp", "1", "--quality", "3"])
