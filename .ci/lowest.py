"""Prints the lowest versions that pyproject.toml allows, as pip requirements.

    pip install -e ".[examples,media,test]" -c <(python .ci/lowest.py)
"""

import pathlib
import tomllib

text = pathlib.Path(__file__).parents[1].joinpath("pyproject.toml").read_text()
project = tomllib.loads(text)["project"]
extras = project["optional-dependencies"]
requirements = project["dependencies"] + sum(map(list, extras.values()), [])
# An extra in brackets, such as imageio[pyav], cannot stand in a constraint.
pinned = {r.split("[")[0].split(">=")[0] + "==" + r.split(">=")[1] for r in requirements}
print("\n".join(sorted(pinned)))
