"""What was sampled, looked at with suspicion, and integrated over time."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field

import numpy as np

from augur_edge.device.power.base import Floats, PowerSensor, Rows, Sampler
from augur_edge.device.power.gauge import GaugeSensor
from augur_edge.errors import PowerError

MOST_UNREADABLE = 0.1  # share of samples; beyond it there is no sensor to speak of
SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Trace:
    """t_ns: int64[n]. energy_uj: float64[n], since the first sample. power_mw: float64[n], of counters between samples.

    raw: int64[n, columns], as read. warnings: what was wrong but could be lived with.
    """

    t_ns: Rows
    energy_uj: Floats
    power_mw: Floats
    raw: Rows
    warnings: tuple[str, ...] = field(default=())

    def between(self, start_ns: int, end_ns: int) -> float:
        """uJ from one moment to another. Raises PowerError where the samples do not reach so far."""
        if not self.t_ns[0] <= start_ns <= end_ns <= self.t_ns[-1]:
            raise PowerError("gap", "the sensor gave nothing at the begin or the end of a measurement")
        ends = np.interp([start_ns, end_ns], self.t_ns, self.energy_uj)
        return float(ends[1] - ends[0])

    def spread_mw(self, start_ns: int, end_ns: int) -> float | None:
        """Standard deviation of the power between two moments; None for fewer than two samples."""
        inside = self.power_mw[(self.t_ns >= start_ns) & (self.t_ns <= end_ns)]
        return float(inside.std(ddof=1)) if len(inside) > 1 else None

    @property
    def rate_hz(self) -> float:
        """Samples in a second, as achieved."""
        return float((len(self.t_ns) - 1) * 1e9 / (self.t_ns[-1] - self.t_ns[0]))

    @property
    def jitter_us(self) -> float:
        """Standard deviation of the time from sample to sample."""
        return float(np.diff(self.t_ns).std() / 1000)


def rows_of(sampler: Sampler, sensor: PowerSensor) -> Rows:
    """What it has, int64[n, 1 + columns]."""
    return np.frombuffer(sampler.take(), np.int64).reshape(-1, 1 + len(sensor.columns))


def trace_of(sensor: PowerSensor, rows: Rows, failures: list[tuple[int, int, int]], lost: int = 0) -> Trace:
    """Raises PowerError: `silent`, `vanished`, `unreadable`, `frozen`, `negative`, `absurd`, `counter`."""
    good = rows[(rows[:, 1:] != _UNREADABLE).all(axis=1)] if sensor.kind != "meter" else rows
    _enough(sensor, rows, good, failures)
    warnings = [f"{lost} samples were overwritten before they were read"] if lost else []
    if len(good) < len(rows):
        share = 100 * (1 - len(good) / len(rows))
        warnings.append(f"{share:.1f} % of the samples were unreadable; their time was bridged by those beside them")
    t_ns = sensor.times_ns(good)
    _not_frozen(sensor, t_ns, good)
    if sensor.counter_range is not None:
        energy_uj = _counted(good[:, 1:], sensor.counter_range)
        power_mw = np.diff(energy_uj) / np.maximum(np.diff(t_ns), 1) * 1e6
        power_mw = np.append(power_mw[:1], power_mw)
        _plausible(sensor, np.array([energy_uj[-1] / (t_ns[-1] - t_ns[0]) * 1e6]))
    else:
        power_mw = sensor.power_mw(good)
        _plausible(sensor, power_mw)
        steps_uj = (power_mw[1:] + power_mw[:-1]) / 2 * np.diff(t_ns) * 1e-6  # mW ns is 1e-6 uJ
        energy_uj = np.append(0.0, np.cumsum(steps_uj))
    return Trace(t_ns, energy_uj, power_mw, good[:, 1:], tuple(warnings))


_UNREADABLE = np.iinfo(np.int64).min


def _enough(sensor: PowerSensor, rows: Rows, good: Rows, failures: list[tuple[int, int, int]]) -> None:
    why = f"{sensor.columns[failures[0][0]]}: {os.strerror(failures[0][1])}" if failures else "it gave no number"
    if not len(rows):
        raise PowerError(
            "silent", f"the sensor {sensor.kind} gave nothing ({why})" if failures else "nothing came from it"
        )
    if any(code == errno.EPIPE for _, code, _ in failures):
        raise PowerError("vanished", f"the stream of {sensor.kind} ended while measuring")
    patience_ns = 10 * max(sensor.period_ns, sensor.refresh_ns)
    if not len(good) or rows[-1, 0] - good[-1, 0] > patience_ns:
        code = "vanished" if len(good) else "unreadable"
        raise PowerError(code, f"the sensor {sensor.kind} stopped while measuring ({why})" if len(good) else why)
    if len(good) < (1 - MOST_UNREADABLE) * len(rows):
        raise PowerError("unreadable", f"{len(rows) - len(good)} of {len(rows)} samples of {sensor.kind} ({why})")
    if len(good) < 3:
        raise PowerError("silent", f"only {len(good)} samples of {sensor.kind} in all that time")


def _not_frozen(sensor: PowerSensor, t_ns: Rows, rows: Rows) -> None:
    values = rows[:, 1:2] if sensor.kind == "meter" else rows[:, 1:]
    changed = np.flatnonzero((np.diff(values, axis=0) != 0).any(axis=1)) + 1
    edges = t_ns[np.concatenate([[0], changed, [len(rows) - 1]])]
    longest_s = float(np.diff(edges).max()) / 1e9
    if longest_s >= sensor.frozen_s:
        raise PowerError("frozen", f"{sensor.kind} gave the same value for {longest_s:.1f} s: it is stuck")


def _plausible(sensor: PowerSensor, power_mw: Floats) -> None:
    if power_mw.min() < 0:
        hint = (
            "the battery is charging" if isinstance(sensor, GaugeSensor) else "its wires are swapped, or it is broken"
        )
        raise PowerError("negative", f"{sensor.kind} says {power_mw.min():.0f} mW: {hint}")
    if power_mw.max() > sensor.most_mw:
        most = sensor.most_mw / 1000
        raise PowerError(
            "absurd", f"{sensor.kind} says {power_mw.max() / 1000:.0f} W, above the {most:.0f} W there can be"
        )


def _counted(counters: Rows, ranges: tuple[int, ...]) -> Floats:
    """uJ since the first sample, of counters that begin again at zero after their range."""
    steps = np.diff(counters, axis=0)
    limits = np.array(ranges, np.int64)
    if (counters > limits).any() or (counters < 0).any():
        raise PowerError("counter", "a counter is outside its own range")
    wrapped = steps < 0
    if (wrapped & (-steps < limits // 2)).any():
        raise PowerError("counter", "a counter went back: it was reset, or the machine slept; measure again")
    steps = steps + wrapped * limits
    return np.append(0, np.cumsum(steps.sum(axis=1))).astype(np.float64)
