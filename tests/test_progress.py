"""The progress bar in a notebook without ipywidgets."""

import subprocess
import sys

CODE = """
import sys, types, warnings

class ZMQInteractiveShell:
    pass

sys.modules["ipykernel.zmqshell"] = types.ModuleType("zmqshell")
sys.modules["IPython"] = types.ModuleType("IPython")
sys.modules["IPython"].get_ipython = ZMQInteractiveShell
sys.modules["ipywidgets"] = None

def count_warnings(name):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        __import__(name)
    return sum("IProgress not found" in str(w.message) for w in caught)

print(count_warnings("inr._progress"))
for _ in sys.modules["inr._progress"].tqdm(range(3), file=sys.stdout):
    pass
del sys.modules["tqdm.auto"], sys.modules["tqdm.autonotebook"]
print(count_warnings("tqdm.auto"))
"""


def test_a_notebook_without_widgets_has_the_text_bar_and_no_warning():
    out = subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=True)
    with_inr, bar, with_tqdm = out.stdout.decode().strip().split("\n")
    assert with_inr == "0"
    assert "3/3" in bar
    assert with_tqdm == "1"  # the notebook is simulated well enough
    assert "Warning" not in out.stderr.decode()
