"""Mode `profiler`: the runtime's own per-layer times, with what the profiler costs and resolves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from augur_edge.measure.network import NetworkRun
from augur_edge.runtime import Deployment, LayerProfile
from augur_edge.store.records import Measurement
from augur_edge.units import time_text

PASSES = 50


def rounds(deployment: Deployment, plain: NetworkRun) -> Iterator[list[Measurement]]:
    """First the whole network without the profiler (`plain`), then the profiler's layers; a note says what it costs.

    Yields what has new samples, to be saved.
    """
    yield from plain.rounds()
    profile = deployment.profile(PASSES)
    deployment.notes.append(_cost(profile, plain))
    yield [*_layers(profile, deployment), plain.whole.finish(), plain.floor.finish()]


def _cost(profile: LayerProfile, plain: NetworkRun) -> str:
    plain_ns = float(np.median(plain.whole.measurement.samples_ns))
    cost = float(np.median(profile.whole_ns)) / plain_ns - 1
    resolution = time_text(profile.resolution_ns, 0)
    return f"{profile.note}: resolves {resolution}, and here the network took {100 * cost:+.1f} % under it"


def _layers(profile: LayerProfile, deployment: Deployment) -> Iterator[Measurement]:
    """The profiler's entries, those it names like a deployed layer with what is known of that one."""
    known = {layer.own_name: layer for layer in deployment.layers if layer.own_name}
    for position, (name, samples_ns) in enumerate(profile.samples_ns.items()):
        layer = known.get(name)
        samples = np.array(samples_ns, np.int64)
        if layer is None:
            yield Measurement("layer", "profiler", position, name, name, samples_ns=samples)
        else:
            yield Measurement(
                "layer", "profiler", position, layer.name, layer.op, 1, layer.nodes, layer.spec, samples_ns=samples
            )
