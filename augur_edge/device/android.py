"""Android's own description of a phone, through its `getprop`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_LINE = re.compile(r"^\[([^\]]+)\]: \[([^\]]*)\]$", re.MULTILINE)


def properties(root: Path) -> dict[str, str]:
    """All that `getprop` prints, by name; empty where there is no Android below `root`."""
    tool = root / "system/bin/getprop"
    if not tool.exists():
        return {}
    try:
        done = subprocess.run([str(tool)], capture_output=True, timeout=2, check=False)  # noqa: S603 - a fixed path
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return dict(_LINE.findall(done.stdout.decode("utf-8", "replace")))
