"""Mode `profiler`: the runtime's own per-layer times, with what the profiler costs and resolves."""

from __future__ import annotations

import numpy as np

from augur_edge.measure.network import NetworkRun
from augur_edge.measure.settings import Settings
from augur_edge.runtime import Deployment
from augur_edge.store.records import Measurement
from augur_edge.units import time_text

PASSES = 50


def measure(deployment: Deployment, settings: Settings) -> tuple[list[Measurement], str]:
    """The profiler's layers, the whole network without it, and a line on what it costs and resolves."""
    run = NetworkRun(deployment, Settings("profiler", settings.precision, settings.max_time_s, isolated=False))
    for _ in run.rounds():
        pass
    profile = deployment.profile(PASSES)
    specs = {layer.name: layer for layer in deployment.layers}
    measurements = [run.whole.finish(), run.floor.finish()]
    for position, (name, samples_ns) in enumerate(profile.samples_ns.items()):
        known = specs.get(name)
        op, nodes = (known.op, known.nodes) if known else (name, (name,))
        spec = known.spec if known else None
        samples = np.array(samples_ns, np.int64)
        measurements.append(Measurement("layer", "profiler", position, name, op, 1, nodes, spec, samples_ns=samples))
    plain_ns = float(np.median(run.whole.measurement.samples_ns))
    cost = float(np.median(profile.whole_ns)) / plain_ns - 1
    resolution = time_text(profile.resolution_ns, 0)
    return measurements, f"{profile.note}: resolves {resolution}, and here the network took {cost:+.1%} under it"
