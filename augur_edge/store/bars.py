"""Small pictures of a run for a terminal: bars of layers by time, the run's steadiness, ratios of two runs.

They are drawn with block characters; `console.open_stdout` writes ASCII in their place where the terminal has none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from augur_edge.stats import summarise
from augur_edge.store.plot import BLOCKS, columns_of
from augur_edge.store.records import NetworkRecord
from augur_edge.store.table import clean, layer_label, short_time, shorten, total_ns

MOST_BARS = 12
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LONGEST_NAME = 32
_LEAST_BAR = 8
_MOST_OCTAVES = 10.0  # a bar says no more, however much faster; what took no time at all is infinitely far off
_MIDDLE = "│"


def bars_text(network: dict[str, Any], width: int) -> str:
    """The slowest layers of a document's network, longest first, each with its time and share; "" where none is."""
    layers = sorted((x for x in network["layers"] if total_ns(x)), key=total_ns, reverse=True)
    if not layers:
        return ""
    shown = len(layers) if len(layers) == MOST_BARS + 1 else MOST_BARS
    rows = [(clean(layer_label(x)), total_ns(x)) for x in layers[:shown]]
    rest = [total_ns(x) for x in layers[shown:]]
    if rest:
        rows.append((f"{len(rest)} others", sum(rest)))
    total = sum(ns for _, ns in rows)
    return "\n".join(_bars([(name, ns, f"{short_time(ns)} {100 * ns / total:5.1f}%") for name, ns in rows], width))


def steadiness_text(network: NetworkRecord, width: int) -> str:
    """One line: the whole network's samples in the order taken, lowest and highest; "" where they are too few."""
    whole = next((m for m in network.measurements if m.kind == "whole" and len(m.samples_ns) > 2), None)
    if whole is None:
        return ""
    values = whole.samples_ns / whole.loops
    head = f"whole, {len(values)} samples in time  "
    summary = summarise(whole.samples_ns, whole.loops)
    tail = (
        f"  {short_time(float(values.min()))} to {short_time(float(values.max()))}, median {short_time(summary.median)}"
    )
    room = width - len(head) - len(tail)
    if room < _LEAST_BAR:  # a narrow terminal: the figures go below
        return f"{head.strip()}\n{sparkline(values.tolist(), width)}\n{tail.strip()}"
    return head + sparkline(values.tolist(), room) + tail


def sparkline(values: Sequence[float], width: int) -> str:
    """At most `width` characters, from the lowest value to the highest; neighbours are averaged."""
    means = [v for v in columns_of(values, width) if v is not None]
    low, high = min(means), max(means)
    top = len(BLOCKS) - 2
    levels = (round(top * (v - low) / (high - low)) if high > low else top // 2 for v in means)
    return "".join(BLOCKS[1 + level] for level in levels)


def ratios_text(network: dict[str, Any], width: int) -> str:
    """A compared network's layers, the largest difference in time first: to the left what became faster, by its ratio.

    Layers that only look different are left out; "" where no layer differs.
    """
    differing = [x for x in network["layers"] if x["verdict"] in {"faster", "slower"}]
    if not differing:
        return ""
    shown = sorted(differing, key=_moved_ns, reverse=True)[:MOST_BARS]
    names = _names([clean(x["name"]) for x in shown], width)
    figures = [f"x{x['ratio']:.2f} {_signed(x)}" for x in shown]
    half = max(4, (width - len(names[0]) - max(map(len, figures)) - 5) // 2)
    lengths = [_octaves(x["ratio"]) for x in shown]
    most = max(1.0, *lengths)
    lines = [f"{'':{len(names[0])}}  {'faster':>{half}}{_MIDDLE}slower"]
    for name, layer, figure, length in zip(names, shown, figures, lengths):
        cells = max(1, round(half * length / most)) * "█"
        left, right = (cells, "") if layer["ratio"] < 1 else ("", cells)
        lines.append(f"{name}  {left:>{half}}{_MIDDLE}{right:<{half}}  {figure}")
    rest = len(differing) - len(shown)
    return "\n".join([*lines, *([f"{rest} more differ by less"] if rest else [])])


def _octaves(ratio: float) -> float:
    """The bar of a factor of two is as long as bars can be, unless one is farther off."""
    return min(abs(math.log2(ratio)), _MOST_OCTAVES) if ratio > 0 else _MOST_OCTAVES


def _moved_ns(layer: dict[str, Any]) -> float:
    return float(abs(layer["b_ns"]["median"] - layer["a_ns"]["median"]))


def _signed(layer: dict[str, Any]) -> str:
    return f"{'+' if layer['ratio'] > 1 else '-'}{short_time(_moved_ns(layer))}"


def _bars(rows: Sequence[tuple[str, float, str]], width: int) -> list[str]:
    """Name, bar and figure, in at most `width` columns, down to about 45."""
    names = _names([name for name, _, _ in rows], width)
    figures = max(len(figure) for _, _, figure in rows)
    room = max(_LEAST_BAR, width - len(names[0]) - figures - 4)
    most = max(value for _, value, _ in rows)
    return [
        f"{name}  {_bar(value / most, room):<{room}}  {figure:>{figures}}"
        for name, (_, value, figure) in zip(names, rows)
    ]


def _bar(share: float, room: int) -> str:
    """As many eighths of `room` cells as `share` says, and one at least: what was measured took some time."""
    whole, eighths = divmod(max(1, round(8 * room * share)), 8)
    return "█" * whole + _EIGHTHS[eighths].strip()


def _names(names: Sequence[str], width: int) -> list[str]:
    """Of one length, at most a third of the width."""
    longest = min(max(map(len, names)), _LONGEST_NAME, max(14, width // 3))
    return [shorten(name, longest).ljust(longest) for name in names]
