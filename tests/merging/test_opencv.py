import numpy as np
import pytest
from pictures import DATA
from support import refuses

from inr import merging


def within_one_level(golden, center, mode):
    result = merging.seamless_clone_opencv(
        golden["source"], golden["target"], golden["mask"] > 0, center, mode=mode
    )
    difference = np.abs(result.astype(int) - golden[mode])
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3


@pytest.mark.parametrize("mode", ["normal", "mixed", "monochrome"])
def test_within_one_level_of_opencv_on_pictures(mode):
    golden = np.load(DATA / "opencv_clone.npz")
    within_one_level(golden, tuple(golden["center"].tolist()), mode)
    assert np.abs(golden[mode].astype(int) - golden["target"]).mean() > 3


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["normal", "mixed", "monochrome"])
def test_within_one_level_of_opencv_on_noise(data_folder, mode):
    golden = np.load(data_folder / "golden" / "opencv_clone.npz")
    column, row = golden["center_xy"].tolist()
    within_one_level(golden, (row, column), mode)


def arguments():
    rng = np.random.default_rng(0)
    mask = np.zeros((12, 14), bool)
    mask[3:9, 3:10] = True
    source = rng.integers(0, 256, (12, 14, 3), dtype=np.uint8)
    target = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return {"source": source, "target": target, "mask": mask, "center": (10, 20)}


def test_pixels_outside_the_box_are_unchanged():
    options = arguments()
    result = merging.seamless_clone_opencv(**options)
    inside = np.zeros((30, 40), bool)
    inside[8:12, 18:23] = True
    np.testing.assert_array_equal(result[~inside], options["target"][~inside])
    assert result.dtype == np.uint8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"source": np.zeros((12, 14, 3), np.float32)},
            "For floats use `seamless_clone`",
        ),
        ({"target": np.zeros((30, 40), np.uint8)}, r"`target` must be uint8 \[h, w, 3"),
        ({"mask": np.zeros((12, 14), np.uint8)}, "`mask` must be a bool array"),
        ({"mask": np.zeros((12, 14), bool)}, "an empty mask"),
        ({"center": (1, 1)}, "`center` must be such that the box fits into"),
        ({"mode": "average"}, "`mode` must be one of"),
    ],
)
def test_invalid_input_raises(change, message):
    with refuses(message):
        merging.seamless_clone_opencv(**{**arguments(), **change})
