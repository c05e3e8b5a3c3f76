"""Measures single layers by the hundred: each deployed as a network of its own, a few at a time, taking turns."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace

from augur_edge import timing
from augur_edge.errors import AugurError, InferenceError
from augur_edge.layers import Layer
from augur_edge.measure.guard import Unguarded
from augur_edge.measure.network import OPEN, describe, start_alone, take_turns
from augur_edge.measure.process import Pacer
from augur_edge.measure.series import Series
from augur_edge.measure.settings import Settings
from augur_edge.measure.targets import LayerSet, write
from augur_edge.prior import layer_network
from augur_edge.runtime import Deployment, Runtime, Task
from augur_edge.store.records import Measurement

TOGETHER = 8  # layers in memory at once; they take turns, so that a disturbance hits each a little


def rounds(
    targets: LayerSet,
    runtime: Runtime,
    settings: Settings,
    earlier: Iterable[Measurement] = (),
    guard: Unguarded = OPEN,
) -> Iterator[list[Measurement]]:
    """Time every layer not in `earlier`, in passes that `guard` keeps; yields what has new samples, to be saved."""
    known = {m.position: m for m in earlier if m.kind == "layer"}
    waiting = [i for i in range(len(targets.layers)) if i not in known or known[i].status == "partial"]
    order = random.Random(settings.seed)
    resolution_ns = timing.clock()["resolution_ns"]
    for at in range(0, len(waiting), TOGETHER):
        running: list[tuple[Series, Task]] = []
        for i in waiting[at : at + TOGETHER]:
            layer = targets.layers[i]
            try:
                measurement, task = deploy(layer, i, targets, runtime)
            except AugurError as e:
                yield [Measurement("layer", "isolated", i, f"{layer.op} {i}", layer.op, 1, (), layer, "failed", str(e))]
                continue
            series = Series(measurement, known.get(i))
            start_alone(series, task, resolution_ns)
            running.append((series, task))
        guard.settle()
        yield from _until_done(running, settings, order, guard)


def _until_done(
    running: list[tuple[Series, Task]], settings: Settings, order: random.Random, guard: Unguarded
) -> Iterator[list[Measurement]]:
    pacer = Pacer()
    while running:
        order.shuffle(running)
        for taken in take_turns(running, guard, pacer):
            for series in taken:
                if _done(series, settings):
                    series.finish()
            yield [series.measurement for series in taken]
        running = [(s, t) for s, t in running if s.measurement.status == "partial"]


def _done(series: Series, settings: Settings) -> bool:
    return series.enough(settings.precision) or series.spent_ns >= settings.max_time_s * 1e9


def deploy(layer: Layer, position: int, targets: LayerSet, runtime: Runtime) -> tuple[Measurement, Task]:
    """The layer alone, as the runtime deploys it: fused with its activation, without the reorders around it."""
    name = f"{layer.op} {position}"
    network = layer_network(layer, name)
    model = write(network, targets.runtime, targets.request.dtype)
    deployment = runtime.deploy(model, targets.request.options)
    main = _main_layer(deployment, name)
    try:
        task = deployment.isolate([main])[main]
    except RuntimeError as e:
        raise InferenceError(str(e)) from e
    measurement = describe(deployment.layers[main], position, "isolated")
    return replace(measurement, name=name, status="partial"), task


def _main_layer(deployment: Deployment, name: str) -> int:
    """Where the layer itself ended up: the deployed layer with most multiplications, or most bytes moved."""
    alive = [i for i, layer in enumerate(deployment.layers) if layer.replay is not None]
    failed = [layer.error for layer in deployment.layers if layer.error]
    if not alive:
        raise InferenceError(failed[0] if failed and failed[0] else f"{name} leaves nothing to run")

    def work(i: int) -> tuple[int, int, int]:
        spec = deployment.layers[i].spec
        return (0, 0, -i) if spec is None else (spec.macs, 0 if spec.op == "reorder" else spec.bytes_moved, -i)

    return max(alive, key=work)
