"""One measurement in the making: samples are added until its median is known well enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

import numpy as np

from augur_edge import timing
from augur_edge.measure.settings import MIN_BLOCK_NS, MIN_ROUNDS, MIN_SAMPLES, MIN_TICKS
from augur_edge.runtime.base import Task
from augur_edge.stats import median_ci
from augur_edge.store.records import Measurement, Samples


class Series:
    """Grows a `Measurement`; `earlier` is what a resumed run has of it already."""

    def __init__(self, measurement: Measurement, earlier: Measurement | None = None) -> None:
        self.measurement = replace(measurement, status="partial")
        if earlier is not None and earlier.status != "failed":
            self.measurement.samples_ns, self.measurement.loops = earlier.samples_ns, earlier.loops
        self.rounds = MIN_ROUNDS if len(self.measurement.samples_ns) else 0
        self.spent_ns = 0

    def add(self, samples_ns: Samples) -> None:
        """Samples of one more round, in the order taken."""
        self.measurement.samples_ns = np.concatenate([self.measurement.samples_ns, samples_ns])
        self.rounds += 1
        self.spent_ns += int(samples_ns.sum())

    def precision(self) -> float:
        """Half the interval of the median, relative to it; infinite while there are too few samples."""
        samples = self.measurement.samples_ns
        if len(samples) < MIN_SAMPLES:
            return inf
        interval = median_ci(samples)
        median = float(np.median(samples))
        return inf if interval is None or median <= 0 else (interval[1] - interval[0]) / 2 / median

    def enough(self, precision: float) -> bool:
        """The interval is narrow enough, and not from one lucky moment only."""
        return self.rounds >= MIN_ROUNDS and self.precision() <= precision

    def finish(self) -> Measurement:
        """The measurement, complete."""
        self.measurement.status = "ok"
        return self.measurement


def loops_for(task: Task, resolution_ns: float) -> int:
    """Calls per timed block: enough for `MIN_TICKS` steps of the clock and `MIN_BLOCK_NS`."""
    out = np.zeros(3, np.int64)
    timing.time_blocks(task, 1, out)
    least_ns = max(MIN_BLOCK_NS, MIN_TICKS * resolution_ns)
    return max(1, int(np.ceil(least_ns / max(int(out.min()), 1))))


def timed(fill: Callable[[Samples], None], n: int) -> Samples:
    """int64[n], filled by a timed loop."""
    out = np.zeros(n, np.int64)
    fill(out)
    return out
