"""Pages of the documentation: their code runs, and every page is complete.

Pages that are notebooks run when the site is built; the code of the others runs here.
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
from skimage import data

import inr
from inr.__main__ import main

DOCS = pathlib.Path(__file__).parents[1] / "docs"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
NOTEBOOKS = {name for name, text in PAGES.items() if "\nkernelspec:" in text}
SAMPLES = {
    name: re.findall(r"```python\n(.*?)```", text, re.S)
    for name, text in PAGES.items()
    if name not in NOTEBOOKS and "```python" in text
}
MAX_GALLERY_BYTES = 2_000_000


def write_photos(folder):
    cat = np.float32(data.chelsea()) / 255
    inr.write_image(folder / "photo.jpg", cat[100:132, 150:190])
    inr.write_image(folder / "same_place.jpg", cat[102:134, 153:193])
    inr.write_image(folder / "gray.jpg", inr.color.rgb_to_luma(cat[100:132, 150:190]))
    mask = np.zeros((32, 40, 1), np.float32)
    mask[10:14, 10:30] = 1
    inr.write_image(folder / "mask.png", mask)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_the_code_of_a_page_runs(name, tmp_path, monkeypatch):
    write_photos(tmp_path)
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in SAMPLES[name]:
        block = re.sub(r"num_steps=\d+", "num_steps=5", block)
        block = block.replace("progress=False)\ninr.save", "num_steps=5)\ninr.save")
        block = block.replace("> 0.95", "> 0.6")  # No pixel of the crop is that bright.
        exec(compile(block, f"{name}.md", "exec"), names)


@pytest.mark.slow
def test_spawned_processes_enlarge_files(tmp_path):
    write_photos(tmp_path)
    (script,) = (code for code in SAMPLES["machines"] if '"spawn"' in code)
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, "script.py"]
    environment = {**os.environ, "PYTHONPATH": str(DOCS.parent)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    for name in ("photo.jpg", "same_place.jpg"):
        assert inr.read_image(tmp_path / f"large_{name}").shape == (64, 80, 3)


@pytest.mark.long
@pytest.mark.slow
def test_the_commands_of_the_start_page_run(tmp_path, monkeypatch):
    write_photos(tmp_path)
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^inr (\w+ .*\.jpg.*)$", PAGES["start"], re.M)
    assert len(commands) >= 2
    for command in commands:
        assert not main(shlex.split(command))
    assert len(list((tmp_path / "out").iterdir())) >= 2


def test_every_notebook_is_downloadable_and_in_the_contents():
    for name in NOTEBOOKS:
        assert f"{{nb-download}}`{name}.ipynb`" in PAGES[name], name
    contents = PAGES["index"].split()
    for name in PAGES:
        assert name in contents or name == "index"


def test_the_benchmarks_page_shows_every_plot(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    import plot_benchmarks

    files = plot_benchmarks.write(tmp_path)
    shown = re.findall(r"!\[[^\]]+\]\(plots/(\S+)\)", PAGES["benchmarks"])
    assert sorted(shown) == sorted(path.name for path in files)
    for path in files:
        assert "<svg" in path.read_text(encoding="utf-8")
    # A second call draws the same.
    texts = [path.read_text(encoding="utf-8") for path in files]
    plot_benchmarks.write(tmp_path)
    assert texts == [path.read_text(encoding="utf-8") for path in files]


def test_every_model_has_a_picture():
    sections = re.split(r"\n## ", PAGES["models"])[1:]
    assert {section.split("\n")[0] for section in sections} == set(
        inr.pretrained.names()
    )
    for section in sections:
        (picture,) = re.findall(r"!\[[^\]]+\]\((\S+)\)", section)
        assert (DOCS / picture).is_file()
    size = sum(path.stat().st_size for path in (DOCS / "cards").iterdir())
    assert size < MAX_GALLERY_BYTES


def test_the_gallery_links_every_picture_to_a_page():
    links = re.findall(r"\[!\[[^\]]+\]\((\S+)\)\]\((\w+)\.md\)", PAGES["gallery"])
    assert len(links) >= 16
    for picture, page in links:
        assert (DOCS / picture).is_file()
        assert page in PAGES
    files = [*(DOCS / "gallery").iterdir(), *(DOCS / "_pages").iterdir()]
    assert sum(path.stat().st_size for path in files) < MAX_GALLERY_BYTES
