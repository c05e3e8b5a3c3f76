"""A comparison as plain text."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import Any

from augur_edge import console
from augur_edge.store.bars import ratios_text
from augur_edge.store.settings import split_name
from augur_edge.store.table import clean, shorten, time_with_spread

_HEADER = ("layer", "a", "b", "b/a", "p", "b is")


def comparison_text(document: dict[str, Any], width: int, charts: bool = False) -> str:
    """Each network with a line per layer and one for the whole; lines at most `width` wide, down to about 70.

    charts: after each, bars of the layers that differ.
    """
    sides = document["context"]
    head = "\n".join(f"{side}: run {sides[side]['run']}, {sides[side]['device'] or 'unknown device'}" for side in "ab")
    networks = document["networks"]
    parts = [head, *(_network_text(network, document["note"], width, charts) for network in networks)]
    least, alpha = 100 * document["threshold"], document["alpha"]
    rule = f"a difference is at least {least:g}% of the median, p < {alpha:g} (Holm), intervals of the medians apart"
    return "\n\n".join([*parts, textwrap.fill(rule, width)])


def heading(network: dict[str, Any]) -> str:
    """A network's name, or both where no setting tells them apart, runtimes, modes, and the settings that differ."""
    names = [network["name"], network["b_name"]]
    apart = [f"{option} {a or 'none'} against {b or 'none'}" for option, (a, b) in network["settings"].items()]
    nets = [split_name(name)[0] for name in names]
    name = nets[0] if apart and names[0] != names[1] and nets[0] == nets[1] else _both(names)
    return ", ".join([clean(name), _both(network["runtime"]), _both(network["mode"]), *apart])


def _network_text(network: dict[str, Any], note: str, width: int, charts: bool) -> str:
    title = heading(network)
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
    if counts["faster"] or counts["slower"] or (network["whole"] or {}).get("verdict") in ("faster", "slower"):
        lines.append(textwrap.fill(note, width, initial_indent="  ", subsequent_indent="  "))
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
