"""The document of a run, `augur-edge/measure/1`: what `measure --json` and `show --json` print."""

from __future__ import annotations

from typing import Any

from augur_edge import schema
from augur_edge.stats import summarise
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord

_FACTS = ("load_ns", "peak_rss_bytes")  # always there, null where unknown
_MORE_FACTS = ("first_ns", "output_error", "failed", "peak_rss_reason", "notes", "sustain")  # there where known

ONE_SESSION = (
    "clocks, heat and other load were judged in the last of {} sessions only: nobody looked at the device when the "
    "others were stopped"
)


def measure_document(run: RunRecord) -> dict[str, Any]:
    """Plain data for JSON. Times are ns, of one call; what is not known is null, never 0."""
    return {
        "schema": schema.MEASURE,
        "context": run.context,
        "verdict": verdict_of(run),
        "networks": [network_document(run.id, network) for network in run.networks],
    }


def verdict_of(run: RunRecord) -> dict[str, Any]:
    """The run's verdict: `steady`, its `reasons`, and a `note` on what could not be judged.

    One that was never reached is not steady.
    """
    if run.verdict is not None:
        n_sessions = _sessions(run.context)
        if n_sessions == 1:
            return run.verdict
        notes = filter(None, [run.verdict.get("note"), ONE_SESSION.format(n_sessions)])
        return {**run.verdict, "note": "; ".join(notes)}
    text = f"the run is {run.status}, so nothing was judged"
    advice = "go on with `augur-edge measure --resume`"
    return {"steady": False, "reasons": [{"code": "unfinished", "text": text, "advice": advice}]}


def _sessions(context: Any) -> int:
    """How often the run was begun or gone on with: each session keeps the context of the one before."""
    n = 1
    while isinstance(context, dict) and context.get("first"):
        context, n = context["first"], n + 1
    return n


def network_document(run_id: str, network: NetworkRecord) -> dict[str, Any]:
    """One entry of `networks`.

    sum_of_layers_ns: of the layers' medians, each as often as it stands in the network; null if one has none.
    ratio: that sum over the whole network, the call floor taken off each of the calls in it and off the whole;
    ratio_raw: with the floor left in.
    """
    layers = _layers(network)
    whole = _find(network, "whole")
    floor_ns = _median(_find(network, "floor"))
    sum_ns = _sum(layers)
    info = network.info
    return {
        "name": network.name,
        "runtime": network.runtime,
        "mode": network.mode,
        "run": run_id,
        "latency_ns": _latency(whole),
        "sum_of_layers_ns": sum_ns,
        "ratio": _net_ratio(network.mode, layers, sum_ns, _median(whole), floor_ns),
        "ratio_raw": _ratio(sum_ns, _median(whole)),
        "call_floor_ns": floor_ns,
        **{name: info.get(name) for name in _FACTS},
        **{name: info[name] for name in _MORE_FACTS if info.get(name) is not None},
        "energy_uj": None if whole is None else whole.energy,
        "energy_reason": info.get("energy_reason"),
        "energy_sensor": info.get("energy_sensor"),
        "layers": [_layer_document(network, layer) for layer in layers],
    }


def _layers(network: NetworkRecord) -> list[Measurement]:
    found = [m for m in network.measurements if m.kind == "layer" and m.mode == network.mode]
    return sorted(found, key=lambda m: m.position)


def _find(network: NetworkRecord, kind: str) -> Measurement | None:
    """The whole network or the floor: as timed in the network's own mode, else in another."""
    found = [m for m in network.measurements if m.kind == kind and len(m.samples_ns)]
    return min(found, key=lambda m: m.mode != network.mode, default=None)


def _isolated(network: NetworkRecord, layer: Measurement) -> Measurement | None:
    """The layer in a loop of its own; equal layers are timed once, under the position of the first."""
    found = [m for m in network.measurements if m.kind == "layer" and m.mode == "isolated"]
    for other in found:
        if other.position == layer.position:
            return other
    alike = (m for m in found if layer.spec is not None and (m.op, m.spec) == (layer.op, layer.spec))
    return next(alike, None)


def _layer_document(network: NetworkRecord, layer: Measurement) -> dict[str, Any]:
    reasons = network.info.get("energy_reasons") or {}
    reason = reasons.get(str(layer.position), network.info.get("energy_reason"))
    return {
        "name": layer.name,
        "op": layer.op,
        "count": layer.count,
        "nodes": list(layer.nodes),
        "spec": None if layer.spec is None else layer.spec.to_dict(),
        "macs": None if layer.spec is None else layer.spec.macs,
        "status": layer.status,
        "reason": layer.reason,
        "latency_ns": _latency(layer),
        "isolated_ns": _latency(_isolated(network, layer)),
        "energy_uj": layer.energy,
        "energy_reason": None if layer.energy else reason,
    }


def _latency(m: Measurement | None) -> dict[str, Any] | None:
    if m is None or len(m.samples_ns) == 0:
        return None
    return summarise(m.samples_ns, m.loops).to_dict()


def _median(m: Measurement | None) -> float | None:
    return None if m is None or len(m.samples_ns) == 0 else summarise(m.samples_ns, m.loops).median


def _sum(layers: list[Measurement]) -> float | None:
    medians = [_median(layer) for layer in layers]
    if not medians or None in medians:
        return None
    return sum(median * layer.count for median, layer in zip(medians, layers) if median is not None)


def _net_ratio(
    mode: str, layers: list[Measurement], sum_ns: float | None, whole_ns: float | None, floor_ns: float | None
) -> float | None:
    if sum_ns is None or whole_ns is None or floor_ns is None:
        return None
    # A runtime's own profiler times inside the one call, so its layers have no floor of their own.
    n_calls = 0 if mode == "profiler" else sum(layer.count for layer in layers)
    return _ratio(sum_ns - n_calls * floor_ns, whole_ns - floor_ns)


def _ratio(part: float | None, whole: float | None) -> float | None:
    return None if part is None or whole is None or whole <= 0 else part / whole
