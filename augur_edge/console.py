"""Talk for people, on stderr: lines, warnings, progress; stdout is left to data. Plain tables as text."""

from __future__ import annotations

import codecs
import importlib
import io
import os
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, TextIO

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
_state = {"quiet": False}
# Of one character each, but for ±, so that columns stay aligned.
_ASCII = {**dict(zip("▁▂▃▄▅▆▇█▏▎▍▌▋▊▉│…", "_.:-=+*#...-===|~")), "±": "+-"}

TERMINAL_EVERY_S = 3.0
LOG_EVERY_S = 30.0


def set_quiet(quiet: bool) -> None:
    """Silence `talk` and `Progress`; warnings are still shown."""
    _state["quiet"] = quiet


def talk(text: str) -> None:
    """One line to stderr, unless quiet."""
    if not _state["quiet"]:
        print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """One line to stderr, marked as a warning."""
    print(f"{paint('warning:', 'yellow', sys.stderr)} {text}", file=sys.stderr, flush=True)


def paint(text: str, colour: str, stream: TextIO) -> str:
    """`text` in `colour` (red, green, yellow, bold, dim) where `stream` is a terminal and NO_COLOR is not set."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def open_stdout() -> None:
    """Let what stdout's encoding lacks come out in ASCII: bars of #, `+-` for ±. With LC_ALL=C a terminal gets ASCII.

    Letters of names that ASCII lacks are escaped on a terminal, and elsewhere an error as ever: they are data.
    """
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper):
        return
    codecs.register_error("augur-edge", _in_ascii)
    plain = stream.isatty() and os.environ.get("LC_ALL") in {"C", "POSIX"}
    stream.reconfigure(encoding="ascii" if plain else None, errors="augur-edge")


def _in_ascii(err: UnicodeError) -> tuple[str, int]:
    if not isinstance(err, UnicodeEncodeError):
        raise err
    text = err.object[err.start : err.end]
    if not set(text) <= set(_ASCII) and not sys.stdout.isatty():
        raise err
    return "".join(_ASCII.get(c) or c.encode("ascii", "backslashreplace").decode() for c in text), err.end


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Aligned columns, two blanks apart; the first `left` columns to the left, numbers after them to the right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = (c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths)))
        return "  ".join(cells).rstrip()

    return "\n".join([line(header), *map(line, rows)])


def duration_text(seconds: float) -> str:
    """`75.0` -> `"1 min 15 s"`, `7500.0` -> `"2 h 5 min"`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Progress:
    """How far a long job is and how long it will take, on stderr only.

    A bar (tqdm, where installed) or a line every few seconds on a terminal; elsewhere a line every half minute; nothing
    when quiet. `total` may be changed while running. Use it as a context manager.
    """

    def __init__(self, total: float, label: str, unit: str = "") -> None:
        self.total = total
        self.label = label
        self.unit = unit
        self._start_s = self._last_s = time.monotonic()
        terminal = sys.stderr.isatty()
        self._every_s = TERMINAL_EVERY_S if terminal else LOG_EVERY_S
        self._bar = _bar(total, label) if terminal and not _state["quiet"] else None

    def update(self, done: float, note: str = "") -> None:
        """`done` of `total` is behind us; `note` says what is in hand."""
        if self._bar is not None:
            self._bar.total = self.total
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(done - self._bar.n)
            return
        now_s = time.monotonic()
        if now_s - self._last_s >= self._every_s:
            self._last_s = now_s
            talk(self._line(done, now_s - self._start_s, note))

    def _line(self, done: float, spent_s: float, note: str) -> str:
        many = f" of {self.total:.0f} {self.unit}" if self.unit and self.total > 1 else ""
        parts = [f"{self.label}: {100 * done / (self.total or 1):.0f} %{many}"]
        if 0 < done <= self.total:
            parts.append(f"{duration_text(spent_s * (self.total - done) / done)} left")
        return ", ".join(parts) + (f" ({note})" if note else "")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()


class Countdown:
    """Says what is waited for and how long at most: one line that changes on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._last_s = -LOG_EVERY_S
        self._shown = False

    def show(self, text: str, left_s: float) -> None:
        """`waiting: text; 12 s left`; nothing when quiet."""
        line = f"waiting: {text}; {duration_text(max(left_s, 0))} left"
        if sys.stderr.isatty() and not _state["quiet"]:
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
            self._shown = True
        elif time.monotonic() - self._last_s >= LOG_EVERY_S:
            self._last_s = time.monotonic()
            talk(line)

    def close(self) -> None:
        """Leave the terminal's line empty."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = False


def _bar(total: float, label: str) -> Any:
    """A tqdm bar, or None where tqdm is not installed."""
    try:
        tqdm = importlib.import_module("tqdm").tqdm
    except ImportError:
        return None
    tqdm.monitor_interval = 0  # no thread of its own: it would wake up inside a measurement
    form = "{l_bar}{bar}| {elapsed}<{remaining} {postfix}"
    return tqdm(total=total, desc=label, file=sys.stderr, leave=False, dynamic_ncols=True, bar_format=form)
