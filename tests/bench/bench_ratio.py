"""Whether replayed layers add up to their network: sum over whole, the floor of a call taken off each.

The small networks of the zoo, quickly; AUGUR_BENCH_ALL=1 takes all of them, for as long as they want. Beside it the
raw ratio, and that of the same layers alone in a loop (`isolated`), which is what other tools add up.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from measured import measured, reasons

from augur_edge import timing, zoo
from augur_edge.units import time_text

LIMITS = {"onnxruntime": (0.95, 1.05), "litert": (0.85, 1.15)}
SMALL = ["mobilenet_v3_small", "squeezenet1_0", "mnasnet1_0", "mobilenet_v2"]
QUICKLY = ["--max-time", "5"]
ALL = bool(os.environ.get("AUGUR_BENCH_ALL"))
# 2 ms in over 100 layers, most of them below 10 us: each pays for code and data that left the caches since its last
# call, more than the floor covers. There the report has to say so.

pytestmark = pytest.mark.skipif(timing.native is None, reason="the native timing module is not built")


def alone(network: Any) -> float:
    """Sum of the isolated layers over the whole network."""
    isolated_ns = sum(layer["isolated_ns"]["median"] for layer in network["layers"])
    return float(isolated_ns / network["latency_ns"]["median"])


@pytest.mark.parametrize("runtime", LIMITS)
def test_replayed_layers_add_up_to_their_network(runtime: str, tmp_path: Path) -> None:
    low, high = LIMITS[runtime]
    header = f"{'network':24}{'whole':>12}{'sum':>12}{'ratio':>8}{'raw':>8}{'isolated':>10}  verdict"
    print(f"\n{runtime}, one thread: ratio from {low} to {high}\n{header}")
    outside = []
    for name in sorted(zoo.names()) if ALL else SMALL:
        document = measured(tmp_path / "store.db", name, "--runtime", runtime, *([] if ALL else QUICKLY))
        (network,) = document["networks"]
        whole, total = time_text(network["latency_ns"]["median"]), time_text(network["sum_of_layers_ns"])
        figures = f"{network['ratio']:8.3f}{network['ratio_raw']:8.3f}{alone(network):10.3f}"
        print(f"{name:24}{whole:>12}{total:>12}{figures}  {reasons(document) or 'steady'}")
        for note in network.get("notes", []):
            print(f"  note: {note}")
        if not low <= network["ratio"] <= high:
            outside.append(name)
    assert outside == []
