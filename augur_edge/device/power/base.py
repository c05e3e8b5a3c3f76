"""What a power sensor offers: something to sample, and how the numbers sampled become power or energy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from augur_edge import timing
from augur_edge.errors import PowerError

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MS_NS = 1_000_000
SECONDS_KEPT = 600  # a ring buffer holds so much before it overwrites


class Sampler(Protocol):
    """Reads on its own, in a thread, until it is stopped: `timing.FileSampler`, and those of `samplers`."""

    def start(self, cpus: Sequence[int]) -> None:
        """Begin, on these processors; all if empty."""

    def stop(self) -> None:
        """Returns when the thread has ended."""

    def take(self) -> bytes:
        """Rows since the last call: native int64[n, 1 + columns], time in ns first, `timing.UNREADABLE` for none."""

    @property
    def lost(self) -> int:
        """Rows overwritten before they were taken."""

    @property
    def failures(self) -> list[tuple[int, int, int]]:
        """[(column, errno, at_ns)], the first of each column."""


class PowerSensor(Protocol):
    """One kind of sensor as found here.

    kind: as on the command line. rails: what is summed in the figure. covers: that in words. columns: names of the
    columns sampled. period_ns: how often it is asked; refresh_ns: how often it has something new, as documented.
    step_mw: the smallest change it can tell. most_mw: more than that is an error of the sensor. frozen_s: it is taken
    for stuck when no column has changed for so long. counter_range: None for power, else where its counter of uJ wraps.
    notes: for people.
    """

    @property
    def kind(self) -> str: ...
    @property
    def rails(self) -> tuple[str, ...]: ...
    @property
    def covers(self) -> str: ...
    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def period_ns(self) -> int: ...
    @property
    def refresh_ns(self) -> int: ...
    @property
    def step_mw(self) -> float: ...
    @property
    def most_mw(self) -> float: ...
    @property
    def frozen_s(self) -> float: ...
    @property
    def counter_range(self) -> tuple[int, ...] | None: ...
    @property
    def notes(self) -> tuple[str, ...]: ...

    def sampler(self) -> Sampler:
        """A new one, not begun yet. Raises PowerError `unreadable`."""

    def power_mw(self, rows: Rows) -> Floats:
        """float64[n] from int64[n, 1 + columns]; NaN where a column is unreadable. For counters: not called."""

    def times_ns(self, rows: Rows) -> Rows:
        """int64[n] on the clock of `timing.now_ns`."""

    def check_ready(self) -> None:
        """Raises PowerError where it cannot be used now: the battery is charging, or not calibrated."""


@dataclass(frozen=True)
class FileSensor:
    """A sensor whose numbers are files of whole numbers. convert: the columns, float64 with NaN, to mW."""

    kind: str
    rails: tuple[str, ...]
    covers: str
    columns: tuple[str, ...]
    paths: tuple[Path, ...]
    convert: Callable[[Floats], Floats]
    period_ns: int = MS_NS
    refresh_ns: int = MS_NS
    step_mw: float = 1.0
    most_mw: float = 200_000.0
    frozen_s: float = 1.0
    counter_range: tuple[int, ...] | None = None
    notes: tuple[str, ...] = field(default=())

    def sampler(self) -> Sampler:
        """Of the native timing module where it was built."""
        capacity = SECONDS_KEPT * 1000 * MS_NS // self.period_ns
        try:
            sampler: Sampler = timing.FileSampler([str(p) for p in self.paths], self.period_ns, capacity)
        except RuntimeError as e:
            raise PowerError("unreadable", f"{e}; reading it may take root's rights") from e
        return sampler

    def power_mw(self, rows: Rows) -> Floats:
        """float64[n]."""
        return self.convert(readable(rows))

    def times_ns(self, rows: Rows) -> Rows:
        """When the files were read."""
        return rows[:, 0]

    def check_ready(self) -> None:
        """It always is."""


def readable(rows: Rows) -> Floats:
    """float64[n, columns] of int64[n, 1 + columns], NaN for what could not be read."""
    values = rows[:, 1:].astype(np.float64)
    values[rows[:, 1:] == timing.UNREADABLE] = np.nan
    return values


def describe(sensor: PowerSensor) -> dict[str, Any]:
    """For JSON: what it is and what it covers."""
    return {
        "kind": sensor.kind,
        "rails": list(sensor.rails),
        "covers": sensor.covers,
        "refresh_ms": sensor.refresh_ns / MS_NS,
        "notes": list(sensor.notes),
    }
