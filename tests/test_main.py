"""The console, and the command lines of the examples."""

import argparse
import importlib.util
import inspect
import pathlib

import pytest

from inr.__main__ import COMMANDS, main

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"
# Examples whose code is in `inr.commands` have a module-level parser.
SCRIPTS = [
    path for path in sorted(EXAMPLES.glob("*.py")) if "run_command" in path.read_text()
]


def parser_of(name):
    """Parser of a command, or of an example's file."""
    if name in COMMANDS:
        parser = argparse.ArgumentParser()
        COMMANDS[name][0](parser)
        return parser
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.parser


# Arguments of the commands that need a file.
FILES = {"render": {"field": "a.safetensors"}, "view": {"file": "a.safetensors"}}


@pytest.mark.parametrize("name", [*COMMANDS, *(path.stem for path in SCRIPTS)])
def test_options_are_those_of_the_command(name):
    """The same names and defaults, and a help text for each."""
    parser = parser_of(name)
    files = FILES.get(name, {})
    options = vars(parser.parse_args([*files.values()]))
    command, quick_options = options.pop("run"), options.pop("quick_options")
    assert options.pop("quick") is False
    parameters = inspect.signature(command).parameters
    for option, value in options.items():
        if option in files:
            assert value == files[option]
            continue
        default = parameters[option].default
        # None leaves the default to the command; no files are an empty list.
        value = tuple(value) if isinstance(value, list) else value
        assert value in (default, None, ()), option
    assert set(quick_options) <= set(options)
    if name != "view":  # writes a page in a second
        assert parser.parse_args([*files.values(), "--quick"]).quick
    for action in parser._actions:
        assert action.help, action.dest


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_printed(name, capsys):
    with pytest.raises(SystemExit) as status:
        main([name, "--help"])
    assert status.value.code == 0
    output = "--output PAGE" if name == "view" else "--out FOLDER"
    assert output in capsys.readouterr().out


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit) as status:
        main(["enlarge"])
    assert status.value.code == 2
    assert "invalid choice: 'enlarge'" in capsys.readouterr().err


def test_a_missing_image_is_one_line(tmp_path, capsys):
    file = tmp_path / "missing.png"
    assert main(["fit", str(file)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("inr: ")
    assert "missing.png" in error
    assert error.count("\n") == 1
