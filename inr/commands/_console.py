"""The call of a command from the command line: options, output, errors, Ctrl-C."""

import argparse
import contextlib
import io
import sys
from collections.abc import Sequence
from typing import Any

from inr import _checks
from inr._progress import hidden_bars
from inr._suggestions import did_you_mean
from inr.commands._batches import ERRORS, BatchFailed
from inr.commands._caching import program_cache
from inr.commands._outputs import Outputs

_INTERRUPTED = 130  # 128 and the number of SIGINT, as shells report it


class Parser(argparse.ArgumentParser):
    """Parser that suggests the most similar choice for a misspelled one."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, allow_abbrev=False, **options)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            suggestion = did_you_mean(value, action.choices or ())
            message = f"{error.message}. {suggestion}".rstrip(". ")
            raise argparse.ArgumentError(action, message) from None


def run_command(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> int:
    """Parse arguments, and call a command.

    Args:
      parser: a parser whose defaults have `run`, the command, and, with `--quick`,
        `quick_options`, the defaults that `--quick` replaces.
      arguments: command-line arguments; None for those of this process.

    Returns:
      The exit status: 0; 1 if some inputs of a batch failed; 2 after an error; 130
      after Ctrl-C.
    """
    options = _parse(parser, arguments)
    command, quiet = options.pop("run"), options.pop("quiet", False)
    use_cache = options.pop("cache", False)
    try:
        with contextlib.ExitStack() as stack:
            _redirect(stack, quiet, options.get("output"))
            if use_cache:
                stack.enter_context(program_cache())
            command(**options)
    except KeyboardInterrupt:
        print(f"\n{parser.prog}: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except (*ERRORS, BatchFailed) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1 if isinstance(error, BatchFailed) else 2
    return 0


def _parse(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> dict[str, Any]:
    """Arguments of the command, and `run`, `quiet` and `cache`."""
    namespace = parser.parse_args(arguments)
    if getattr(namespace, "quick", False):
        # As defaults, because options that are given win over --quick.
        namespace.command_parser.set_defaults(**namespace.quick_options)
        namespace = parser.parse_args(arguments)
    options = vars(namespace)
    for name in ("command", "command_parser", "quick", "quick_options"):
        options.pop(name, None)
    if options.get("region") is not None:
        corners = tuple(options["region"])
        options["region"] = (corners[:2], corners[2:])
    options: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in options.items()
        if value is not None
    }
    if "output" in options:
        names = ("overwrite", "format", "bits", "large")
        settings: dict[str, Any] = {
            name: options.pop(name) for name in names if name in options
        }
        options["output"] = Outputs(options["output"], **settings)
    return options


def _redirect(stack: contextlib.ExitStack, quiet: bool, output: Any) -> None:
    """Hide reports and bars if `quiet`; keep stdout for a result that it receives."""
    if isinstance(output, Outputs) and output.is_stdout:
        if sys.stdout.isatty():
            fix = "Redirect the output to a file or a program."
            raise _checks.fail("output", "a file or a folder", "the terminal", fix)
        output.stream = sys.stdout.buffer
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
    if quiet:
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(hidden_bars())
