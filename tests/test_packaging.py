"""What is installed is what is here."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_is_installed() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r"^packages = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    listed = set(re.findall(r'"([^"]+)"', found[1])) - {"augur_edge.device_profiles"}
    there = {".".join(p.parent.relative_to(ROOT).parts) for p in (ROOT / "augur_edge").rglob("__init__.py")}
    assert listed == there
