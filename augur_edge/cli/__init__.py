"""`augur-edge`: one command a module, imported when it is asked for; errors to one line and an exit code."""

from __future__ import annotations

import argparse
import difflib
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

from augur_edge import __version__, config, console
from augur_edge.errors import AugurError, UsageError

PROGRAM = "augur-edge"
INTERRUPTED = 130

COMMANDS = {
    "probe": "augur_edge.cli.probe:ProbeCommand",
    "system": "augur_edge.cli.system:SystemCommand",
    "measure": "augur_edge.cli.measure:MeasureCommand",
    "show": "augur_edge.cli.show:ShowCommand",
    "compare": "augur_edge.cli.compare:CompareCommand",
    "predict": "augur_edge.cli.predict:PredictCommand",
    "train": "augur_edge.cli.train:TrainCommand",
    "evaluate": "augur_edge.cli.evaluate:EvaluateCommand",
    "adapt": "augur_edge.cli.adapt:AdaptCommand",
    "bench": "augur_edge.cli.bench:BenchCommand",
    "search": "augur_edge.cli.search:SearchCommand",
    "report": "augur_edge.cli.report:ReportCommand",
    "export": "augur_edge.cli.export:ExportCommand",
    "import": "augur_edge.cli.import_:ImportCommand",
    "sync": "augur_edge.cli.sync:SyncCommand",
    "ingest": "augur_edge.cli.ingest:IngestCommand",
    "deploy": "augur_edge.cli.deploy:DeployCommand",
    "fleet": "augur_edge.cli.fleet:FleetCommand",
    "serve": "augur_edge.cli.serve:ServeCommand",
    "completion": "augur_edge.cli.completion:CompletionCommand",
}


class Command(Protocol):
    """One verb. The class docstring is its help: a first line for the list of commands, and an example.

    The module imports nothing heavy; what `run` needs is imported inside it.
    """

    name: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare flags and arguments; `help` names the unit, the default is added by itself."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; data to stdout, talk through `console`. Returns the exit code; raises AugurError.

        `args.given` names the options that stand on the command line itself, without those of the environment.
        `args.words` is what follows `--`, for a command whose `passes_on` is True.
        """


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps the description as written and ends each option's help with its default."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help or ""
        value = action.default
        silent = value is None or value is False or value in ([], argparse.SUPPRESS)
        if silent or "(default" in text or not action.option_strings:
            return text
        shown = " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        return f"{text} (default: {shown.replace('%', '%%')})"


class _Parser(argparse.ArgumentParser):
    """Raises UsageError, one line, where argparse prints its usage and exits."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`")


def load(name: str) -> Command:
    """The command called `name`. Raises UsageError with the nearest names where there is none."""
    if name not in COMMANDS:
        raise UsageError(f"no command {name!r}{_nearest(name, COMMANDS)}; see `{PROGRAM} --help`")
    module, _, attribute = COMMANDS[name].partition(":")
    command: Command = getattr(importlib.import_module(module), attribute)()
    return command


def parser_for(command: Command) -> argparse.ArgumentParser:
    """The command's own flags and the common ones, with defaults from the environment."""
    prog = f"{PROGRAM} {command.name}"
    epilog = "Each long option can be set in the environment too, as AUGUR_EDGE_STORE for --store."
    parser = _Parser(
        prog=prog,
        description=inspect.getdoc(type(command)),
        epilog=epilog,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    common = parser.add_argument_group("common options")
    common.add_argument("--store", type=Path, metavar="PATH", default=config.default_store_path(), help="the store")
    common.add_argument("-v", "--verbose", action="store_true", help="show where an error came from")
    common.add_argument("-q", "--quiet", action="store_true", help="no progress and no remarks, warnings only")
    config.apply_environment(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (without the program's name) and return its exit code; never raises, never exits."""
    words = list(sys.argv[1:] if argv is None else argv)
    verbose = bool({"-v", "--verbose"} & set(words)) or config.is_yes(os.environ.get("AUGUR_EDGE_VERBOSE", ""))
    try:
        code = _run(words)
        sys.stdout.flush()
    except SystemExit as err:  # --help and --version
        return err.code if isinstance(err.code, int) else 0
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as err:
        return _fail(err, verbose)
    return code


def _run(words: list[str]) -> int:
    if not words or words[0] in {"-h", "--help", "help"}:
        print(_overview())
        return 0 if words else UsageError.exit_code
    if words[0] in {"-V", "--version"}:
        print(f"{PROGRAM} {__version__}")
        return 0
    if words[0].startswith("-"):
        raise UsageError(f"{words[0]}: options go after the command, as in `{PROGRAM} probe {words[0]}`")
    command = load(words[0])
    parser = parser_for(command)
    own, passed_on = words[1:], []
    if getattr(command, "passes_on", False) and "--" in own:
        own, passed_on = own[: own.index("--")], own[own.index("--") + 1 :]
    args, unknown = parser.parse_known_args(own)
    if unknown:
        near = _nearest(unknown[0].partition("=")[0], parser._option_string_actions)
        parser.error(f"unknown argument {unknown[0]!r}{near}")
    args.given = _given(parser, own)
    args.words = passed_on
    console.set_quiet(args.quiet)
    console.open_stdout()
    return command.run(args)


def _given(parser: argparse.ArgumentParser, words: list[str]) -> frozenset[str]:
    options = {action.dest for action in parser._actions if action.option_strings}
    found, _ = parser.parse_known_args(words, argparse.Namespace(**dict.fromkeys(options)))
    return frozenset(name for name in options if getattr(found, name) is not None)


def _overview() -> str:
    lines = "\n".join(f"  {name:<10} {(inspect.getdoc(type(load(name))) or '').splitlines()[0]}" for name in COMMANDS)
    return (
        f"usage: {PROGRAM} COMMAND [options]\n\n"
        f"Measure neural-network layers where they run.\n\ncommands:\n{lines}\n\n"
        f"`{PROGRAM} COMMAND --help` has each option with its default, unit and an example.\n"
        f"example: {PROGRAM} measure resnet18"
    )


def _nearest(word: str, names: Any) -> str:
    near = difflib.get_close_matches(word, list(names), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _fail(err: Exception, verbose: bool) -> int:
    """One line about `err` on stderr (and where it came from, if verbose); returns the exit code."""
    if verbose:
        traceback.print_exc()
    if isinstance(err, OSError):
        _abandon_stdout()
        if isinstance(err, BrokenPipeError):  # whoever read our output has seen enough
            return 1
        where = f": {err.filename}" if err.filename is not None else ""
        _complain(f"{err.strerror or err}{where}")
        return 1
    if isinstance(err, AugurError):
        _complain(str(err))
        return err.exit_code
    words = " ".join(str(err).split())
    _complain(f"{type(err).__name__}: {words} - this is a bug; -v shows where")
    return 1


def _complain(text: str) -> None:
    print(f"{console.paint(f'{PROGRAM}: error:', 'red', sys.stderr)} {text}", file=sys.stderr)


def _abandon_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not fail a second time."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
