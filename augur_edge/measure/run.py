"""One `measure`: every target in turn, each saved as it grows, with its conditions and the verdict at the end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from augur_edge import runtime as runtimes
from augur_edge import timing
from augur_edge.device import Conditions, conditions
from augur_edge.device.reading import Reader
from augur_edge.errors import AugurError, DataError, InferenceError, MissingExtraError, UsageError
from augur_edge.measure import energy, layerset, profiler, sustain
from augur_edge.measure.chained import Chains, notes_on
from augur_edge.measure.explain import explain
from augur_edge.measure.guard import Unguarded
from augur_edge.measure.judge import judge
from augur_edge.measure.network import NetworkRun
from augur_edge.measure.process import REAL_TIME
from augur_edge.measure.settings import Settings
from augur_edge.measure.targets import LayerSet, Target
from augur_edge.stats import summarise
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord
from augur_edge.store.settings import split_name
from augur_edge.store.store import Store

POINTS_A_SAVE = 10
NO_POWER = "not asked for: `measure --energy`"

Report = Callable[[int, str, float], None]
"""Told the target's place, its name and what is done with it, and the share of it that is done."""


@dataclass
class Job:
    """A run in progress. run: new, or loaded from the store to go on with. started: it is in the store.

    guard: keeps disturbed passes out. root: of the tree the device's files lie in.
    meter: measures energy after the latency; or why there is none.
    """

    store: Store
    run: RunRecord
    settings_for: Callable[[Target | LayerSet], Settings]
    targets: list[Target | LayerSet]
    guard: Unguarded = field(default_factory=Unguarded)
    root: Path = Path("/")
    report: Report = field(default=lambda index, what, share: None)
    started: bool = False
    after: Conditions | None = None
    meter: energy.Meter | str = NO_POWER

    def execute(self) -> RunRecord:
        """Measure what is not measured yet, judge, and close the run; returns it complete from the store.

        What was measured is kept whatever ends it: `interrupted`, to be resumed, or `failed` where going on would fail
        again. A run of which nothing could be loaded is not stored at all.
        """
        self.guard.ready()
        before = conditions(self.root)
        try:
            for index, target in enumerate(self.targets):
                self.after = None
                self._target(index, target)
        except BaseException as e:
            if self.started:
                hopeless = isinstance(e, (InferenceError, DataError))
                self.store.finish_run(self.run.id, "failed" if hopeless else "interrupted", None, self._guarded())
            raise
        after = self.after or conditions(self.root)
        context = {"conditions": {"before": before.to_dict(), "after": after.to_dict()}, **self._guarded()}
        measured = self.store.load(self.run.id).networks
        real_time = self.run.context.get("process", {}).get("priority") in REAL_TIME
        cpus, precision = timing.get_affinity(), min(self.settings_for(t).precision for t in self.targets)
        quiet = self.guard.since(before)
        verdict = judge(measured, quiet, after, cpus, precision=precision, real_time=real_time)
        verdict.update(_repeated(self.guard.to_dict()))
        self.store.finish_run(self.run.id, "done", verdict, context)
        return self.store.load(self.run.id)

    def _guarded(self) -> dict[str, Any]:
        done = self.guard.to_dict()
        return {} if done is None else {"guard": done}

    def _put(self, record: NetworkRecord) -> None:
        if not self.started:
            self.store.start_run(self.run)
            self.started = True
        self.store.put_network(self.run.id, record)

    def _target(self, index: int, target: Target | LayerSet) -> None:
        found = next((n for n in self.run.networks if n.index == index), None)
        if found is not None and found.info.get("complete"):
            return
        runtime = runtimes.get(target.runtime)
        mode = "isolated" if isinstance(target, LayerSet) else self.settings_for(target).mode
        record = NetworkRecord(index, target.name, target.runtime, mode, _info(runtime.version, target))
        if isinstance(target, LayerSet):
            self._layers(record, target, runtime, found)
        else:
            self._network(record, target, runtime, found)
        if isinstance(self.meter, str):
            record.info["energy_reason"] = self.meter
        record.info["complete"] = True
        self._put(record)

    def _layers(
        self, record: NetworkRecord, target: LayerSet, runtime: runtimes.Runtime, found: NetworkRecord | None
    ) -> None:
        digest = hashlib.sha256("".join(layer.digest for layer in target.layers).encode())
        earlier = _earlier(record, digest.hexdigest(), found)
        self._put(record)
        if target.runtime in runtimes.CHAINED:
            alone = [runtimes.DeployedLayer(f"{x.op} {i}", x.op, (), x) for i, x in enumerate(target.layers)]
            self._chains(record, alone, runtime, target)
            record.info.setdefault("energy_reason", "energy of chained layers is not measured")
            return
        for measurements in layerset.rounds(target, runtime, self.settings_for(target), earlier, self.guard):
            self.store.save(self.run.id, record.index, measurements)
            self.report(record.index, target.name, (measurements[0].position + 1) / len(target.layers))
        self._energy(record, energy.of_layers(target, runtime))
        record.info.setdefault("energy_reason", "single layers make no whole network: each has its own")

    def _network(
        self, record: NetworkRecord, target: Target, runtime: runtimes.Runtime, found: NetworkRecord | None
    ) -> None:
        self.report(record.index, f"{target.name}: loading", 0.0)
        try:
            model = target.model()
            earlier = _earlier(record, hashlib.sha256(model).hexdigest(), found)
            deployment = runtime.deploy(model, target.request.options)
        except AugurError as e:
            if len(self.targets) == 1 or isinstance(e, MissingExtraError):
                raise type(e)(_named(target, e)) from e
            record.info["failed"] = str(e)
            return
        layers = runtimes.chained_layers(model) if target.runtime in runtimes.CHAINED else []
        del model
        record.info.update(_facts(deployment))
        self._put(record)
        for measurements, share in self._rounds(deployment, earlier, record, self.settings_for(target)):
            self.store.save(self.run.id, record.index, measurements)
            self.report(record.index, target.name, share)
        self._chains(record, layers, runtime, target)
        self._energy(record, energy.of_network(deployment, record.mode))
        self._sustain(record, deployment, self.settings_for(target).sustain_s)
        measured, chained = self._measured(record), notes_on(record.info.get("chains", {}))
        record.info["notes"] = [*deployment.notes, *chained, *explain(measured), *energy.notes(measured)]

    def _measured(self, record: NetworkRecord) -> NetworkRecord:
        return next(n for n in self.store.load(self.run.id).networks if n.index == record.index)

    def _energy(self, record: NetworkRecord, tasks: energy.Tasks) -> None:
        """Of all that has been timed; what goes wrong is a reason in the record, and the latency stays."""
        if isinstance(self.meter, str):
            return
        for measurements, share in energy.rounds(self.meter, tasks, self._measured(record), record.info):
            self.store.save(self.run.id, record.index, measurements)
            self.report(record.index, f"{record.name}: energy", share)

    def _sustain(self, record: NetworkRecord, deployment: runtimes.Deployment, seconds: float | None) -> None:
        """`info["sustain"]`; kept as it grows, so that Ctrl-C loses little of it. The verdict is on what was before."""
        if seconds is None:
            return
        whole = next(m for m in self._measured(record).measurements if m.kind == "whole" and len(m.samples_ns))
        first_ns, look = summarise(whole.samples_ns, whole.loops).median, partial(conditions, Reader(self.root, {}))
        self.after, points = look(), []
        for point in sustain.sustain(deployment.whole, seconds, look, timing.get_affinity()):
            points.append(point)
            record.info["sustain"] = sustain.summary(points, seconds, first_ns)
            self.report(record.index, f"{record.name}: sustained", min(1.0, point["at_s"] / seconds))
            if len(points) % POINTS_A_SAVE == 0:
                self._put(record)
        self._put(record)

    def _chains(
        self,
        record: NetworkRecord,
        layers: Sequence[runtimes.DeployedLayer],
        runtime: runtimes.Runtime,
        target: Target | LayerSet,
    ) -> None:
        """Layers of a runtime that runs networks as one operator; what their chains told goes into `info`."""
        chains = Chains(runtime, target.request, self.settings_for(target))
        told = record.info.setdefault("chains", {}) if layers else {}
        for measurement, facts in chains.rounds(layers):
            told.update({str(measurement.position): facts} if facts else {})
            self.store.save(self.run.id, record.index, [measurement])
            self.report(record.index, target.name, (measurement.position + 1) / len(layers))

    def _rounds(
        self, deployment: runtimes.Deployment, earlier: list[Measurement], record: NetworkRecord, settings: Settings
    ) -> Iterator[tuple[list[Measurement], float]]:
        by_profiler = settings.mode == "profiler"
        settings = replace(settings, isolated=settings.isolated and not by_profiler)
        network = NetworkRun(deployment, settings, earlier, self.guard)
        for measurements in profiler.rounds(deployment, network) if by_profiler else network.rounds():
            record.info.setdefault("warmup_ns", network.warmup_ns)
            yield measurements, min(1.0, network.spent_ns / (settings.max_time_s * 1e9))


def _repeated(guarded: dict[str, Any] | None) -> dict[str, str]:
    """A note on what the guard kept out of the figures, if it did."""
    if guarded is None or not guarded["repeated"]:
        return {}
    seen = "; ".join(f"{d['text']} ({d['code']}, {d['n']} times)" for d in guarded["disturbances"])
    text = f"{guarded['repeated']} of {guarded['passes']} passes were disturbed, left out and repeated: {seen}"
    return {"note": text}


def _earlier(record: NetworkRecord, digest: str, found: NetworkRecord | None) -> list[Measurement]:
    """What a resumed run has of this target. Raises UsageError where the model or the runtime is another by now."""
    record.info["model_sha256"] = digest
    if found is None:
        return []
    for key, what in (("model_sha256", "the model"), ("runtime_version", f"the version of {record.runtime}")):
        if found.info.get(key) != record.info[key]:
            raise UsageError(f"{what} has changed since the run began: its samples cannot be mixed; start a new run")
    return found.measurements


def _info(version: str, target: Target | LayerSet) -> dict[str, Any]:
    request = target.request
    options = {
        "threads": request.threads,
        "delegate": request.delegate,
        "batch": request.batch,
        "dtype": request.dtype,
        "shapes": {name: list(shape) for name, shape in request.shapes.items()},
    }
    return {"runtime_version": version, "options": options}


def _named(target: Target, error: AugurError) -> str:
    """The error with the target's name before it, unless it begins with the file's."""
    text = str(error)
    same = Path(text.partition(": ")[0]).name == split_name(target.name)[0]
    return text if same else f"{target.name}: {text}"


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
