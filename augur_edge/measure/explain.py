"""Says why replayed layers do not add up to their network, where they do not."""

from __future__ import annotations

from typing import Any

from augur_edge.store.document import network_document
from augur_edge.store.records import NetworkRecord
from augur_edge.units import time_text

TOLERANCE = 0.05
COMPUTES_ELSE = 1e-3  # of the largest output: far more than another order of sums makes
SMALL_NS = 10_000


def explain(network: NetworkRecord) -> list[str]:
    """Lines for a reader: layers that failed, outputs that differ, a sum that is not the whole and why."""
    document = network_document("", network)
    notes = []
    error = network.info.get("output_error")
    if error is not None and error > COMPUTES_ELSE:
        notes.append(f"the replayed layers do not compute what the network does: outputs differ by {100 * error:.1f} %")
    failed = sum(layer["status"] == "failed" for layer in document["layers"])
    if failed:
        notes.append(f"{failed} layers could not be run alone, so the sum of the others is not the whole")
    ratio = document["ratio"]
    if network.mode == "replay" and ratio is not None and abs(ratio - 1) > TOLERANCE:
        why = "; ".join(_reasons(network, document, ratio)) or "what it is made of is not known"
        notes.append(f"the layers, floor taken off, add up to {ratio:.2f} of the whole: {why}")
    return notes


def _reasons(network: NetworkRecord, document: dict[str, Any], ratio: float) -> list[str]:
    reasons = []
    whole, layers = document["latency_ns"], document["layers"]
    n_small = sum(layer["latency_ns"] is not None and layer["latency_ns"]["median"] < SMALL_NS for layer in layers)
    if ratio > 1 and n_small:
        floor = time_text(document["call_floor_ns"])
        reasons.append(
            f"layers below 10 us ({n_small} of them) pay for cold code and data around each call, which the floor "
            f"({floor}, measured hot) does not cover"
        )
    if ratio < 1 and whole["median"] < 100 * document["call_floor_ns"]:
        reasons.append("the network is so small that what the runtime does around its layers counts")
    reorders = sum(layer["op"] == "reorder" for layer in layers)
    if reorders:
        reasons.append(f"{reorders} {'reorder' if reorders == 1 else 'reorders'} of the layout stand among the layers")
    if network.runtime == "litert":
        reasons.append("the delegate compiles the network as one piece, and a layer alone cannot share its workspace")
    if whole["mad"] > 0.02 * whole["median"]:
        reasons.append("the whole network itself varied by more than 2 %")
    return reasons
