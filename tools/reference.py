"""reference.py [--check]: write docs/cli.md from `--help`, and docs/api.md from the public packages.

--check writes nothing and fails where one of them is not what it would write; a test does the same.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

ROOT = Path(__file__).parents[1]
HOME = "/home/you"
PACKAGES = (
    "augur_edge.layers", "augur_edge.network", "augur_edge.zoo", "augur_edge.spaces", "augur_edge.predict",
    "augur_edge.search", "augur_edge.tables", "augur_edge.store", "augur_edge.runtime", "augur_edge.device",
    "augur_edge.prior", "augur_edge.errors",
)  # fmt: skip
CLI_HEAD = """\
# The command line

What `--help` says, all of it; `make docs` writes this page, and a test holds it to the program. `python -m augur_edge`
is the same program. Which exit code means what stands in the [README](../README.md#the-commands).

"""
API_HEAD = """\
# The Python API

Every public name, from the code: `make docs` writes this page, and a test holds it to the packages. What is not here
may change without notice. Times are ns, energies uJ, sizes bytes; errors are those of `augur_edge.errors`. How to embed
predictors, in Python, Cython and C: [embedding.md](embedding.md).

"""


def main() -> int:
    """0 if both pages are as the code says, or were written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    good = True
    for name, text in (("docs/cli.md", cli_page()), ("docs/api.md", api_page())):
        path = ROOT / name
        if check:
            same = path.is_file() and path.read_text() == text
            good &= same
            print(f"{name}: {'as the code says' if same else 'not what the code says; run `make docs`'}")
        else:
            path.write_text(text)
    return 0 if good else 1


def cli_page() -> str:
    """The overview and each command's help, 100 columns wide, as in an environment without any of our variables."""
    from augur_edge import cli

    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AUGUR_EDGE_", "XDG_"))}
    with mock.patch.dict(os.environ, {**clean, "HOME": HOME, "COLUMNS": "100"}, clear=True):
        parts = [_block(cli._overview())]
        parts += [f"## {name}\n\n{_block(cli.parser_for(cli.load(name)).format_help())}" for name in cli.COMMANDS]
    return (CLI_HEAD + "\n".join(parts)).replace(HOME, "~")


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"


def api_page() -> str:
    """A section for each of PACKAGES, a name with its signature and the first line of its docstring each."""
    return API_HEAD + "\n".join(_section(importlib.import_module(name)) for name in PACKAGES)


def public_names(module: ModuleType) -> list[str]:
    """`__all__`; where there is none, the classes and functions that the module defines itself."""
    found = getattr(module, "__all__", None)
    if found is not None:
        return sorted(found)
    own = (name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__)
    return sorted(name for name in own if not name.startswith("_"))


def _section(module: ModuleType) -> str:
    about = _first(module)
    entries = [_entry(name, getattr(module, name)) for name in public_names(module)]
    return f"## {module.__name__}\n\n{about}\n\n" + "\n".join(entries) + "\n"


def _entry(name: str, value: Any) -> str:
    about = _first(value)
    methods = [
        f"  - `{method}{_signature(function)}` {_first(function)}"
        for method, function in vars(value).items()
        if not method.startswith("_") and callable(getattr(value, method)) and _first(function)
    ] if inspect.isclass(value) else []  # fmt: skip
    return "\n".join([f"- `{name}{_signature(value)}` {about}".rstrip(), *methods])


def _signature(value: Any) -> str:
    """Of a function or class; nothing for constants, errors, protocols and aliases of types."""
    value = getattr(value, "__func__", value)
    hidden = inspect.isclass(value) and (issubclass(value, Exception) or getattr(value, "_is_protocol", False))
    if hidden or not (inspect.isclass(value) or inspect.isroutine(value) or hasattr(value, "__code__")):
        return ""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return "(…)"
    kept = [_plain(p) for p in found.parameters.values() if p.name not in {"self", "cls"}]
    ours = found.replace(parameters=kept, return_annotation=inspect.Signature.empty)
    back = "" if inspect.isclass(value) else _words(found.return_annotation)
    return str(ours).replace("'", "") + (f" -> {back}" if back else "")


class _Shown:
    """A default that is not worth its repr, which may differ from run to run."""

    def __repr__(self) -> str:
        return "…"


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """Annotations as they are written; defaults that are numbers, words or None, and an ellipsis for others."""
    default = parameter.default
    if default is not parameter.empty and not (default is None or isinstance(default, (bool, int, float, tuple))):
        default = default if isinstance(default, str) and default else _Shown()
    words = _words(parameter.annotation)
    return parameter.replace(default=default, annotation=words if words else parameter.empty)


def _words(annotation: Any) -> str:
    if annotation is inspect.Signature.empty:
        return ""
    return str(getattr(annotation, "__forward_arg__", annotation))


def _first(value: Any) -> str:
    """The first sentence of a docstring of its own; a constant's is its type's, and says nothing."""
    if not (inspect.isclass(value) or isinstance(value, ModuleType) or callable(getattr(value, "__func__", value))):
        return ""
    text = (getattr(value, "__func__", value).__doc__ or "").strip().split("\n\n")[0]
    return " ".join(text.split())


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
