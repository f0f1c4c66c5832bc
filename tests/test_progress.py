"""The progress bar in a notebook without ipywidgets."""

import io
import subprocess
import sys
import threading

from inr._progress import hidden_bars, progress_bar

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


def test_threads_have_bars_of_their_own():
    files, ready = [io.StringIO(), io.StringIO()], threading.Barrier(2)

    def loop(i):
        options = {"file": files[i], "mininterval": 0, "progress": True}
        with progress_bar(10 * (i + 1), **options) as bar:
            ready.wait()
            for _ in range(bar.total):
                bar.update()

    threads = [threading.Thread(target=loop, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "10/10" in files[0].getvalue()
    assert "20/20" in files[1].getvalue()


def test_hidden_bars_print_nothing():
    file = io.StringIO()
    with hidden_bars(), progress_bar(3, progress=True, file=file) as bar:
        bar.update()
    assert file.getvalue() == ""
