"""The section of one measured network: where its time goes, what bounds each layer, and how steady the run was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from augur_edge.layers import Layer
from augur_edge.report.figure import Figure, Section, Table, Trace, axis, shortened
from augur_edge.stats import summarise
from augur_edge.store.document import network_document, verdict_of
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord
from augur_edge.store.table import short_time, time_with_spread
from augur_edge.units import count_text, size_text

BARS = 60  # more cannot be told apart on a page; the rest is one bar
POINTS = 2000  # of a plot, so that a page of ten thousand layers still opens at once
ROWS = 500  # of a table

LayerDocument = dict[str, Any]


def section(run: RunRecord, network: NetworkRecord) -> Section:
    """Everything a page says of one network of a run. Layers without a measurement are named, never drawn as zero."""
    document = network_document(run.id, network)
    layers = sorted((x for x in document["layers"] if x["latency_ns"]), key=_total_ns, reverse=True)
    title = f"{document['name']} on {document['runtime']}, run {run.id[:12]}"
    figures = [_bars(layers), _energy(layers), _roofline(layers), _steadiness(network), _spread(network, layers)]
    return Section(title, _facts(run, document), _remarks(run, document), [f for f in figures if f is not None])


def _total_ns(layer: LayerDocument) -> float:
    return float(layer["latency_ns"]["median"] * layer["count"])


def _label(layer: LayerDocument) -> str:
    return str(layer["name"]) + (f" x{layer['count']}" if layer["count"] > 1 else "")


def _facts(run: RunRecord, document: dict[str, Any]) -> list[tuple[str, str]]:
    energy, peak = document["energy_uj"], document["peak_rss_bytes"]
    found = [
        ("run", run.id),
        ("device", run.device or "unknown"),
        ("mode", document["mode"]),
        ("whole network", document["latency_ns"] and time_with_spread(document["latency_ns"])),
        ("sum of the layers", document["sum_of_layers_ns"] and short_time(document["sum_of_layers_ns"])),
        ("sum / whole, net of the call floor", document["ratio"] and f"{document['ratio']:.3f}"),
        ("peak RSS", peak and size_text(peak)),
        ("energy", f"{energy['median']:.1f} uJ" if energy else f"unknown ({document['energy_reason'] or 'no sensor'})"),
        ("verdict", "steady" if verdict_of(run)["steady"] else "not steady"),
    ]
    return [(name, text) for name, text in found if text]


def _remarks(run: RunRecord, document: dict[str, Any]) -> list[str]:
    reasons = [f"{r['text']} - {r['advice']}" if r.get("advice") else r["text"] for r in verdict_of(run)["reasons"]]
    failed = [
        f"{x['name']} was not measured: {x['reason'] or x['status']}" for x in document["layers"] if not x["latency_ns"]
    ]
    if document.get("failed"):
        failed.insert(0, f"the network failed: {document['failed']}")
    more = [f"and {len(failed) - 20} more"] if len(failed) > 20 else []
    return [*reasons, *failed[:20], *more, *(document.get("notes") or [])]


def _bars(layers: Sequence[LayerDocument]) -> Figure | None:
    if not layers:
        return None
    total = sum(map(_total_ns, layers))
    shown, rest = layers[:BARS], layers[BARS:]
    names = [_label(x) for x in shown] + ([f"{len(rest)} others"] if rest else [])
    times = [_total_ns(x) for x in shown] + ([sum(map(_total_ns, rest))] if rest else [])
    trace = {
        "type": "bar", "orientation": "h", "series": 0, "x": [t / 1e3 for t in times],
        "y": list(range(len(names))), "customdata": names,
        "text": [f"{100 * t / total:.1f} %" for t in times], "textposition": "auto",
        "hovertemplate": "%{customdata}<br>%{x:.2f} us, %{text}<extra></extra>",
    }  # fmt: skip
    layout = {
        "xaxis": axis("latency, us"),
        "yaxis": {"autorange": "reversed", "automargin": True, "tickvals": list(range(len(names))),
                  "ticktext": [shortened(name, 28) for name in names]},
    }  # fmt: skip
    note = "Time of all layers of a name, and its share of the sum."
    return Figure("Layers by time", [trace], layout, _layer_table(layers, total), note, max(220, 120 + 18 * len(names)))


def _layer_table(layers: Sequence[LayerDocument], total: float) -> Table:
    rows = [
        (
            _label(x),
            x["op"],
            time_with_spread(x["latency_ns"]),
            f"{100 * _total_ns(x) / total:.1f} %",
            time_with_spread(x["isolated_ns"]),
            count_text(x["macs"] or None),
            f"{x['energy_uj']['median']:.1f} uJ" if x["energy_uj"] else "-",
        )
        for x in layers[:ROWS]
    ]
    columns = ("layer", "op", "latency", "share", "isolated", "MACs", "energy")
    return Table(columns, rows, max(0, len(layers) - ROWS))


def _energy(layers: Sequence[LayerDocument]) -> Figure | None:
    """None where no layer's energy is known."""
    known = [x for x in layers if x["energy_uj"]][:BARS]
    if not known:
        return None
    values = [x["energy_uj"]["median"] * x["count"] for x in known]
    trace = {
        "type": "bar", "orientation": "h", "series": 1, "x": values, "y": list(range(len(known))),
        "customdata": [_label(x) for x in known], "hovertemplate": "%{customdata}<br>%{x:.2f} uJ<extra></extra>",
    }  # fmt: skip
    ticks = {"tickvals": list(range(len(known))), "ticktext": [shortened(_label(x), 28) for x in known]}
    layout = {"xaxis": axis("energy, uJ"), "yaxis": {"autorange": "reversed", "automargin": True, **ticks}}
    table = Table(("layer", "energy"), [(_label(x), f"{v:.2f} uJ") for x, v in zip(known, values)])
    note = f"The energy of {len(known)} of {len(layers)} layers is known."
    return Figure("Layers by energy", [trace], layout, table, note, max(220, 120 + 18 * len(known)))


def _roofline(layers: Sequence[LayerDocument]) -> Figure | None:
    """Each layer's rate over its intensity, under the highest rates that any of them reached."""
    points = [(x, Layer.from_dict(x["spec"])) for x in layers if x["spec"] and x["macs"]][:POINTS]
    if not points:
        return None
    ns = [x["latency_ns"]["median"] for x, _ in points]
    intensity = [spec.macs / spec.bytes_moved for _, spec in points]
    rates = [spec.macs / t for (_, spec), t in zip(points, ns)]
    bandwidth = max(spec.bytes_moved / t for (_, spec), t in zip(points, ns))
    xs = [min(intensity) / 1.5, max(rates) / bandwidth, max(intensity) * 1.5]
    roof = [min(max(rates), bandwidth * x) for x in sorted(xs)]
    traces: list[Trace] = [
        {"type": "scatter", "mode": "lines", "name": "highest rates reached", "series": 1, "x": sorted(xs), "y": roof,
         "hoverinfo": "skip"},
    ]  # fmt: skip
    for series, op in enumerate(sorted({x["op"] for x, _ in points})):
        chosen = [i for i, (x, _) in enumerate(points) if x["op"] == op]
        traces.append({
            "type": "scatter", "mode": "markers", "name": op, "series": series + 2,
            "x": [intensity[i] for i in chosen], "y": [rates[i] for i in chosen],
            "customdata": [_label(points[i][0]) for i in chosen],
            "hovertemplate": "%{customdata}<br>%{x:.2f} MAC/B, %{y:.2f} GMAC/s",
        })  # fmt: skip
    layout = {"xaxis": axis("MACs per byte moved", type="log"), "yaxis": axis("GMAC/s", type="log")}
    rows = [
        (_label(x), f"{i:.2f}", f"{r:.2f}", f"{spec.bytes_moved / t:.2f}")
        for (x, spec), i, r, t in list(zip(points, intensity, rates, ns))[:ROWS]
    ]
    table = Table(("layer", "MAC/B", "GMAC/s", "GB/s"), rows, max(0, len(points) - ROWS))
    note = (
        f"The roof is {max(rates):.1f} GMAC/s and {bandwidth:.1f} GB/s: what the best layer of this run reached, not "
        "the device's specification. Bytes are the layer's inputs, weights and outputs, each once."
    )
    return Figure("Roofline", traces, layout, table, note)


def _steadiness(network: NetworkRecord) -> Figure | None:
    """The whole network's samples in the order taken."""
    whole = next((m for m in network.measurements if m.kind == "whole" and len(m.samples_ns) > 1), None)
    if whole is None:
        return None
    summary, values = summarise(whole.samples_ns, whole.loops), whole.samples_ns / whole.loops / 1e6
    step = -(-len(values) // POINTS)
    kept = values[::step]
    trace = {
        "type": "scatter", "mode": "markers", "series": 0, "x": (np.arange(len(kept)) * step).tolist(),
        "y": kept.tolist(), "hovertemplate": "sample %{x}<br>%{y:.4f} ms<extra></extra>", "marker": {"size": 4},
    }  # fmt: skip
    median_ms = summary.median / 1e6
    lines = [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": median_ms, "y1": median_ms}]
    layout = {"xaxis": axis("sample, in the order taken"), "yaxis": axis("whole network, ms"), "shapes": lines}
    facts = [
        ("median", short_time(summary.median)),
        ("MAD", short_time(summary.mad)),
        ("p90", short_time(summary.p90)),
        ("p99", short_time(summary.p99)),
        ("samples", str(summary.n)),
        ("outliers", str(summary.n_outliers)),
    ]
    note = f"Dotted: the median, {short_time(summary.median)}." + (
        f" Every {step}th sample is drawn." if step > 1 else ""
    )
    return Figure("Steadiness of the run", [trace], layout, Table(("what", "value"), facts), note, 320)


def _spread(network: NetworkRecord, layers: Sequence[LayerDocument]) -> Figure | None:
    """Boxes of the slowest layers' samples, each relative to its own median."""
    slowest = {x["name"] for x in layers[:20]}
    found = [m for m in network.measurements if m.kind == "layer" and m.mode == network.mode and m.name in slowest]
    found = sorted(
        (m for m in found if len(m.samples_ns) >= 5), key=lambda m: -float(np.median(m.samples_ns) / m.loops)
    )
    if not found:
        return None
    rows = [(m, _quantiles(m)) for m in found[:20]]
    trace = {
        "type": "box", "orientation": "h", "series": 0, "y": list(range(len(rows))),
        "lowerfence": [q[0] for _, q in rows], "q1": [q[1] for _, q in rows], "median": [q[2] for _, q in rows],
        "q3": [q[3] for _, q in rows], "upperfence": [q[4] for _, q in rows], "hoverinfo": "x",
    }  # fmt: skip
    ticks = {"tickvals": list(range(len(rows))), "ticktext": [shortened(m.name, 28) for m, _ in rows]}
    layout = {
        "xaxis": axis("difference from the median, %"),
        "yaxis": {"autorange": "reversed", "automargin": True, **ticks},
    }
    cells = [(m.name, *(f"{value:+.2f} %" for value in q)) for m, q in rows]
    table = Table(("layer", "5th percentile", "1st quartile", "median", "3rd quartile", "95th percentile"), cells)
    note = "Of the slowest layers: box from quartile to quartile, whiskers at the 5th and 95th percentile."
    return Figure("Spread of the slowest layers", [trace], layout, table, note, max(220, 120 + 22 * len(rows)))


def _quantiles(m: Measurement) -> list[float]:
    """Percent from the median, at 5, 25, 50, 75 and 95 %."""
    values = np.quantile(m.samples_ns, [0.05, 0.25, 0.5, 0.75, 0.95])
    return [float(v) for v in 100 * (values / values[2] - 1)]
