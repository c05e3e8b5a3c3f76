"""Was the device steady enough to believe the figures? Every reason seen against it, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from augur_edge.device import Conditions, Reason, compare_conditions
from augur_edge.stats import Summary, drift, summarise
from augur_edge.store.records import Measurement, NetworkRecord

DRIFT = 0.03  # of the whole network's latency, first third to last
SPREAD = 0.05  # MAD over median of the whole network
TAIL = 0.5  # p99 over median less one: something else had the core now and then
LAYERS_SHARE = 0.25  # of the layers' summed time may be in layers that drifted, vary, or are not as precise as asked
COOL = "let the device reach a constant temperature, or cool it"
PIN = "pin the clocks (`augur-edge system tune`) and close other programs, then measure again"

Summarised = tuple[Measurement, Summary]


def judge(
    networks: Iterable[NetworkRecord],
    before: Conditions,
    after: Conditions,
    cpus: Collection[int],
    *,
    precision: float,
    real_time: bool = False,
) -> dict[str, Any]:
    """`{"steady": bool, "reasons": [{"code", "text", "advice", "value", "limit"}]}` for a whole run.

    real_time: measured at real-time priority; then tasks that waited for a processor waited for this one.
    """
    reasons = [r for r in compare_conditions(before, after, cpus) if not (real_time and r.code == "pressure")]
    for network in networks:
        reasons += _of_network(network, precision)
    return {"steady": not reasons, "reasons": [r.to_dict() for r in reasons]}


def _of_network(network: NetworkRecord, precision: float) -> list[Reason]:
    whole = next((m for m in network.measurements if m.kind == "whole" and len(m.samples_ns)), None)
    layers = [
        (m, summarise(m.samples_ns, m.loops))
        for m in network.measurements
        if m.kind == "layer" and m.mode == network.mode and len(m.samples_ns)
    ]
    out = _of_layers(network.name, layers) if whole is None else _of_whole(network.name, whole)
    return out + _imprecise(network.name, layers, precision)


def _of_whole(name: str, whole: Measurement) -> list[Reason]:
    out = []
    change = drift(whole.samples_ns)
    if change is not None and abs(change) > DRIFT:
        text = f"{name}: became {_percent(abs(change))} {'slower' if change > 0 else 'faster'} from first to last third"
        out.append(Reason("drift", text, COOL, change, DRIFT))
    summary = summarise(whole.samples_ns, whole.loops)
    spread = summary.mad / summary.median
    if spread > SPREAD:
        text = f"{name}: MAD is {_percent(spread)} of the median"
        out.append(Reason("spread", text, PIN, spread, SPREAD))
    tail = summary.p99 / summary.median - 1
    if summary.n >= 50 and tail > TAIL:
        longer = f"{_percent(tail)} longer than" if tail + 1 < 10 else f"{tail + 1:.0f} times as long as"
        text = f"{name}: one call in a hundred takes {longer} the median"
        out.append(
            Reason("tail", text, "something else ran on this core: close it, or pin with --affinity", tail, TAIL)
        )
    return out


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _affected(layers: list[Summarised], doubtful: Callable[[Measurement, Summary], bool]) -> tuple[float, str]:
    """Share of the layers' summed time that is in doubtful ones, and that in words."""
    total = sum(summary.median * m.count for m, summary in layers)
    found = [summary.median * m.count for m, summary in layers if doubtful(m, summary)]
    share = sum(found) / total if total else 0.0
    return share, f"{len(found)} layers with {_percent(share)} of the time"


def _of_layers(name: str, layers: list[Summarised]) -> list[Reason]:
    """What the whole network would show, of single layers, which have none."""
    out = []
    share, which = _affected(layers, lambda m, _: abs(drift(m.samples_ns) or 0.0) > DRIFT)
    if share > LAYERS_SHARE:
        text = f"{name}: {which} changed by more than {_percent(DRIFT)} from their first third to their last"
        out.append(Reason("drift", text, COOL, share, LAYERS_SHARE))
    share, which = _affected(layers, lambda _, summary: summary.mad > SPREAD * summary.median)
    if share > LAYERS_SHARE:
        text = f"{name}: {which} have a MAD above {_percent(SPREAD)} of their median"
        out.append(Reason("spread", text, PIN, share, LAYERS_SHARE))
    return out


def _imprecise(name: str, layers: list[Summarised], precision: float) -> list[Reason]:
    """Layers that ran out of time before their interval was narrow enough, if they matter."""
    share, which = _affected(layers, lambda _, summary: summary.precision > precision)
    if share <= LAYERS_SHARE:
        return []
    text = f"{name}: {which} have an interval wider than ±{100 * precision:g} %"
    return [
        Reason("imprecise", text, "give it more time: --max-time, or ask for less: --precision", share, LAYERS_SHARE)
    ]
