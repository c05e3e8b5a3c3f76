"""A comparison as plain text."""

from __future__ import annotations

from collections import Counter
from typing import Any

from augur_edge import console
from augur_edge.store.bars import ratios_text
from augur_edge.store.table import clean, shorten, time_with_spread

_HEADER = ("layer", "a", "b", "b/a", "p", "b is")


def comparison_text(document: dict[str, Any], width: int, charts: bool = False) -> str:
    """Each network with a line per layer and one for the whole; lines at most `width` wide, down to about 70.

    charts: after each, bars of the layers that differ.
    """
    sides = document["context"]
    head = "\n".join(f"{side}: run {sides[side]['run']}, {sides[side]['device'] or 'unknown device'}" for side in "ab")
    parts = [head, *(_network_text(network, width, charts) for network in document["networks"])]
    least, alpha = 100 * document["threshold"], document["alpha"]
    return "\n\n".join([*parts, f"a difference is at least {least:g}% of the median, and p < {alpha:g} (Holm)"])


def _network_text(network: dict[str, Any], width: int, charts: bool) -> str:
    title = ", ".join([network["name"], _both(network["runtime"]), _both(network["mode"])])
    rows = [_row(entry, entry["name"]) for entry in network["layers"]]
    if network["whole"] is not None:
        rows.append(_row(network["whole"], "(whole network)"))
    others = sum(max(len(row[i]) for row in (_HEADER, *rows)) + 2 for i in range(1, len(_HEADER)))
    room = max(14, width - others)
    table = console.table(_HEADER, [(shorten(row[0], room), *row[1:]) for row in rows])
    counts = Counter(entry["verdict"] for entry in network["layers"])
    total = ", ".join(
        f"{counts[word]} {word}" for word in ("faster", "slower", "no difference", "unknown") if counts[word]
    )
    lines = [title, "", table, "", f"layers of b: {total or 'none matched'}"]
    lines += [
        f"only in {side}: {shorten(', '.join(map(clean, names)), width - 11)}"
        for side, names in (("a", network["only_a"]), ("b", network["only_b"]))
        if names
    ]
    bars = ratios_text(network, width) if charts else ""
    return "\n".join([*lines, *(["", bars] if bars else [])])


def _row(entry: dict[str, Any], name: str) -> tuple[str, ...]:
    return (
        clean(name),
        time_with_spread(entry["a_ns"]),
        time_with_spread(entry["b_ns"]),
        "-" if entry["ratio"] is None else f"{entry['ratio']:.3f}",
        _p_text(entry["p_adjusted"]),
        entry["verdict"],
    )


def _p_text(p: float | None) -> str:
    if p is None:
        return "-"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _both(pair: list[str]) -> str:
    return pair[0] if pair[0] == pair[1] else f"{pair[0]} against {pair[1]}"
