"""The section of two runs beside each other, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from augur_edge.report.figure import Figure, Section, Table, Trace, axis, shortened
from augur_edge.report.network import BARS, POINTS, ROWS
from augur_edge.store.comparison import BETWEEN_RUNS, compare_runs
from augur_edge.store.comparison_table import heading
from augur_edge.store.records import RunRecord
from augur_edge.store.table import time_with_spread

THRESHOLD = 0.01
_SERIES = {"faster": 2, "slower": 1, "no difference": 0, "unknown": 4}


def sections(a: RunRecord, b: RunRecord) -> list[Section]:
    """One a network that both runs have, in the same setting or another. Raises UsageError where they have none."""
    return [_section(a, b, network) for network in compare_runs(a, b, THRESHOLD)["networks"]]


def _section(a: RunRecord, b: RunRecord, network: dict[str, Any]) -> Section:
    sides = [f"{runtime}, run {run.id}" for runtime, run in zip(network["runtime"], (a, b))]
    whole, layers = network["whole"], [x for x in network["layers"] if x["ratio"] is not None]
    facts = [("A", f"{sides[0]}, {a.device}"), ("B", f"{sides[1]}, {b.device}")]
    if whole and whole["ratio"] is not None:
        facts += [
            ("whole network, A", time_with_spread(whole["a_ns"])),
            ("whole network, B", time_with_spread(whole["b_ns"])),
            ("B / A", f"{whole['ratio']:.3f}, {whole['verdict']}"),
        ]
    only = [
        f"only in {side}: {', '.join(network[key][:20])}"
        for side, key in (("A", "only_a"), ("B", "only_b"))
        if network[key]
    ]
    figures = [_scatter(layers), _ratios(layers)] if layers else []
    if any(x["verdict"] in ("faster", "slower") for x in (*layers, *([whole] if whole else []))):
        only.append(BETWEEN_RUNS)
    return Section(heading(network), facts, only, figures)


def _scatter(layers: Sequence[dict[str, Any]]) -> Figure:
    traces: list[Trace] = []
    for verdict, series in _SERIES.items():
        found = [x for x in layers if x["verdict"] == verdict][:POINTS]
        if found:
            traces.append({
                "type": "scatter", "mode": "markers", "name": verdict, "series": series,
                "x": [x["a_ns"]["median"] / 1e3 for x in found], "y": [x["b_ns"]["median"] / 1e3 for x in found],
                "customdata": [x["name"] for x in found],
                "hovertemplate": "%{customdata}<br>A %{x:.2f} us, B %{y:.2f} us",
            })  # fmt: skip
    ends = [v for x in layers for v in (x["a_ns"]["median"] / 1e3, x["b_ns"]["median"] / 1e3)]
    equal = {"type": "line", "x0": min(ends), "y0": min(ends), "x1": max(ends), "y1": max(ends)}
    layout = {"xaxis": axis("A, us", type="log"), "yaxis": axis("B, us", type="log"), "shapes": [equal]}
    rows = [
        (x["name"], time_with_spread(x["a_ns"]), time_with_spread(x["b_ns"]), f"{x['ratio']:.3f}", x["verdict"])
        for x in layers[:ROWS]
    ]
    table = Table(("layer", "A", "B", "B / A", "B is"), rows, max(0, len(layers) - ROWS))
    note = (
        "Below the dotted line B is faster. A verdict needs 1 %, intervals of the medians that are apart, and a "
        "rank test at 5 %, corrected by Holm's method."
    )
    return Figure("Layer by layer", traces, layout, table, note)


def _ratios(layers: Sequence[dict[str, Any]]) -> Figure:
    weight = {id(x): abs(x["b_ns"]["median"] - x["a_ns"]["median"]) for x in layers}
    shown = sorted(layers, key=lambda x: -weight[id(x)])[:BARS]
    differences = [(x["b_ns"]["median"] - x["a_ns"]["median"]) / 1e3 for x in shown]
    trace = {
        "type": "bar", "orientation": "h", "series": 0, "x": differences, "y": list(range(len(shown))),
        "customdata": [x["name"] for x in shown], "hovertemplate": "%{customdata}<br>%{x:+.2f} us<extra></extra>",
    }  # fmt: skip
    ticks = {"tickvals": list(range(len(shown))), "ticktext": [shortened(x["name"], 28) for x in shown]}
    layout = {"xaxis": axis("B less A, us"), "yaxis": {"autorange": "reversed", "automargin": True, **ticks}}
    table = Table(("layer", "B less A"), [(x["name"], f"{d:+.2f} us") for x, d in zip(shown, differences)])
    return Figure(
        "Where the difference lies", [trace], layout, table, "The largest first.", max(220, 120 + 18 * len(shown))
    )
