"""Small files of /proc and /sys below a root, with the reason kept for each one that could not be read."""

from __future__ import annotations

import errno
import re
from pathlib import Path

_DIGITS = re.compile(r"(\d+)")


def natural(path: Path) -> list[tuple[int, str]]:
    """Sort key that puts cpu2 before cpu10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(path.as_posix())]


class Reader:
    """Reads below `root` (a device, or a copy of its files); `missing` maps a thing's name to why it is unknown.

    found: paths that earlier looks found, by pattern; None to look for them each time. Searching folders takes longer
    than reading what is in them.
    """

    def __init__(self, root: Path, found: dict[str, list[str]] | None = None) -> None:
        self.root = root
        self.missing: dict[str, str] = {}
        self._found = found

    def anew(self) -> Reader:
        """A reader for another look, nothing missing yet, which shares what was found so far."""
        return Reader(self.root, self._found)

    def text(self, path: str, what: str | None = None) -> str | None:
        """The file's text, stripped of blanks and NULs, or None; then, if `what` is given, `missing[what]` says why."""
        try:
            data = (self.root / path).read_bytes()
        except OSError as err:
            if what is not None:
                self.missing[what] = _reason(err, path)
            return None
        return data.decode("utf-8", "replace").replace("\0", " ").strip()

    def integer(self, path: str) -> int | None:
        """The file's whole number, or None where it is absent, unreadable or not a number."""
        text = self.text(path)
        try:
            return int(text) if text is not None else None
        except ValueError:
            return None

    def paths(self, pattern: str) -> list[str]:
        """Paths below the root that match, without the root, cpu2 before cpu10."""
        if self._found is None:
            return self.fresh(pattern)
        if pattern not in self._found:
            self._found[pattern] = self.fresh(pattern)
        return self._found[pattern]

    def fresh(self, pattern: str) -> list[str]:
        """`paths` as they are now, whatever was found before: threads come and go."""
        try:
            found = sorted(self.root.glob(pattern), key=natural)
        except OSError:
            return []
        return [p.relative_to(self.root).as_posix() for p in found]


def _reason(err: OSError, path: str) -> str:
    if err.errno in {errno.ENOENT, errno.ENOTDIR}:
        return f"this system has no /{path}"
    if err.errno in {errno.EACCES, errno.EPERM}:
        return f"not allowed to read /{path}"
    return f"/{path}: {err.strerror}"


def cpu_list(text: str) -> list[int]:
    """The kernel's lists: `"0-2,5"` -> [0, 1, 2, 5]; an empty text is an empty list."""
    out: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        out.extend(range(int(first), int(last or first) + 1))
    return out
