"""One `measure`: every target in turn, each saved as it grows, with its conditions and the verdict at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from augur_edge import runtime as runtimes
from augur_edge import timing
from augur_edge.device import conditions
from augur_edge.errors import InferenceError
from augur_edge.measure import layerset, profiler
from augur_edge.measure.explain import explain
from augur_edge.measure.judge import judge
from augur_edge.measure.network import NetworkRun
from augur_edge.measure.settings import Settings
from augur_edge.measure.targets import LayerSet, Target
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord
from augur_edge.store.store import Store

NO_POWER = "this version reads no power sensor"

Report = Callable[[str, float], None]
"""Told what is in hand, and the share of the current target that is done."""


@dataclass
class Job:
    """A run in progress. run: new, or loaded from the store to go on with."""

    store: Store
    run: RunRecord
    settings: Settings
    targets: list[Target | LayerSet]
    report: Report = field(default=lambda what, share: None)
    _started: bool = False

    def execute(self) -> RunRecord:
        """Measure what is not measured yet, judge, and close the run; returns it complete from the store.

        What was measured is kept whatever ends it, and the run is then `interrupted`. A run of which nothing could be
        loaded is not stored at all.
        """
        before = conditions()
        try:
            for index, target in enumerate(self.targets):
                self._target(index, target)
        except BaseException:
            if self._started:
                self.store.finish_run(self.run.id, "interrupted", None, {})
            raise
        after = conditions()
        context = {"conditions": {"before": before.to_dict(), "after": after.to_dict()}}
        measured = self.store.load(self.run.id).networks
        real_time = self.run.context.get("process", {}).get("priority") == "fifo"
        cpus, precision = timing.get_affinity(), self.settings.precision
        verdict = judge(measured, before, after, cpus, precision=precision, real_time=real_time)
        self.store.finish_run(self.run.id, "done", verdict, context)
        return self.store.load(self.run.id)

    def _put(self, record: NetworkRecord) -> None:
        if not self._started:
            self.store.start_run(self.run)
            self._started = True
        self.store.put_network(self.run.id, record)

    def _target(self, index: int, target: Target | LayerSet) -> None:
        found = next((n for n in self.run.networks if n.index == index), None)
        if found is not None and found.info.get("complete"):
            return
        earlier = found.measurements if found is not None else []
        runtime = runtimes.get(target.runtime)
        mode = "isolated" if isinstance(target, LayerSet) else self.settings.mode
        record = NetworkRecord(index, target.name, target.runtime, mode, _info(runtime.version, target))
        if isinstance(target, LayerSet):
            self._layers(record, target, runtime, earlier)
        else:
            self._network(record, target, runtime, earlier)
        record.info["complete"] = True
        self._put(record)

    def _layers(
        self, record: NetworkRecord, target: LayerSet, runtime: runtimes.Runtime, earlier: list[Measurement]
    ) -> None:
        self._put(record)
        for measurements in layerset.rounds(target, runtime, self.settings, earlier):
            self.store.save(self.run.id, record.index, measurements)
            self.report(target.name, (measurements[0].position + 1) / len(target.layers))

    def _network(
        self, record: NetworkRecord, target: Target, runtime: runtimes.Runtime, earlier: list[Measurement]
    ) -> None:
        self.report(f"{target.name}: loading", 0.0)
        try:
            deployment = runtime.deploy(target.model(), target.request.options)
        except InferenceError as e:
            if len(self.targets) == 1:
                raise InferenceError(f"{target.name}: {e}") from e
            record.info["failed"] = str(e)
            return
        record.info.update(_facts(deployment))
        self._put(record)
        for measurements, share in self._rounds(deployment, earlier, record):
            self.store.save(self.run.id, record.index, measurements)
            self.report(target.name, share)
        measured = next(n for n in self.store.load(self.run.id).networks if n.index == record.index)
        record.info["notes"] = [*deployment.notes, *explain(measured)]

    def _rounds(
        self, deployment: runtimes.Deployment, earlier: list[Measurement], record: NetworkRecord
    ) -> Iterator[tuple[list[Measurement], float]]:
        if self.settings.mode == "profiler":
            measurements, note = profiler.measure(deployment, self.settings)
            deployment.notes.append(note)
            yield measurements, 1.0
            return
        network = NetworkRun(deployment, self.settings, earlier)
        for measurements in network.rounds():
            record.info.setdefault("warmup_ns", network.warmup_ns)
            yield measurements, min(1.0, network.spent_ns / (self.settings.max_time_s * 1e9))


def _info(version: str, target: Target | LayerSet) -> dict[str, Any]:
    request = target.request
    options = {
        "threads": request.threads,
        "delegate": request.delegate,
        "batch": request.batch,
        "dtype": request.dtype,
        "shapes": {name: list(shape) for name, shape in request.shapes.items()},
    }
    return {"runtime_version": version, "options": options, "energy_reason": NO_POWER}


def _facts(deployment: runtimes.Deployment) -> dict[str, Any]:
    """About the whole: how long it took to load and to run first, its memory, and whether the cut reproduces it."""
    facts: dict[str, Any] = {
        "load_ns": deployment.load_ns,
        "first_ns": deployment.first_ns,
        "output_error": deployment.output_error(),
        "notes": list(deployment.notes),
    }
    try:
        facts["peak_rss_bytes"] = deployment.peak_rss()
    except RuntimeError as e:
        facts["peak_rss_reason"] = str(e)
    return facts
