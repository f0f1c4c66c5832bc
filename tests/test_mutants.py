"""The list of mutants fits the library; `python tests/mutants.py` runs them."""

import pytest
from mutants import MUTANTS, ROOT, occurrences


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_one_place_and_has_tests(mutant):
    assert occurrences(mutant) == 1
    assert mutant.new != mutant.old
    assert mutant.tests
    assert all((ROOT / test.split("::")[0]).is_file() for test in mutant.tests)
