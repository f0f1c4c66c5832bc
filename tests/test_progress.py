"""The progress bar in a notebook without ipywidgets."""

import io
import subprocess
import sys
import threading
import time

import jax
import pytest

import inr
from inr import _progress
from inr._progress import hidden_bars, pixel_bar, progress_bar

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


@pytest.mark.parametrize("delay", [0.05, 60])
def test_the_bar_of_a_rendering_says_that_it_compiles(delay, monkeypatch, capsys):
    """If the first pixels take longer than the bar is hidden."""
    monkeypatch.setattr(_progress, "_SECONDS_WITHOUT_PIXEL_BAR", delay)

    def wait(coords):
        time.sleep(0.2)
        return coords

    def field(coords):
        return jax.pure_callback(wait, coords, coords)

    inr.render(field, (100, 100))
    *before, last = capsys.readouterr().err.split("\r")
    assert any("compiling" in text for text in before) == (delay < 0.2)
    assert "compiling" not in last
    assert ("10.0k/10.0k" in last) == (delay < 0.2)


def test_a_pixel_bar_that_never_appears_leaves_no_thread(capsys):
    count = threading.active_count()
    with pytest.raises(ZeroDivisionError), pixel_bar(3, progress=True):
        raise ZeroDivisionError
    with pixel_bar(3, progress=False) as bar:
        bar.update(3)
    assert threading.active_count() == count
    assert capsys.readouterr().err == ""
