"""Mutation testing: break the library on purpose, and check that tests notice.

Each mutant replaces one string in one file of a copy of the library, and runs the tests
that should fail. Run `python tests/mutants.py`, or give names for some of the mutants.
The exit status is 0 if all of them are killed.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[1]
_PASSED, _FAILED = 0, 1  # exit statuses of pytest


@dataclass(frozen=True)
class Mutant:
    """A change of one file.

    Attributes:
      name: of the mutant.
      file: path below the root of the repository.
      old: text that must occur in the file exactly once.
      new: its replacement.
      tests: node ids of tests; at least one must fail.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "SIREN: phases of the first layer over half a turn",
        "inr/fields/init.py",
        "jnp.pi / _checks.as_positive",
        "jnp.pi / 2 / _checks.as_positive",
        ("tests/fields/test_init.py",),
    ),
    Mutant(
        "SIREN: bound of the last layer doubled",
        "inr/fields/siren.py",
        'init.sine_hidden(omega), name="linear"',
        'init.sine_hidden(omega / 2), name="linear"',
        ("tests/fields/test_init.py",),
    ),
    Mutant(
        "SIREN: bound of hidden layers doubled",
        "inr/fields/init.py",
        "(6 / _fan_in(shape)) ** 0.5 / omega",
        "2 * (6 / _fan_in(shape)) ** 0.5 / omega",
        ("tests/fields/test_init.py",),
    ),
    Mutant(
        "sRGB: threshold of 0.05",
        "inr/color.py",
        "curved = x > 0.04045",
        "curved = x > 0.05",
        ("tests/test_color.py",),
    ),
    Mutant(
        "shapes: no eikonal term",
        "inr/signals/surface_terms.py",
        "_WEIGHTS = (100.0, 1.0, 0.1, 10.0)",
        "_WEIGHTS = (100.0, 1.0, 0.0, 10.0)",
        ("tests/signals/test_surface_terms.py",),
    ),
    Mutant(
        "upscale: windows overlap by a pixel less than needed",
        "inr/upscaling/upscaler.py",
        "decoder = 1 + (3 if self.tail else 0)",
        "decoder = 0 + (3 if self.tail else 0)",
        ("tests/upscaling/test_upscaler.py",),
    ),
    Mutant(
        "upscale: weights of the local ensemble add up to 1.002",
        "inr/upscaling/upscaler.py",
        "value = value + weight[..., None] * residual",
        "value = value + 1.002 * weight[..., None] * residual",
        ("tests/upscaling/test_upscaler.py",),
    ),
    Mutant(
        "textures: mean not subtracted from the extractor's input",
        "inr/_vgg16.py",
        "(2 * images - 1 - mean) / std",
        "(2 * images - 1) / std",
        ("tests/references/test_transformer.py",),
    ),
    Mutant(
        "noise field: sines and cosines from one key",
        "inr/diffusion/noise.py",
        "jax.random.normal(key_sines, (num_waves, features)",
        "jax.random.normal(key_cosines, (num_waves, features)",
        ("tests/diffusion/test_noise.py",),
    ),
)


def occurrences(mutant: Mutant, folder: pathlib.Path = ROOT) -> int:
    """Number of times that the text to replace occurs in its file."""
    return (folder / mutant.file).read_text(encoding="utf-8").count(mutant.old)


def first_failure(folder: pathlib.Path, tests: tuple[str, ...]) -> str | None:
    """The first test that fails for the copy of the library in a folder."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not slow"]
    command += ["-p", "no:cacheprovider", *tests]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if run.returncode == _PASSED:
        return None
    failed = re.search(r"^FAILED \S+?::(\S+)", run.stdout, re.MULTILINE)
    if run.returncode != _FAILED or failed is None:
        raise SystemExit(f"pytest ended with status {run.returncode}:\n{run.stdout}")
    return failed[1]


def copy_library(folder: pathlib.Path) -> None:
    """Copy what the tests need; `python -m` imports from the working directory."""
    ignored = shutil.ignore_patterns("__pycache__", "weights")
    shutil.copytree(ROOT / "inr", folder / "inr", ignore=ignored)
    (folder / "inr" / "weights").symlink_to(ROOT / "inr" / "weights")
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    command = [sys.executable, "-c", "import inr; print(inr.__file__)"]
    imported = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True
    )
    assert pathlib.Path(imported.stdout.strip()).is_relative_to(folder.resolve())


def killer(mutant: Mutant, folder: pathlib.Path) -> str | None:
    """The first test that fails for the mutant; the copy is restored afterwards."""
    if occurrences(mutant, folder) != 1:
        raise SystemExit(f"{mutant.name}: not exactly once in {mutant.file}")
    path = folder / mutant.file
    original = path.read_text(encoding="utf-8")
    path.write_text(original.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        return first_failure(folder, mutant.tests)
    finally:
        path.write_text(original, encoding="utf-8")


def main() -> int:
    """Run the mutants, print a line for each, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="parts of names; default: all")
    names = parser.parse_args().names
    selected = [
        m for m in MUTANTS if not names or any(name in m.name for name in names)
    ]
    survived = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        copy_library(folder)
        tests = tuple(sorted({test for m in selected for test in m.tests}))
        if failure := first_failure(folder, tests):
            raise SystemExit(f"{failure} fails before the library is changed.")
        for mutant in selected:
            test = killer(mutant, folder)
            survived += test is None
            outcome = f"killed by {test}" if test else "SURVIVED"
            print(f"{mutant.name}: {outcome}", flush=True)
    print(f"{len(selected) - survived} of {len(selected)} mutants killed")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())
