"""Every `augur-edge` command that the pages show is one that the program takes."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from augur_edge.cli import load, parser_for

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *(p for p in sorted((ROOT / "docs").glob("*.md")) if p.name != "cli.md")]


def commands(page: Path) -> list[list[str]]:
    """Those of the sh and text blocks that begin a line, each as its words; of pipes and lists the first."""
    blocks = re.findall(r"^```(?:sh|text)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    found = [re.split(r"\s(?:#|&&|\||>)\s", line)[0] for line in lines if re.match(r"augur-edge [a-z]+ ", line)]
    return [shlex.split(line)[1:] for line in found if "…" not in line and "COMMAND" not in line]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_a_page_are_understood(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AUGUR_EDGE_"):
            monkeypatch.delenv(name)
    for name, *words in commands(page):
        command = load(name)
        own = words[: words.index("--")] if getattr(command, "passes_on", False) and "--" in words else words
        parser_for(command).parse_args(own)


def test_readme_and_tours_have_commands() -> None:
    assert len(commands(ROOT / "README.md")) > 20
    assert len(commands(ROOT / "docs/tours.md")) > 15
