"""What the command line adds to commands: exit codes, --quick, --quiet, stdout."""

import io
import signal
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import inr
from inr import commands
from inr.__main__ import main
from inr._progress import progress_bar
from inr.commands import fields
from inr.commands._console import _parse


@pytest.fixture
def field(tmp_path):
    model = inr.Siren(3, width=4, depth=1)
    params = model.init(jax.random.key(0), jnp.zeros((1, 2), jnp.float32))
    inr.save_field(tmp_path / "a.safetensors", inr.bind(model, params), size=(6, 9))
    return str(tmp_path / "a.safetensors")


def stub(parser, command):
    commands._options.add_console(parser, {"count": 2, "side": 3})
    parser.add_argument("--count", type=int, default=7)
    parser.add_argument("--side", type=int, default=8)
    parser.set_defaults(run=command)
    return parser


@pytest.mark.parametrize(
    ("arguments", "count", "side"),
    [
        ([], 7, 8),
        (["--quick"], 2, 3),
        (["--count", "7", "--quick"], 7, 3),
        (["--quick", "--side=5"], 2, 5),
    ],
)
def test_options_win_over_quick(arguments, count, side):
    """Even where they repeat the default."""
    parser = commands.Parser()
    stub(parser.add_subparsers(dest="command").add_parser("x"), print)
    options = _parse(parser, ["x", *arguments])
    assert (options["count"], options["side"]) == (count, side)


def test_interrupts_end_with_one_line_and_130(capsys):
    def command(**options):
        raise KeyboardInterrupt

    assert commands.run_command(stub(commands.Parser("x"), command), []) == 130
    assert capsys.readouterr().err == "\nx: interrupted\n"


def test_an_interrupted_fit_writes_nothing(tmp_path, monkeypatch, capsys):
    inr.write_image(tmp_path / "a.png", np.full((4, 4, 3), 0.5))

    def fit_image(key, image, *, model, num_steps):
        params = model.init(key, jnp.zeros((1, 2), jnp.float32))
        field = inr.bind(model, params)
        return inr.FitResult(field, np.zeros(1, np.float32), 1, "interrupted")

    monkeypatch.setattr(fields, "fit_image", fit_image)
    arguments = ["fit", str(tmp_path / "a.png"), "--width", "4"]
    arguments += ["--output", str(tmp_path / "out")]
    assert main(arguments) == 130
    assert "interrupted" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.long
@pytest.mark.slow
def test_ctrl_c_ends_a_process_with_one_line(tmp_path):
    inr.write_image(tmp_path / "a.png", np.full((16, 16, 3), 0.5))
    code = (
        "import signal, sys; from inr.__main__ import main; "
        # A job in the background of a shell ignores the signal otherwise.
        "signal.signal(signal.SIGINT, signal.default_int_handler); "
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "fit", "a.png", "--steps", "1000000"]
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        try:
            error = b""
            while b" dB]" not in error:  # the bar after the first step
                byte = process.stderr.read(1)
                assert byte, error.decode()
                error += byte
            process.send_signal(signal.SIGINT)
            error = process.communicate(timeout=60)[1].decode()
        finally:
            process.kill()
    assert process.returncode == 130
    assert error.endswith("inr: interrupted\n")
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_bytes_go_to_stdout_and_reports_to_stderr(field, capsysbinary):
    assert main(["render", field, "-o", "-", "--size", "3", "5"]) == 0
    captured = capsysbinary.readouterr()
    with Image.open(io.BytesIO(captured.out)) as image:
        assert (image.format, image.size) == ("PNG", (5, 3))
    assert main(["render", field, "-o", "-", "--format", "tif", "--bits", "16"]) == 0
    assert capsysbinary.readouterr().out[:2] == b"II"


def test_quiet_prints_errors_only(field, tmp_path, capsys):
    def command(**options):
        print("report")
        with progress_bar(3, progress=True) as bar:
            bar.update()

    for option, is_quiet in (("--quiet", True), ("--quick", False)):
        commands.run_command(stub(commands.Parser("x"), command), [option])
        captured = capsys.readouterr()
        assert (captured.out == "", captured.err == "") == (is_quiet, is_quiet)
    output = ["--quiet", "--output", str(tmp_path)]
    assert main(["render", field, *output]) == 0
    assert main(["render", field, *output]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "--overwrite" in captured.err


def test_a_failed_batch_exits_with_1(field, tmp_path, capsys):
    (tmp_path / "b.safetensors").write_text("b")
    out = tmp_path / "out"
    assert main(["render", str(tmp_path), "--output", str(out)]) == 1
    assert (out / "a_render.png").is_file()
    assert "1 of 2 inputs failed:\n  " in capsys.readouterr().err


def test_a_large_rendering_needs_consent(field, tmp_path, capsys):
    size = ["--size", "20000", "20000", "--output", str(tmp_path)]
    assert main(["render", field, *size]) == 2
    assert "--yes" in capsys.readouterr().err


def test_a_bar_says_that_it_compiles_until_the_first_step(capsys):
    with progress_bar(3, progress=True, mininterval=0) as bar:
        assert "compiling" in capsys.readouterr().err
        bar.set_postfix_str("loss 1", refresh=False)
        bar.update()
        text = capsys.readouterr().err
    assert "loss 1" in text
    assert "compiling" not in text
