import numpy as np
import pytest
from support import refuses

from inr import diffusion


@pytest.mark.parametrize(
    ("spacing", "num_steps", "expected"),
    [
        ("leading", 10, range(0, 1000, 100)),
        ("trailing", 10, range(99, 1000, 100)),
        ("linspace", 10, range(0, 1000, 111)),
        ("quadratic", 5, [0, 50, 200, 450, 800]),
    ],
)
def test_levels_by_rule(spacing, num_steps, expected):
    found = diffusion.spaced_levels(1000, num_steps, spacing=spacing)
    np.testing.assert_array_equal(found, expected)


def test_levels_of_dpm_solver():
    found = diffusion.spaced_levels(1000, 21, spacing="linspace")[1:][::-1]
    assert found.tolist()[:11] == [*range(999, 548, -50), 500]
    assert found.tolist()[-2:] == [100, 50]


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_all_levels_are_all_levels(spacing):
    found = diffusion.spaced_levels(37, 37, spacing=spacing)
    np.testing.assert_array_equal(found, np.arange(37))


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ("ddim25", range(0, 1000, 40)),
        ([10], range(0, 1000, 111)),
        ("1", [0]),
    ],
)
def test_section_strings_of_guided_diffusion(sections, expected):
    found = diffusion.section_levels(1000, sections)
    np.testing.assert_array_equal(found, expected)


def test_sections_of_guided_diffusion():
    fifty = diffusion.section_levels(1000, "50").tolist()
    assert fifty[:5] == [0, 20, 41, 61, 82]
    assert fifty[-2:] == [979, 999]
    found = diffusion.section_levels(300, [10, 15, 20]).tolist()
    assert len(found) == 45
    assert found[:3] == [0, 11, 22]
    assert found[-2:] == [294, 299]
    assert found == diffusion.section_levels(300, "10,15,20").tolist()


# Steps that the point-wise restorer took for each stride, and the first jump.
KEPT = {1: (100, 1), 2: (51, 2), 3: (35, 2), 4: (27, 2), 5: (22, 3), 6: (19, 2)}
KEPT |= {7: (16, 7), 8: (15, 2), 9: (13, 8), 10: (12, 8), 15: (9, 8), 20: (7, 18)}
KEPT |= {25: (6, 23), 30: (6, 8)}


@pytest.mark.parametrize("stride", KEPT)
def test_every_kth_level_of_the_point_wise_restorer(stride):
    found = diffusion.every_kth_level(100, stride)
    assert (len(found), found[-1] - found[-2]) == KEPT[stride]
    assert found[0] == 0
    assert found[-1] == 99


def test_bad_spacings_are_refused():
    with refuses("`num_steps` must be at most the 10"):
        diffusion.spaced_levels(10, 11)
    with refuses("`num_steps` must be at least 1"):
        diffusion.spaced_levels(10, 0)
    with refuses("`spacing` must be one of"):
        diffusion.spaced_levels(10, 5, spacing="cosine")
    with refuses("`num_steps` must be few enough for distinct quadratic"):
        diffusion.spaced_levels(100, 90, spacing="quadratic")
    with refuses("`sections` must be counts such as .* got 'ddimx'"):
        diffusion.section_levels(100, "ddimx")
    with refuses("`sections` must be counts from 1 to 50, got 60"):
        diffusion.section_levels(100, [60, 10])
    with refuses("`sections` must be a count that a whole stride"):
        diffusion.section_levels(1000, "ddim999")
    with refuses("`stride` must be at least 1"):
        diffusion.every_kth_level(100, 0)
