"""Runs as plain text for people: every figure with its unit and its spread, in the width of the terminal."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from augur_edge import console
from augur_edge.store.document import measure_document, verdict_of
from augur_edge.store.plot import sustain_text
from augur_edge.store.records import NetworkRecord, RunRecord
from augur_edge.units import count_text, energy_text, size_text, time_text

_SHORTEST_NAME = 14
_LONGEST_OP = 16
_HARD_SPACE = "\u00a0"
# In this order columns go until names have so much room, or all they need.
_ROOM_OR_GONE = {"GMAC/s": 24, "MACs": 22, "isolated": 14, "energy": 14, "op": 14, "share": 14}


def run_text(run: RunRecord, width: int, sort: str = "order", charts: bool = False) -> str:
    """The whole run: where and when, each network's table (and pictures), and the verdict with what to do."""
    document = measure_document(run)
    when = datetime.fromtimestamp(run.created_unix_ns / 1e9).strftime("%Y-%m-%d %H:%M:%S")
    parts = [f"run {run.id}, {when}, {run.device or 'unknown device'}, {run.status}"]
    if len(document["networks"]) > 1 and all(network["mode"] == "whole" for network in document["networks"]):
        parts.append(_wholes(document["networks"]))
        return "\n\n".join([*parts, verdict_text(document["verdict"], width)])
    for network, record in zip(document["networks"], run.networks):
        title = f"{network['name']}, {network['runtime']}, {network['mode']}"
        parts.append(f"{title}\n\n{layer_table(network, width, sort)}")
        if charts:
            parts += _charts(network, record, width)
    return "\n\n".join([*parts, verdict_text(document["verdict"], width)])


def sample_text(run: RunRecord, store: str, width: int) -> str:
    """A run of single layers in short: how many have samples, how many were left out and the first reason, the verdict,
    and what to do with them. store: the path it is in.
    """
    layers = [m for n in run.networks for m in n.measurements if m.kind == "layer" and m.mode == n.mode]
    kept = sum(m.count for m in layers if len(m.samples_ns))
    reasons = [f"{m.name}: {m.reason}" for m in layers if not len(m.samples_ns) and m.reason]
    reasons += [f"{n.name}: {n.info['failed']}" for n in run.networks if n.info.get("failed")]
    out = sum(m.count for m in layers if not len(m.samples_ns))
    left_out = f"; {out} left out" + (f", {clean(reasons[0])}" if reasons else "") if out or reasons else ""
    quoted = shlex.quote(store)
    lines = [f"run {run.id}, {run.status}: {kept} layers measured{left_out}; kept in {store}"]
    lines.append(f"all of them: augur-edge show {run.id} --store {quoted}")
    if kept:
        lines.append(f"learn them:  augur-edge train {quoted} -o {shlex.quote(Path(store).stem)}.augpred")
    return "\n".join(lines) + "\n\n" + verdict_text(verdict_of(run), width)


def _charts(network: dict[str, Any], record: NetworkRecord, width: int) -> list[str]:
    from augur_edge.store.bars import bars_text, steadiness_text

    return [text for text in (bars_text(network, width), steadiness_text(record, width)) if text]


def _wholes(networks: Sequence[dict[str, Any]]) -> str:
    """A line for each network that was measured in one call; names are not cut, for they say which one it is."""
    lines = []
    for network in networks:
        latency = "failed: " + clean(network["failed"]) if network.get("failed") else None
        lines.append(f"{latency or time_with_spread(network['latency_ns']):>16}  {clean(network['name'])}")
    return "\n".join(lines)


def verdict_text(verdict: dict[str, Any], width: int) -> str:
    """Steady or not, each reason, and what to do about it; and what was not judged."""
    lines = ["verdict: steady" if verdict.get("steady") else "verdict: not steady"]
    for reason in verdict.get("reasons", []):
        advice = f" - {reason['advice']}" if reason.get("advice") else ""
        lines.append(textwrap.fill(reason["text"] + advice, width, initial_indent="  ", subsequent_indent="    "))
    if verdict.get("note"):
        lines.append(_wrap(f"note: {verdict['note']}", width))
    return "\n".join(lines)


def layer_table(network: dict[str, Any], width: int, sort: str = "order") -> str:
    """An entry of a document's `networks`: a line per layer, the layers that failed, and the network as a whole.

    sort: `order` of execution, or `latency`, the slowest first. Lines are at most `width` wide, down to about 45.
    """
    layers: list[dict[str, Any]] = network["layers"]
    if sort == "latency":
        layers = sorted(layers, key=total_ns, reverse=True)
    columns = _columns(layers, network["mode"])
    _fit(columns, width)
    rows = list(zip(*columns.values()))
    table = [console.table(list(columns), rows, left=2 if "op" in columns else 1)] if rows else []
    failed = [f"{layer_label(layer)}: {layer['reason']}" for layer in layers if layer["reason"]]
    if network.get("failed"):
        failed.append(f"the network failed: {network['failed']}")
    lines = [*failed, *_summary(network), *(f"note: {note}" for note in network.get("notes", []))]
    curves = [sustain_text(network["sustain"], width)] if network.get("sustain") else []
    return "\n\n".join([*table, "\n".join(_wrap(line, width) for line in lines), *curves]).rstrip()


def time_with_spread(summary: dict[str, Any] | None) -> str:
    """Median and its median absolute deviation: `12.34 us ±0.5%`; `-` where it was not measured."""
    if summary is None:
        return "-"
    return f"{short_time(summary['median'])} ±{100 * summary['mad'] / max(summary['median'], 1e-9):.1f}%"


def short_time(ns: float | None) -> str:
    """Four digits and the unit: `1.234 us`, `12.34 us`, `123.4 us`."""
    for digits in (3, 2, 1):
        text = time_text(ns, digits)
        if len(text.split(" ")[0]) <= 5:
            break
    return text


def shorten(name: str, width: int) -> str:
    """At most `width` characters, the middle left out: beginnings and ends tell layers apart."""
    if len(name) <= width:
        return name
    tail = (width - 1) // 2
    return f"{name[: width - 1 - tail]}…{name[len(name) - tail :]}"


def clean(name: str) -> str:
    """A name from somebody else's file, so that nothing in it can move the cursor."""
    return "".join(c if c.isprintable() else "?" for c in name)


def _columns(layers: Sequence[dict[str, Any]], mode: str) -> dict[str, list[str]]:
    total = sum(map(total_ns, layers)) or 1.0
    columns = {
        "layer": [layer_label(layer) for layer in layers],
        "op": [shorten(clean(layer["op"]), _LONGEST_OP) for layer in layers],
        "latency": ["failed" if x["status"] == "failed" else time_with_spread(x["latency_ns"]) for x in layers],
        "share": [f"{100 * total_ns(x) / total:.1f}%" if x["latency_ns"] else "-" for x in layers],
    }
    if mode != "isolated" and any(layer["isolated_ns"] for layer in layers):
        columns["isolated"] = [time_with_spread(layer["isolated_ns"]) for layer in layers]
    if any(layer["energy_uj"] for layer in layers):
        columns["energy"] = [energy_with_uncertainty(layer["energy_uj"]) for layer in layers]
    columns["MACs"] = [count_text(layer["macs"] or None) for layer in layers]
    columns["GMAC/s"] = [_rate(layer) for layer in layers]
    return columns


def _fit(columns: dict[str, list[str]], width: int) -> None:
    """Shorten the names, and drop the columns least needed where names would become too short to tell apart."""

    def room() -> int:
        others = (max(map(len, [title, *cells])) + 2 for title, cells in columns.items() if title != "layer")
        return width - sum(others)

    longest = max(map(len, columns["layer"]), default=0)
    for title, wanted in _ROOM_OR_GONE.items():
        if room() < min(wanted, longest):
            columns.pop(title, None)
    columns["layer"] = [shorten(name, max(_SHORTEST_NAME, room())) for name in columns["layer"]]


def layer_label(layer: dict[str, Any]) -> str:
    """Name, and how many such layers it stands for."""
    return clean(layer["name"]) + (f" x{layer['count']}" if layer["count"] > 1 else "")


def total_ns(layer: dict[str, Any]) -> float:
    """Of all layers that it stands for; 0 where it was not measured."""
    return float(layer["latency_ns"]["median"] * layer["count"]) if layer["latency_ns"] else 0.0


def _rate(layer: dict[str, Any]) -> str:
    """MACs per ns are GMACs per second."""
    if not layer["macs"] or not total_ns(layer):
        return "-"
    return f"{layer['macs'] / layer['latency_ns']['median']:.1f}"


def _summary(network: dict[str, Any]) -> list[str]:
    facts = [
        ("whole", network["latency_ns"] and time_with_spread(network["latency_ns"])),
        ("sustained", network.get("sustain") and _sustained(network["sustain"])),
        (f"sum of {sum(layer['count'] for layer in network['layers'])} layers", _time(network["sum_of_layers_ns"])),
        ("ratio", _ratio(network)),
        ("call floor", _time(network["call_floor_ns"])),
        ("load", _time(network["load_ns"])),
        ("first inference", _time(network.get("first_ns"))),
        ("peak RSS", network["peak_rss_bytes"] and size_text(network["peak_rss_bytes"])),
        ("energy", _energy(network)),
    ]
    # Lines break between facts only, never between a figure and its unit.
    line = ", ".join(f"{name} {value}".replace(" ", _HARD_SPACE) for name, value in facts if value)
    return [line] if line else []


def _sustained(sustain: dict[str, Any]) -> str:
    return f"{short_time(sustain['sustained_ns'])} ({100 * sustain['change']:+.1f} %)"


def _time(ns: float | None) -> str | None:
    return None if ns is None else short_time(ns)


def _ratio(network: dict[str, Any]) -> str | None:
    if network["ratio"] is None:
        return None if network["ratio_raw"] is None else f"{network['ratio_raw']:.3f}"
    return f"{network['ratio_raw']:.3f} (net of the floor {network['ratio']:.3f})"


def _energy(network: dict[str, Any]) -> str | None:
    if network["energy_uj"]:
        return f"{energy_with_uncertainty(network['energy_uj'])} an inference{_above_idle(network['energy_uj'])}"
    return f"unknown ({network['energy_reason']})" if network["energy_reason"] else None


def energy_with_uncertainty(energy: dict[str, Any] | None) -> str:
    """Median and its standard uncertainty: `12.34 mJ ±0.5%`; `-` where it was not measured."""
    if energy is None:
        return "-"
    uncertainty = energy.get("uncertainty")
    share = "" if uncertainty is None else f" ±{100 * uncertainty / max(energy['median'], 1e-9):.1f}%"
    return energy_text(energy["median"]) + share


def _above_idle(energy: dict[str, Any]) -> str:
    above = energy.get("above_idle")
    return "" if above is None else f" ({energy_text(above)} above idling)"


def _wrap(line: str, width: int) -> str:
    return textwrap.fill(line, width, subsequent_indent="  ").replace(_HARD_SPACE, " ")
