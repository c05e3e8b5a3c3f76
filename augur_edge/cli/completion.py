"""`augur-edge completion`."""

from __future__ import annotations

import argparse
import importlib
import inspect
from pathlib import Path
from typing import Any

from augur_edge.errors import MissingExtraError

SHELLS = ("bash", "zsh")
_FUNCTION = "_augur_edge_network"
_NETWORKS = frozenset({"NET", "[MODEL] WHAT"})
_FILES = frozenset({"FILE", "RUN"})


class CompletionCommand:
    """Print what completes commands, options and file names in your shell.

    The script is written once and runs nothing of this program at TAB; write it again after an upgrade. Needs the extra
    [completion].

    examples:
      augur-edge completion bash > ~/.local/share/bash-completion/completions/augur-edge
      augur-edge completion zsh > ~/.zfunc/_augur-edge
    """

    name = "completion"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("shell", choices=SHELLS, help="the shell to complete in")

    def run(self, args: argparse.Namespace) -> int:
        try:
            shtab = importlib.import_module("shtab")
        except ImportError as error:
            raise MissingExtraError("completion needs shtab; pip install 'augur-edge[completion]'") from error
        print(shtab.complete(_all_commands(shtab), args.shell, preamble={args.shell: _networks(args.shell)}))
        return 0


def _all_commands(shtab: Any) -> argparse.ArgumentParser:
    """One parser with every command below it, as shtab wants it; paths complete to files, networks to names too."""
    from augur_edge.cli import COMMANDS, PROGRAM, load, parser_for

    whole = argparse.ArgumentParser(prog=PROGRAM)
    whole.add_argument("-V", "--version", action="store_true", help="print the version")
    below = whole.add_subparsers(dest="command")
    for name in COMMANDS:
        command = load(name)
        first = (inspect.getdoc(type(command)) or "").splitlines()[0]
        parser = below.add_parser(name, help=first, parents=[parser_for(command)], add_help=False)
        for action in parser._actions:
            if action.metavar in _NETWORKS:
                action.complete = dict.fromkeys(SHELLS, _FUNCTION)  # type: ignore[attr-defined]
            elif action.type is Path or action.metavar in _FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    return whole


def _networks(shell: str) -> str:
    """A shell function that completes to names of networks, and to files."""
    from augur_edge import zoo

    names = " ".join(zoo.names())
    if shell == "bash":
        return f'{_FUNCTION}() {{ compgen -W "{names}" -- "$1"; compgen -f -- "$1"; }}\n'
    return f"{_FUNCTION}() {{ _alternative 'networks:network:({names})' 'files:file:_files' }}\n"
