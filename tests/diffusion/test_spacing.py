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
def test_levels_of_each_rule(spacing, num_steps, expected):
    levels = diffusion.spaced_levels(1000, num_steps, spacing=spacing)
    np.testing.assert_array_equal(levels, expected)


def test_levels_match_dpm_solver():
    levels = diffusion.spaced_levels(1000, 21, spacing="linspace")[1:][::-1]
    assert levels.tolist()[:11] == [*range(999, 548, -50), 500]
    assert levels.tolist()[-2:] == [100, 50]


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_as_many_steps_as_levels_visit_all_levels(spacing):
    levels = diffusion.spaced_levels(37, 37, spacing=spacing)
    np.testing.assert_array_equal(levels, np.arange(37))


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ("ddim25", range(0, 1000, 40)),
        ([10], range(0, 1000, 111)),
        ("1", [0]),
    ],
)
def test_section_strings_match_guided_diffusion(sections, expected):
    levels = diffusion.section_levels(1000, sections)
    np.testing.assert_array_equal(levels, expected)


def test_sections_match_guided_diffusion():
    fifty = diffusion.section_levels(1000, "50").tolist()
    assert fifty[:5] == [0, 20, 41, 61, 82]
    assert fifty[-2:] == [979, 999]
    levels = diffusion.section_levels(300, [10, 15, 20]).tolist()
    assert len(levels) == 45
    assert levels[:3] == [0, 11, 22]
    assert levels[-2:] == [294, 299]
    assert levels == diffusion.section_levels(300, "10,15,20").tolist()


# For each stride, the number of levels and the first step down.
STRIDES = {1: (100, 1), 2: (51, 2), 3: (35, 2), 4: (27, 2), 5: (22, 3), 6: (19, 2)}
STRIDES |= {7: (16, 7), 8: (15, 2), 9: (13, 8), 10: (12, 8), 15: (9, 8), 20: (7, 18)}
STRIDES |= {25: (6, 23), 30: (6, 8)}


@pytest.mark.parametrize("stride", STRIDES)
def test_the_number_of_levels_and_the_first_step_of_each_stride(stride):
    levels = diffusion.every_kth_level(100, stride)
    assert (len(levels), levels[-1] - levels[-2]) == STRIDES[stride]
    assert levels[0] == 0
    assert levels[-1] == 99


def test_invalid_spacings_are_refused():
    with refuses("`num_steps` must be at most the number of levels, 10"):
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
    with refuses("`sections` must be a count that an integer stride"):
        diffusion.section_levels(1000, "ddim999")
    with refuses("`stride` must be at least 1"):
        diffusion.every_kth_level(100, 0)
