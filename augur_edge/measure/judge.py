"""Was the device steady enough to believe the figures? Every reason seen against it, with what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from augur_edge.device import Conditions, Reason, compare_conditions
from augur_edge.stats import drift, summarise
from augur_edge.store.records import Measurement, NetworkRecord

DRIFT = 0.03  # of the whole network's latency, first third to last
SPREAD = 0.05  # MAD over median of the whole network
TAIL = 0.5  # p99 over median less one: something else had the core now and then
IMPRECISE_SHARE = 0.25  # of the summed time may be in layers whose interval is wider than asked
PIN = "pin the clocks (`performance` governor) and close other programs, then measure again"


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
    out = []
    whole = next((m for m in network.measurements if m.kind == "whole" and len(m.samples_ns)), None)
    if whole is not None:
        out += _of_whole(network.name, whole)
    layers = [m for m in network.measurements if m.kind == "layer" and len(m.samples_ns)]
    return out + _imprecise(network.name, layers, precision)


def _of_whole(name: str, whole: Measurement) -> list[Reason]:
    out = []
    change = drift(whole.samples_ns)
    if change is not None and abs(change) > DRIFT:
        text = f"{name}: became {_percent(abs(change))} {'slower' if change > 0 else 'faster'} from first to last third"
        out.append(Reason("drift", text, "let the device reach a constant temperature, or cool it", change, DRIFT))
    summary = summarise(whole.samples_ns, whole.loops)
    spread = summary.mad / summary.median
    if spread > SPREAD:
        text = f"{name}: MAD is {_percent(spread)} of the median"
        out.append(Reason("spread", text, PIN, spread, SPREAD))
    tail = summary.p99 / summary.median - 1
    if summary.n >= 50 and tail > TAIL:
        text = f"{name}: one call in a hundred takes {_percent(tail)} longer than the median"
        out.append(
            Reason("tail", text, "something else ran on this core: close it, or pin with --affinity", tail, TAIL)
        )
    return out


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _imprecise(name: str, layers: list[Measurement], precision: float) -> list[Reason]:
    """Layers that ran out of time before their interval was narrow enough, if they matter."""
    total = wide = 0.0
    n_wide = 0
    for m in layers:
        summary = summarise(m.samples_ns, m.loops)
        share = summary.median * m.count
        total += share
        interval = summary.ci95
        if interval is None or interval[1] - interval[0] > 2 * precision * summary.median:
            wide += share
            n_wide += 1
    share = wide / total if total else 0.0
    if share <= IMPRECISE_SHARE or not np.isfinite(share):
        return []
    text = (
        f"{name}: {n_wide} layers with {_percent(share)} of the time have an interval wider than ±{100 * precision:g} %"
    )
    return [
        Reason("imprecise", text, "give it more time: --max-time, or ask for less: --precision", share, IMPRECISE_SHARE)
    ]
