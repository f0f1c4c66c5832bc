"""Fails if a pytest log has skips whose reason .ci/allowed_skips does not list.

python .ci/check_skips.py LOG
"""

import pathlib
import re
import sys

allowed = pathlib.Path(__file__).with_name("allowed_skips").read_text().splitlines()
patterns = [re.compile(line) for line in allowed if line and not line.startswith("#")]
log = pathlib.Path(sys.argv[1]).read_text()
skips = re.findall(r"^SKIPPED \[\d+\] (.*)$", log, re.MULTILINE)
unexpected = [s for s in skips if not any(p.search(s) for p in patterns)]
if unexpected:
    print("Skips that .ci/allowed_skips does not list:", *unexpected, sep="\n")
    sys.exit(1)
