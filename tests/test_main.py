"""The console: options, help texts, and the examples, which call the console."""

import inspect
import pathlib
import re

import pytest

import inr
from inr import commands
from inr.__main__ import COMMANDS, main

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"
# Arguments of the commands that need a file.
FILES = {
    "decompress": ["a.inr"],
    "render": ["a.safetensors"],
    "view": ["a.safetensors"],
}
CONSOLE = {"command_parser", "quiet", "cache", "quick", "quick_options", "run"}


def parser_of(name):
    parser = commands.Parser()
    COMMANDS[name][0](parser)
    return parser


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_those_of_the_command(name):
    """The same names and defaults."""
    parser, files = parser_of(name), FILES.get(name, [])
    options = vars(parser.parse_args(files))
    parameters = inspect.signature(options["run"]).parameters
    outputs = inspect.signature(commands.Outputs).parameters
    for option, value in options.items():
        if option in CONSOLE or value == files:
            continue
        default = (parameters if option in parameters else outputs)[option].default
        # None leaves the default to the command; no files are an empty list.
        value = tuple(value) if isinstance(value, list) else value
        assert value in (default, None, ()), option
    quick_options = options.get("quick_options", {})
    assert set(quick_options) <= set(options)
    # The last options of a signature say where results go, as in every command.
    assert name == "models" or list(parameters)[-1] == "output"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_defaults_and_explains_choices(name):
    for action in parser_of(name)._actions:
        if action.dest == "help":
            continue
        assert action.help, action.dest
        required = action.nargs == "+" or action.required
        explained = required or "default" in action.help or action.dest == "name"
        assert explained, action.dest
        for choice in action.choices or ():
            assert re.search(rf"\b{choice}\b[^:]*:|{choice}:", action.help), choice


def test_help_lists_the_models_that_a_command_can_use(capsys):
    with pytest.raises(SystemExit) as status:
        main(["upscale", "--help"])
    assert status.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "(upscale, upscale_photo)" in text
    assert "--output NAME" in text


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as status:
        main(["--version"])
    assert status.value.code == 0
    assert f"inr {inr.__version__}, JAX" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["upscal"], "upscale"),
        (["colorize", "--preset", "projected-fast"], "projected_fast"),
        (["fit", "--family", "siren"], "Siren"),
    ],
)
def test_misspelled_choices_are_refused_with_a_suggestion(
    arguments, suggestion, capsys
):
    with pytest.raises(SystemExit) as status:
        main(arguments)
    assert status.value.code == 2
    error = capsys.readouterr().err
    assert "invalid choice" in error
    assert f"Did you mean '{suggestion}'?" in error


def test_models_are_listed_and_described(capsys):
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    for name in inr.pretrained.names():
        assert re.search(rf"^{name} .* MB  \w+, for \w+$", printed, re.MULTILINE)
    assert main(["models", "card", "photos"]) == 0
    assert capsys.readouterr().out == inr.pretrained.card("photos") + "\n"
    assert main(["models", "card", "photo"]) == 2
    assert "Did you mean 'photos'?" in capsys.readouterr().err


def test_examples_call_commands():
    """Each example names a command; the commands without an example are few."""
    calls = [
        re.findall(r'main\(\["([a-z-]+)"', path.read_text())
        for path in EXAMPLES.glob("*.py")
    ]
    names = {name for of_example in calls for name in of_example}
    assert names <= set(COMMANDS)
    assert set(COMMANDS) - names == {"decompress", "render", "view", "models"}


def test_a_missing_image_is_one_line(tmp_path, capsys):
    file = tmp_path / "missing.png"
    assert main(["fit", str(file), "--output", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("inr: ")
    assert "missing.png" in error
    assert error.count("\n") == 1
