"""Prints the lowest versions that pyproject.toml allows, as pip constraints.

python .ci/lowest.py > lowest.txt && pip install -e ".[test]" -c lowest.txt
"""

import itertools
import pathlib
import tomllib

text = pathlib.Path(__file__).parents[1].joinpath("pyproject.toml").read_text()
project = tomllib.loads(text)["project"]
extras = project["optional-dependencies"].values()
lowest = set()
for requirement in itertools.chain(project["dependencies"], *extras):
    name, version = requirement.split(">=")
    # An extra in brackets, such as imageio[pyav], cannot stand in a constraint.
    lowest.add(f"{name.split('[')[0]}=={version}")
print("\n".join(sorted(lowest)))
