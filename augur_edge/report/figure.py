"""What a page is made of: sections of figures, and under each figure its numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Trace = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """Cells as people read them, with units. left_out: rows of the data that are not in it, the least of all."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    left_out: int = 0


@dataclass(frozen=True)
class Figure:
    """One plot. traces and layout: as Plotly's schema has them, without colours, which belong to the page's theme.

    A trace's colour is the place of its `series` in the theme's palette. note: a line of text below. height_px: on the
    screen. brush: points that are dragged over are listed by their `customdata`.
    """

    title: str
    traces: Sequence[Trace]
    layout: dict[str, Any]
    table: Table
    note: str = ""
    height_px: int = 420
    brush: bool = False


@dataclass(frozen=True)
class Section:
    """A heading, facts (name and text), remarks, and figures. title and all texts are plain text, not HTML."""

    title: str
    facts: Sequence[tuple[str, str]] = ()
    remarks: Sequence[str] = ()
    figures: Sequence[Figure] = field(default_factory=list)


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis as Plotly has them."""
    return {"title": {"text": title}, "automargin": True, **more}


def shortened(name: str, width: int = 40) -> str:
    """At most `width` characters, the middle left out."""
    half = (width - 1) // 2
    return name if len(name) <= width else f"{name[:half]}…{name[-half:]}"
