"""Says why replayed layers do not add up to their network, where they do not."""

from __future__ import annotations

from augur_edge.store.document import network_document
from augur_edge.store.records import NetworkRecord
from augur_edge.units import time_text

TOLERANCE = 0.05


def explain(network: NetworkRecord) -> list[str]:
    """A line on what the difference is made of, if it is more than `TOLERANCE`; else nothing."""
    document = network_document("", network)
    ratio = document["ratio"]
    if network.mode != "replay" or ratio is None or abs(ratio - 1) <= TOLERANCE:
        return []
    layers = document["layers"]
    reasons = []
    failed = sum(layer["status"] == "failed" for layer in layers)
    if failed:
        reasons.append(f"{failed} layers could not be run alone")
    whole_ns = document["latency_ns"]["median"]
    n_small = sum(layer["latency_ns"] is not None and layer["latency_ns"]["median"] < 10_000 for layer in layers)
    if ratio > 1 and n_small:
        floor = time_text(document["call_floor_ns"])
        reasons.append(
            f"{n_small} layers below 10 us pay for cold code and data around each call, which the floor "
            f"({floor}, measured hot) does not cover"
        )
    reorders = sum(layer["op"] == "reorder" for layer in layers)
    if reorders:
        reasons.append(f"{reorders} reorders of the layout are layers of their own here")
    if network.runtime == "litert":
        reasons.append("the delegate compiles the network as one piece, and a layer alone cannot share its workspace")
    if document["latency_ns"]["mad"] > 0.02 * whole_ns:
        reasons.append("the whole network itself varied by more than 2 %")
    why = "; ".join(reasons) or "caches: the layers' memory differs from the network's"
    return [f"the layers, floor taken off, add up to {ratio:.2f} of the whole: {why}"]
