"""Android's own description of a phone: what `getprop` prints, or the files it is told from."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_LINE = re.compile(r"^\[([^\]]+)\]: \[([^\]]*)\]$", re.MULTILINE)
_PROP = re.compile(r"^([\w.]+)=(.*)$", re.MULTILINE)
_FILES = ("system/build.prop", "vendor/build.prop", "product/etc/build.prop")


def properties(root: Path) -> dict[str, str]:
    """The properties by name; empty where there is no Android below `root`.

    Of the running system they come from its `getprop`. Nothing in a tree of files is executed: there they are read from
    `getprop.txt`, a copy of what `getprop` printed, and from the images' build.prop.
    """
    if root != Path("/"):
        return _of_tree(root)
    tool = root / "system/bin/getprop"
    if not tool.exists():
        return {}
    try:
        done = subprocess.run([str(tool)], capture_output=True, timeout=2, check=False)  # noqa: S603 - a fixed path
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return dict(_LINE.findall(done.stdout.decode("utf-8", "replace")))


def _of_tree(root: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in _FILES:
        found.update(_PROP.findall(_text(root / path)))
    found.update(_LINE.findall(_text(root / "getprop.txt")))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
