"""Energy of one inference: many back to back while a sensor is sampled, integrated, and divided by their number.

Latency is measured apart, before; whatever goes wrong here leaves it as it is, and says why there is no energy.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from augur_edge import timing
from augur_edge.device.power import GaugeSensor, PowerSensor, Trace, describe, rows_of, trace_of
from augur_edge.device.power.base import Rows
from augur_edge.errors import AugurError, PowerError
from augur_edge.measure import layerset
from augur_edge.measure.network import equal_layers
from augur_edge.measure.process import REST_SHARE
from augur_edge.measure.targets import LayerSet
from augur_edge.runtime.base import Deployment, Runtime, Task
from augur_edge.stats import summarise
from augur_edge.store.records import Measurement, NetworkRecord

WINDOWS = 5
WINDOW_NS = 200_000_000
UPDATES = 25  # new values of the sensor within a window at least, so that one more or less is 4 % of the time at most
IDLE_UPDATES = 50
IDLE_NS = 500_000_000
MOST_S = 30.0  # for one layer: five windows of a gauge that is renewed once a second would take minutes
CALIBRATION_UPDATES = 4
PATIENCE_NS = 500_000_000  # for a sample from after the end
REAL_TIME_NS = 500_000_000  # of the 950 ms in a second that Linux leaves to real-time threads
SLOWER = 0.1  # than when its latency was measured: then something else took part of the energy, too

Span = tuple[int, int]
Tasks = Callable[[NetworkRecord], Iterator[tuple[list[Measurement], Task]]]
"""Of what has been timed: measurements that share one energy, and the task that has it."""


@dataclass(frozen=True)
class Window:
    """So many inferences, without a pause, from one moment to another."""

    start_ns: int
    end_ns: int
    count: int


class Meter:
    """Measures tasks with one sensor. cpus: where the sampling thread runs, any if empty."""

    def __init__(self, sensor: PowerSensor, cpus: tuple[int, ...] = ()) -> None:
        self._cpus = cpus
        sensor.check_ready()
        self._sampler = sensor.sampler()
        self.sensor = self._calibrated(sensor) if isinstance(sensor, GaugeSensor) else sensor
        self._window_ns = max(WINDOW_NS, UPDATES * sensor.refresh_ns)
        self._idle_ns = max(IDLE_NS, IDLE_UPDATES * sensor.refresh_ns)

    def about(self) -> dict[str, Any]:
        """For JSON: the sensor, and how its battery was calibrated."""
        calibration = self.sensor.calibration if isinstance(self.sensor, GaugeSensor) else None
        return {**describe(self.sensor), **({"calibration": calibration.to_dict()} if calibration else {})}

    def measure(self, task: Task, call_ns: float) -> dict[str, Any]:
        """Energy of one call of `task`, which takes about `call_ns`; keys as docs/energy.md has them.

        Raises PowerError: `unmeasurable` where it would take longer than `MOST_S`, or what the sensor's trace shows.
        """
        n_calls = max(1, math.ceil(self._window_ns / max(call_ns, 1.0)))
        needed_s = (WINDOWS * n_calls * call_ns + 2 * self._idle_ns) / 1e9
        if needed_s > MOST_S:
            raise PowerError(
                "unmeasurable",
                f"{self.sensor.kind} is renewed every {self.sensor.refresh_ns / 1e6:g} ms: {needed_s:.0f} s would be "
                f"needed, more than {MOST_S:g} s; measure with an external meter",
            )
        self.sensor.check_ready()
        windows: list[Window] = []
        idle: list[Span] = []
        with _priority_for(self._window_ns):
            trace = self._sampled(lambda: self._run(task, n_calls, windows, idle))
        return _result(trace, windows, idle, self.sensor, call_ns)

    def _run(self, task: Task, n_calls: int, windows: list[Window], idle: list[Span]) -> None:
        idle.append(_rest(self._idle_ns))
        for _ in range(WINDOWS):
            time.sleep(REST_SHARE * self._window_ns / 1e9)
            task.run()  # wakes clocks and caches; not within a window
            start_ns = timing.now_ns()
            timing.time_blocks(task, n_calls, np.zeros(1, np.int64))
            windows.append(Window(start_ns, timing.now_ns(), n_calls))
        idle.append(_rest(self._idle_ns))

    def _sampled(self, action: Callable[[], None]) -> Trace:
        self._sampler.take()
        self._sampler.start(self._cpus)
        try:
            parts = [self._until(timing.now_ns())]
            action()
            parts.append(self._until(timing.now_ns()))
        finally:
            self._sampler.stop()
        return trace_of(self.sensor, np.concatenate(parts), self._sampler.failures, self._sampler.lost)

    def _until(self, at_ns: int) -> Rows:
        """What was sampled so far, when something is there from after `at_ns`, or nothing seems to come any more."""
        patience_ns = max(PATIENCE_NS, 4 * self.sensor.refresh_ns)
        parts = [rows_of(self._sampler, self.sensor)]
        while timing.now_ns() < at_ns + patience_ns:
            if len(parts[-1]) and parts[-1][-1, 0] > at_ns + self.sensor.refresh_ns:
                break
            time.sleep(0.002)
            parts.append(rows_of(self._sampler, self.sensor))
        return np.concatenate(parts)

    def _calibrated(self, sensor: GaugeSensor) -> GaugeSensor:
        """With an idle and a busy phase of some updates each."""
        phase_ns = CALIBRATION_UPDATES * sensor.refresh_ns
        parts = []
        for busy in (False, True):
            self._sampler.start(self._cpus)
            if busy:
                timing.SpinTask([phase_ns]).run()
            else:
                _rest(phase_ns)
            self._sampler.stop()
            rows = rows_of(self._sampler, sensor)
            parts.append(rows[len(rows) // 3 :])  # the gauge follows with a delay
        return sensor.calibrated(*parts)


def cpus_for_sampling(loop: tuple[int, ...]) -> tuple[int, ...]:
    """Processors the measured loop leaves free; none where it may use all of them: then the kernel finds a place."""
    return tuple(sorted(set(range(os.cpu_count() or 1)) - set(loop)))


def _rest(ns: int) -> Span:
    start_ns = timing.now_ns()
    time.sleep(ns / 1e9)
    return start_ns, timing.now_ns()


@contextmanager
def _priority_for(window_ns: int) -> Iterator[None]:
    """The normal priority for long windows: the kernel would stop a real-time loop in the middle of them."""
    policy, level = os.sched_getscheduler(0), os.sched_getparam(0)
    lowered = policy in {os.SCHED_FIFO, os.SCHED_RR} and window_ns > REAL_TIME_NS
    if lowered:
        timing.set_fifo(0)
    try:
        yield
    finally:
        if lowered:
            timing.set_fifo(level.sched_priority)


def _result(
    trace: Trace, windows: list[Window], idle: list[Span], sensor: PowerSensor, latency_ns: float
) -> dict[str, Any]:
    each_uj = np.array([trace.between(w.start_ns, w.end_ns) / w.count for w in windows])
    each_ns = np.array([(w.end_ns - w.start_ns) / w.count for w in windows])
    power_mw = float(each_uj.sum() / each_ns.sum() * 1e6)
    loaded: list[Span] = [(w.start_ns, w.end_ns) for w in windows]
    uncertainty_mw = _uncertainty_mw(trace, loaded, sensor)
    idle_mw = float(sum(trace.between(*span) for span in idle) / sum(b - a for a, b in idle) * 1e6)
    idle_uncertainty_mw = _uncertainty_mw(trace, idle, sensor)
    call_ns = float(np.median(each_ns))
    median_uj = float(np.median(each_uj))
    spread_uj = float(each_uj.std(ddof=1)) / math.sqrt(len(each_uj))
    warnings = list(trace.warnings)
    if call_ns > (1 + SLOWER) * latency_ns:
        share = 100 * (call_ns / latency_ns - 1)
        warnings.append(f"inferences took {share:.0f} % longer than when their latency was measured")
    own_uj = None if uncertainty_mw is None else max(spread_uj, uncertainty_mw * call_ns * 1e-6)
    above_uj = None
    if own_uj is not None and idle_uncertainty_mw is not None:
        above_uj = math.hypot(own_uj, idle_uncertainty_mw * call_ns * 1e-6)
    return {
        "median": median_uj,
        "uncertainty": own_uj,
        "above_idle": median_uj - idle_mw * call_ns * 1e-6,
        "above_idle_uncertainty": above_uj,
        "power_mw": power_mw,
        "idle_mw": idle_mw,
        "time_ns": call_ns,
        "n_inferences": sum(w.count for w in windows),
        "n_windows": len(windows),
        "rate_hz": trace.rate_hz,
        "jitter_us": trace.jitter_us,
        "warnings": warnings,
        **({"raw_mean": _raw_mean(trace, windows, sensor)} if isinstance(sensor, GaugeSensor) else {}),
    }


def _raw_mean(trace: Trace, windows: list[Window], sensor: PowerSensor) -> dict[str, float]:
    """Each column's mean while inferences ran, as the device gave it: sign and unit may turn out otherwise later."""
    inside = (trace.t_ns >= windows[0].start_ns) & (trace.t_ns <= windows[-1].end_ns)
    return {name: float(trace.raw[inside, i].mean()) for i, name in enumerate(sensor.columns)}


def _uncertainty_mw(trace: Trace, spans: list[Span], sensor: PowerSensor) -> float | None:
    """Standard uncertainty of the mean power in `spans`: of the values seen in them, and of the sensor's steps.

    Values between two of the sensor's updates are one value; a step is uniform, with its width over the root of 12
    (JCGM 100:2008, F.2.2.1), and not averaged away, since a steady load stays within one. None where no span
    has two samples.
    """
    n_values = sum((b - a) / max(sensor.refresh_ns, 1e9 / trace.rate_hz) for a, b in spans)
    spreads_mw = [mw for mw in (trace.spread_mw(*span) for span in spans) if mw is not None]
    if not spreads_mw:
        return None
    spread_mw = max(spreads_mw) / math.sqrt(max(n_values, 1.0))
    if sensor.counter_range is not None:
        return spread_mw
    return math.hypot(spread_mw, sensor.step_mw / math.sqrt(12))


def of_network(deployment: Deployment, mode: str) -> Tasks:
    """The whole network, then its layers, each alone in a loop; equal ones once."""

    def tasks(measured: NetworkRecord) -> Iterator[tuple[list[Measurement], Task]]:
        yield [m for m in measured.measurements if m.kind == "whole" and m.mode == mode], deployment.whole
        places = {m.position: m for m in measured.measurements if m.kind == "layer" and m.mode == mode}
        firsts = equal_layers(deployment.layers) if mode != "profiler" else {}
        alone = deployment.isolate(firsts.keys())
        for first, task in alone.items():
            spec, op = deployment.layers[first].spec, deployment.layers[first].op
            alike = [
                i for i, x in enumerate(deployment.layers) if i == first or (spec and (x.op, x.spec) == (op, spec))
            ]
            yield [places[i] for i in alike if i in places], task

    return tasks


def of_layers(targets: LayerSet, runtime: Runtime) -> Tasks:
    """Single layers, deployed once more, one at a time."""

    def tasks(measured: NetworkRecord) -> Iterator[tuple[list[Measurement], Task]]:
        for m in measured.measurements:
            if m.kind == "layer" and m.status == "ok":
                yield [m], layerset.deploy(targets.layers[m.position], m.position, targets, runtime)[1]

    return tasks


def rounds(
    meter: Meter, tasks: Tasks, measured: NetworkRecord, info: dict[str, Any]
) -> Iterator[tuple[list[Measurement], float]]:
    """Measure each task, skipping those that have their energy; yields measurements to be saved, and the share done.

    info: of the network, which gets `energy_sensor`, and `energy_reason` where there is no figure, `energy_reasons` by
    position for layers. Nothing of a sensor's is raised; what fails before anything has worked ends it.
    """
    info["energy_sensor"] = meter.about()
    reasons: dict[str, str] = {}
    known = False
    try:
        for measurements, task in tasks(measured):
            timed = [m for m in measurements if len(m.samples_ns) and m.energy is None]
            if not timed:
                known = known or any(m.energy for m in measurements)
                continue
            try:
                energy = meter.measure(task, summarise(timed[0].samples_ns, timed[0].loops).median)
            except PowerError as e:
                if not known and e.code != "unmeasurable":
                    raise
                reasons.update({str(m.position): str(e) for m in timed})
                continue
            known = True
            for m in timed:
                m.energy = energy
            yield timed, (timed[0].position + 1) / max(len(measured.measurements), 1)
    except AugurError as e:
        info["energy_reason"] = str(e)
    for m in measured.measurements:
        if m.kind == "layer" and m.mode == measured.mode and m.energy is None and len(m.samples_ns):
            reasons.setdefault(str(m.position), info.get("energy_reason") or "unmeasurable: it was not run alone")
    info["energy_reasons"] = reasons
    if "-1" in reasons:
        info["energy_reason"] = reasons["-1"]


def notes(measured: NetworkRecord) -> list[str]:
    """What was odd while energy was measured, each once, for people."""
    warnings = [w for m in measured.measurements if m.energy for w in m.energy.get("warnings", [])]
    kinds = dict.fromkeys(w.partition("%")[2] or w for w in warnings)
    first = (next(w for w in warnings if w.endswith(kind)) for kind in kinds)
    return [f"energy: {w}" for w in first]
