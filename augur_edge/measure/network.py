"""Measures one deployed network: layers replayed in its order, the whole in one call, the floor, and layers alone.

All four take turns within a round, so whatever drifts drifts through all of them alike. The first pass after a turn
begins is not kept: it finds the caches as the others left them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from augur_edge import timing
from augur_edge.measure.guard import Unguarded
from augur_edge.measure.process import BUSY_S, Pacer
from augur_edge.measure.series import Series, loops_for, timed
from augur_edge.measure.settings import CHUNK_NS, ISOLATED_SLICE_NS, LAYER_WARMUP_MAX_NS, MIN_SAMPLES, Settings
from augur_edge.measure.warmup import warm_up
from augur_edge.runtime.base import DeployedLayer, Deployment, Task
from augur_edge.store.records import Measurement, Samples

Key = tuple[str, str, int]
FLOOR_CALLS = 64
OPEN = Unguarded()


def describe(layer: DeployedLayer, position: int, mode: str) -> Measurement:
    """What is known of a layer before it is timed."""
    status = "partial" if layer.error is None else "failed"
    return Measurement(
        "layer", mode, position, layer.name, layer.op, 1, layer.nodes, layer.spec, status, reason=layer.error
    )


def equal_layers(layers: Iterable[DeployedLayer]) -> dict[int, int]:
    """Position of the first of each group of layers with the same work -> how many there are; failed ones left out."""
    first: dict[object, int] = {}
    counts: dict[int, int] = {}
    for i, layer in enumerate(layers):
        if layer.replay is None:
            continue
        key = (layer.op, layer.spec.digest) if layer.spec is not None else i
        same = first.setdefault(key, i)
        counts[same] = counts.get(same, 0) + 1
    return counts


class NetworkRun:
    """The series of one network, and the rounds that fill them.

    earlier: what a resumed run has already. guard: keeps disturbed passes out.
    """

    def __init__(
        self, deployment: Deployment, settings: Settings, earlier: Iterable[Measurement] = (), guard: Unguarded = OPEN
    ) -> None:
        self._deployment, self._settings, self._guard = deployment, settings, guard
        self._earlier: dict[Key, Measurement] = {(m.kind, m.mode, m.position): m for m in earlier}
        self._random = random.Random(settings.seed)
        self._resolution_ns = timing.clock()["resolution_ns"]
        mode = settings.mode
        self.failed = [describe(layer, i, mode) for i, layer in enumerate(deployment.layers) if layer.replay is None]
        self.whole = self._series(Measurement("whole", mode, -1, "whole", "network"))
        self.floor = self._series(Measurement("floor", mode, -1, "floor", "identity"))
        self._replayed: list[tuple[Series, Task]] = []
        self._alone: list[tuple[Series, Task]] = []
        if mode == "replay":
            self._replayed = [
                (self._series(describe(layer, i, mode)), layer.replay)
                for i, layer in enumerate(deployment.layers)
                if layer.replay is not None
            ]
        if mode == "isolated" or settings.isolated:
            self._alone = list(self._isolated_series())
        self._pacer = Pacer()
        self.warmup_ns: list[int] = []
        self.spent_ns = 0

    def _series(self, m: Measurement) -> Series:
        return Series(m, self._earlier.get((m.kind, m.mode, m.position)))

    def _isolated_series(self) -> Iterator[tuple[Series, Task]]:
        counts = equal_layers(self._deployment.layers)
        tasks = self._deployment.isolate(counts.keys())
        for i, task in tasks.items():
            m = replace(describe(self._deployment.layers[i], i, "isolated"), count=counts[i])
            yield self._series(m), task

    def rounds(self) -> Iterator[list[Measurement]]:
        """Run until every series is precise enough or the time is up; yields what has new samples, to be saved."""
        self._warm_up()
        while not self._done():
            start, lost_ns = timing.now_ns(), self._guard.lost_ns
            if not self._network_done():
                yield self._network_round()
            for taken in take_turns(self._shuffled(), self._guard, self._pacer):
                yield [series.measurement for series in taken]
            self._pacer.rest()
            self.spent_ns += timing.now_ns() - start - (self._guard.lost_ns - lost_ns)
        yield self.finished()

    def finished(self) -> list[Measurement]:
        """Every measurement, complete, failed layers among them."""
        return [s.finish() for s in self._all()] + self.failed

    def _all(self) -> list[Series]:
        return [self.whole, self.floor, *(s for s, _ in self._replayed), *(s for s, _ in self._alone)]

    def _warm_up(self) -> None:
        self.warmup_ns = warm_up([self._deployment.whole])
        tasks = [task for _, task in self._replayed]
        pass_ns = self.warmup_ns[-1]
        self._passes = max(2, min(200, CHUNK_NS // max(pass_ns, 1)))
        if tasks:
            warm_up(tasks)
        for series, task in self._alone:
            start_alone(series, task, self._resolution_ns)
        self._guard.settle()

    def _time_is_up(self) -> bool:
        return self.spent_ns >= self._settings.max_time_s * 1e9

    def _network_done(self) -> bool:
        series = [self.whole, *(s for s, _ in self._replayed)]
        if all(s.enough(self._settings.precision) for s in series):
            return True
        return self._time_is_up() and len(self.whole.measurement.samples_ns) >= MIN_SAMPLES

    def _alone_done(self, series: Series) -> bool:
        if series.enough(self._settings.precision):
            return True
        return self._time_is_up() and len(series.measurement.samples_ns) > 0

    def _done(self) -> bool:
        return self._network_done() and all(self._alone_done(s) for s, _ in self._alone)

    def _network_round(self) -> list[Measurement]:
        tasks = [task for _, task in self._replayed]
        if tasks:
            samples = self._guard.undisturbed(lambda: _after_one(tasks, self._passes))
            for column, (series, _) in enumerate(self._replayed):
                series.add(samples[:, column])
            self._pacer.rest()
        whole, floor = self._guard.undisturbed(self._whole_and_floor)
        self.whole.add(whole)
        self.floor.add(floor)
        return [s.measurement for s in (self.whole, self.floor, *(s for s, _ in self._replayed))]

    def _whole_and_floor(self) -> tuple[Samples, Samples]:
        whole = _after_one([self._deployment.whole], self._passes)[:, 0]
        return whole, _after_one([self._deployment.floor], FLOOR_CALLS)[:, 0]

    def _shuffled(self) -> list[tuple[Series, Task]]:
        waiting = [(s, t) for s, t in self._alone if not self._alone_done(s)]
        self._random.shuffle(waiting)
        return waiting


def start_alone(series: Series, task: Task, resolution_ns: float) -> None:
    """Warm a layer up alone and choose its loops, unless a resumed run has chosen them."""
    warm_up([task], LAYER_WARMUP_MAX_NS)
    if series.rounds == 0:
        series.measurement.loops = loops_for(task, resolution_ns)


def take_turns(waiting: list[tuple[Series, Task]], guard: Unguarded, pacer: Pacer) -> Iterator[list[Series]]:
    """One turn for each layer alone, a pass of several at a time; yields the series that have new samples."""
    at = 0
    while at < len(waiting):
        samples = guard.undisturbed(partial(_some_turns, waiting[at:]))
        taken = [series for series, _ in waiting[at : at + len(samples)]]
        for series, more in zip(taken, samples):
            series.add(more)
        yield taken
        at += len(samples)
        pacer.rest()


def _some_turns(waiting: list[tuple[Series, Task]]) -> list[Samples]:
    """The samples of the first few, as many as fit into `BUSY_S`: so long a pass shows who disturbs it."""
    out: list[Samples] = []
    until_ns = timing.now_ns() + BUSY_S * 1e9
    for series, task in waiting:
        out.append(_turn(series.measurement.loops, task))
        if timing.now_ns() >= until_ns:
            break
    return out


def _turn(loops: int, task: Task) -> Samples:
    """One layer's turn: an untimed call, then blocks for about `ISOLATED_SLICE_NS`."""
    start = timing.now_ns()
    task.run()
    block_ns = max((timing.now_ns() - start) * loops, 1)
    n_blocks = max(3, min(20, ISOLATED_SLICE_NS // block_ns))
    return timed(lambda out: timing.time_blocks(task, loops, out), n_blocks)


def _after_one(tasks: list[Task], passes: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """int64[passes, tasks] of replayed times, one pass before them not kept."""
    replay: Callable[..., None] = timing.replay
    replay(tasks, np.zeros(len(tasks), np.int64))
    out = timed(lambda buffer: replay(tasks, buffer), passes * len(tasks))
    return out.reshape(passes, len(tasks))
