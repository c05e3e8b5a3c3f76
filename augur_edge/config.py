"""Settings from the environment: where the store lies, and every command-line flag as `AUGUR_EDGE_<FLAG>`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augur_edge.errors import UsageError

PREFIX = "AUGUR_EDGE_"
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off", ""})


def default_store_path(environ: Mapping[str, str] | None = None) -> Path:
    """`$AUGUR_EDGE_STORE`, else `augur-edge/store.db` under `$XDG_DATA_HOME` or `~/.local/share`.

    Nothing is created. Raises UsageError where none of the three can be told.
    """
    env = os.environ if environ is None else environ
    if env.get(PREFIX + "STORE"):
        return Path(env[PREFIX + "STORE"]).expanduser()
    base = Path(env.get("XDG_DATA_HOME", ""))
    if not base.is_absolute():  # the XDG specification has relative paths ignored
        home = env.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises instead
        if not os.path.isabs(home):  # noqa: PTH117
            raise UsageError("no home directory: name the store with --store or AUGUR_EDGE_STORE")
        base = Path(home) / ".local" / "share"
    return base / "augur-edge" / "store.db"


def env_name(flag: str) -> str:
    """`--max-time` -> `AUGUR_EDGE_MAX_TIME`."""
    return PREFIX + flag.lstrip("-").replace("-", "_").upper()


def apply_environment(parser: argparse.ArgumentParser, environ: Mapping[str, str] | None = None) -> None:
    """Let each long flag of `parser` take its default from its variable; the command line still wins.

    A flag without a value takes 1/true/yes/on or 0/false/no/off; one with several values takes them apart at blanks.
    Raises UsageError, naming the variable, where a value does not fit the flag's type or choices.
    """
    env = os.environ if environ is None else environ
    for action in parser._actions:
        flags = [o for o in action.option_strings if o.startswith("--")]
        if not flags or isinstance(action, (argparse._HelpAction, argparse._VersionAction)):
            continue
        name = env_name(flags[0])
        if name in env:
            action.default = _value(action, name, env[name])
            action.required = False


def is_yes(text: str) -> bool:
    """Whether `text` is one of 1, true, yes, on."""
    return text.strip().lower() in _YES


def _value(action: argparse.Action, name: str, text: str) -> Any:
    if action.nargs == 0:
        return _switch(action, name, text)
    words = text.split() if action.nargs in {"*", "+"} or isinstance(action, argparse._AppendAction) else None
    if words is None:
        return _one(action, name, text)
    return [_one(action, name, word) for word in words]


def _switch(action: argparse.Action, name: str, text: str) -> Any:
    if not is_yes(text) and text.strip().lower() not in _NO:
        raise UsageError(f"{name}={text!r}: not a yes or no; set it to 1 or 0")
    return action.const if is_yes(text) else action.default


def _one(action: argparse.Action, name: str, text: str) -> Any:
    try:
        value = action.type(text) if callable(action.type) else text
    except argparse.ArgumentTypeError as err:
        raise UsageError(f"{name}={text!r}: {err}") from err
    except (TypeError, ValueError) as err:
        kind = getattr(action.type, "__name__", "value")
        raise UsageError(f"{name}={text!r}: not a valid {kind}") from err
    if action.choices is not None and value not in action.choices:
        raise UsageError(f"{name}={text!r}: valid values are {', '.join(map(str, action.choices))}")
    return value
