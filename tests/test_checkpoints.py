"""Checkpoints in a folder: order, identity, damage, and one process at a time."""

import math
import os
import shutil
import warnings

import numpy as np
import pytest
from support import mostly_slow, refuses

from inr.checkpoints import DERIVED, open_checkpoints

# Of several threads of orbax that read a damaged checkpoint, only one can raise.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)

ARGUMENTS = {"model": "siren", "data": np.arange(5), DERIVED: 0.0}
STRUCTURE = {"a": np.zeros(50), "b": (np.float32(0), np.zeros((2, 2), np.int32))}


def tree_of(step):
    b = (np.float32(-step), np.full((2, 2), step, np.int32))
    return {"a": np.arange(50.0) + step, "b": b}


def step_of(stored):
    """The step whose tree and history were stored, with all of their bits."""
    step = int(stored.tree["b"][1][0, 0])
    expected = tree_of(step)
    np.testing.assert_array_equal(stored.tree["a"], expected["a"])
    np.testing.assert_array_equal(stored.tree["b"][0], expected["b"][0])
    np.testing.assert_array_equal(stored.tree["b"][1], expected["b"][1])
    np.testing.assert_array_equal(stored.extra["history"], np.arange(step))
    return step


def write(folder, *steps, ratings=(), arguments=ARGUMENTS):
    ratings = dict(zip(steps, ratings, strict=False))
    with open_checkpoints(folder, arguments) as checkpoints:
        checkpoints.load(STRUCTURE)
        for step in steps:
            rating = ratings.get(step, math.inf)
            history = np.arange(step)
            checkpoints.save(step, tree_of(step), rating=rating, history=history)


def steps_in(folder):
    return {int(path.name) for path in folder.iterdir() if path.name.isdigit()}


def load(folder, arguments=ARGUMENTS):
    with open_checkpoints(folder, arguments) as checkpoints:
        return step_of(checkpoints.load(STRUCTURE))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the steps 3 and 7."""
    folder = tmp_path_factory.mktemp("checkpoints")
    write(folder, 3, 7)
    return folder


def test_an_empty_folder_has_no_checkpoint(tmp_path):
    with open_checkpoints(tmp_path / "new" / "folder", ARGUMENTS) as checkpoints:
        assert checkpoints.load(STRUCTURE) is None


def test_the_last_two_and_the_best_are_kept(tmp_path):
    write(tmp_path, 1, 2, 3, 4, ratings=(3.0, 1.0, 2.0, 4.0))
    assert steps_in(tmp_path) == {2, 3, 4}
    # Ratings of earlier calls count.
    write(tmp_path, 5, 6, ratings=(2.0, 1.0))
    assert steps_in(tmp_path) == {5, 6}
    write(tmp_path, 7, 8)
    assert steps_in(tmp_path) == {6, 7, 8}
    with open_checkpoints(tmp_path, ARGUMENTS) as checkpoints:
        assert step_of(checkpoints.load(STRUCTURE)) == 8
        assert step_of(checkpoints.load_best(STRUCTURE)) == 6


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"model": "wire"}, "model"),
        ({"data": np.arange(5.0)}, "data"),
        ({"model": "wire", "data": np.arange(6), DERIVED: 1.0}, "model and data"),
        ({DERIVED: 1.0}, DERIVED),
        ({"damping": 1.0}, "damping"),
    ],
)
def test_a_folder_of_other_arguments_is_refused(folder, change, difference):
    message = f"`checkpoint` must be .* got {folder}, which differs in {difference}. C"
    with refuses(message):
        load(folder, {**ARGUMENTS, **change})


def test_a_missing_argument_is_a_difference(folder):
    with refuses("which differs in data. C"):
        load(folder, {"model": "siren", DERIVED: 0.0})


def test_a_tree_of_another_structure_is_refused(folder):
    with open_checkpoints(folder, ARGUMENTS) as checkpoints:
        for tree in ({"a": np.zeros(50)}, {**STRUCTURE, "a": np.zeros(51)}):
            with refuses("`checkpoint` .* arrays that do not match"):
                checkpoints.load(tree)


def test_a_folder_in_use_is_refused(folder):
    with (
        open_checkpoints(folder, ARGUMENTS),
        refuses(f"`checkpoint` must be .* used by process {os.getpid()} on"),
        open_checkpoints(folder, ARGUMENTS),
    ):
        pass


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with (
        refuses("`checkpoint` must be a folder, got the file"),
        open_checkpoints(tmp_path / "file", ARGUMENTS),
    ):
        pass


def empty(path):
    path.write_bytes(b"")


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("damage", mostly_slow([empty, cut, flip, os.unlink], flip))
def test_damage_is_harmless_or_falls_back_with_a_warning(folder, tmp_path, damage):
    copy = shutil.copytree(folder, tmp_path / "copy")
    files = [path for path in (copy / "7").rglob("*") if path.is_file()]
    fallbacks = 0
    for path in files:
        data = path.read_bytes()
        damage(path)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            step = load(copy)
        path.write_bytes(data)
        messages = [str(w.message) for w in caught]
        if step == 7:
            assert messages == []
        else:
            assert step == 3
            (message,) = messages
            assert f"`checkpoint`: step 7 in {copy} is damaged and ignored" in message
            fallbacks += 1
    assert 2 <= fallbacks < len(files)


def test_a_changed_array_that_orbax_reads_without_an_error_is_damage(
    folder, tmp_path, monkeypatch
):
    import orbax.checkpoint as ocp

    restore = ocp.CheckpointManager.restore

    def altered(self, step, **options):
        item = restore(self, step, **options)
        if step == 7:
            item["tree"]["0000"][-1] += 1e-9
        return item

    monkeypatch.setattr(ocp.CheckpointManager, "restore", altered)
    with pytest.warns(UserWarning, match="step 7 .*checksum"):
        assert load(folder) == 3


def damage_step(folder, step):
    for path in (folder / str(step)).rglob("*"):
        if path.is_file():
            empty(path)


def test_a_damaged_checkpoint_is_written_again(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    damage_step(copy, 7)
    with pytest.warns(UserWarning, match="step 7"):
        write(copy, 5, 7)
    assert steps_in(copy) == {5, 7}
    assert load(copy) == 7


def test_a_damaged_best_checkpoint_leaves_the_next_best(tmp_path):
    write(tmp_path, 1, 2, 3, ratings=(1.0, 2.0, 3.0))
    damage_step(tmp_path, 1)
    with open_checkpoints(tmp_path, ARGUMENTS) as checkpoints:
        assert step_of(checkpoints.load(STRUCTURE)) == 3
        with pytest.warns(UserWarning, match="step 1"):
            assert step_of(checkpoints.load_best(STRUCTURE)) == 2


def test_a_folder_without_an_intact_checkpoint_is_refused(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    damage_step(copy, 3)
    damage_step(copy, 7)
    with (
        pytest.warns(UserWarning, match="is damaged"),
        refuses(f"`checkpoint` must be .* got {copy}, where .* steps 3, 7 are damaged"),
    ):
        load(copy)
    assert steps_in(copy) == {3, 7}
