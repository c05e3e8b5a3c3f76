"""docs/cli.md is what `--help` says, and docs/api.md what the public packages hold."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import augur_edge

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import reference  # noqa: E402

WHOLLY_LAID_OUT = (3, 10) <= sys.version_info[:2] <= (3, 12)


@pytest.mark.skipif(not WHOLLY_LAID_OUT, reason="argparse lays help out otherwise in this version of Python")
@pytest.mark.parametrize("name", ["cli", "api"])
def test_the_page_is_what_the_program_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUGUR_EDGE_STORE", "elsewhere.db")  # a page does not depend on who writes it
    text = getattr(reference, f"{name}_page")()
    assert (ROOT / f"docs/{name}.md").read_text() == text, "run `make docs`"


def test_cli_page_holds_each_help_as_a_user_sees_it() -> None:
    page = (ROOT / "docs/cli.md").read_text()
    env = {"HOME": reference.HOME, "COLUMNS": "100", "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "augur_edge", "show", "--help"]
    said = subprocess.run(words, env=env, capture_output=True, text=True, check=True).stdout
    if WHOLLY_LAID_OUT:
        assert said.replace(reference.HOME, "~") in page


def test_every_public_name_is_on_the_page_and_can_be_imported() -> None:
    page = (ROOT / "docs/api.md").read_text()
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert set(sections) == set(reference.PACKAGES)
    for module, text in sections.items():
        names = set(re.findall(r"^- `(\w+)", text, re.MULTILINE))
        assert names == set(reference.public_names(importlib.import_module(module)))
        assert all(hasattr(importlib.import_module(module), name) for name in names)


def test_every_package_that_says_what_is_public_is_there() -> None:
    packages = [f"augur_edge.{m.name}" for m in pkgutil.iter_modules(augur_edge.__path__) if m.ispkg]
    public = {name for name in packages if hasattr(importlib.import_module(name), "__all__")}
    assert public <= set(reference.PACKAGES)


def test_a_difference_fails_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: object) -> None:
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(reference, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["reference.py"])
    assert reference.main() == 0
    monkeypatch.setattr(sys, "argv", ["reference.py", "--check"])
    assert reference.main() == 0
    page = tmp_path / "docs/cli.md"
    page.write_text(page.read_text().replace("--charts", "--chart", 1))
    assert reference.main() == 1
