"""Curves as text, for a terminal: one panel above the other, time from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any, Callable

from augur_edge.console import duration_text
from augur_edge.units import time_text

BLOCKS = " ▁▂▃▄▅▆▇█"
ROWS = 4
_LABEL = 12


def sustain_text(sustain: dict[str, Any], width: int) -> str:
    """Latency, temperature and clock of a `--sustain`, in at most `width` columns, and what it came to in a line."""
    points = sustain["points"]
    took = duration_text(points[-1]["at_s"])
    line = (
        f"sustained {time_text(sustain['sustained_ns'])} after {took}, at first {time_text(sustain['first_ns'])} "
        f"({100 * sustain['change']:+.1f} %)"
    )
    panels = [
        panel("latency", [p["latency_ns"] for p in points], width, time_text),
        panel("temperature", [p["mc"] for p in points], width, lambda mc: f"{mc / 1000:.1f} C"),
        panel("clock", [p["mhz"] for p in points], width, lambda mhz: f"{mhz:.0f} MHz"),
    ]
    columns = min(len(points), max(width - _LABEL - 1, 1))
    axis = " " * (_LABEL + 1) + ("0" + took.rjust(columns - 1) if columns > len(took) + 1 else took)
    return "\n".join([line, "", *panels, axis])


def panel(title: str, values: Sequence[float | None], width: int, text: Callable[[float], str]) -> str:
    """One curve over `ROWS` lines, its highest and lowest value at the left; one line where no value is known."""
    known = [v for v in values if v is not None]
    if not known:
        return f"{title:>{_LABEL}} unknown here"
    columns = columns_of(values, max(width - _LABEL - 1, 1))
    low, high = min(known), max(known)
    levels = [None if v is None else _level(v, low, high) for v in columns]
    labels = {0: text(high), 1: title, ROWS - 1: text(low)}
    return "\n".join(f"{labels.get(row, ''):>{_LABEL}} {_row(levels, row)}".rstrip() for row in range(ROWS))


def columns_of(values: Sequence[float | None], n: int) -> list[float | None]:
    """Means of neighbours where there are more values than columns."""
    n = min(n, len(values))
    parts = [values[i * len(values) // n : (i + 1) * len(values) // n] for i in range(n)]
    means = [[v for v in part if v is not None] for part in parts]
    return [fmean(part) if part else None for part in means]


def _level(value: float, low: float, high: float) -> int:
    """From 1, so that the lowest shows too, to all of the rows; a flat curve lies in the middle."""
    most = ROWS * (len(BLOCKS) - 1)
    return most // 2 if high == low else 1 + round((most - 1) * (value - low) / (high - low))


def _row(levels: Sequence[int | None], row: int) -> str:
    base = (ROWS - 1 - row) * (len(BLOCKS) - 1)
    return "".join(" " if v is None else BLOCKS[max(0, min(v - base, len(BLOCKS) - 1))] for v in levels)
