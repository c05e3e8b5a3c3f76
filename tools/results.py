"""What the scripts of results share: tables as Markdown, and pictures that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from augur_edge.store.files import write_whole

# Told apart by the colour-blind, too: M. Okabe and K. Ito, Color Universal Design (2008).
BLACK, ORANGE, BLUE, GREEN, RED, GREY = "#000000", "#e69f00", "#0072b2", "#009e73", "#d55e00", "#bbbbbb"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as docs/*.md have them."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def verdict(value: float, limit: float, *, at_least: bool = False) -> str:
    """`value <= limit`, or >=, in words."""
    held = value >= limit if at_least else value <= limit
    return f"{'ok' if held else 'MISSED'} ({'at least' if at_least else 'at most'} {limit:g})"


def figure(width: float, height: float, rows: int, columns: int) -> tuple[Any, Any]:
    """A figure of matplotlib and its axes, flat; width and height in inches."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(width, height), layout="constrained")
    return drawn, drawn.subplots(rows, columns, squeeze=False).reshape(-1)


def save(drawn: Any, path: Path) -> None:
    """The figure as PNG."""
    write_whole(path, lambda temporary: drawn.savefig(temporary, format="png", dpi=90))
    print(f"{path}: written", flush=True)
