"""What the battery gauges of phones share: their sign and unit differ, so both are found by an idle and a load phase.

Source: Documentation/ABI/testing/sysfs-class-power of the kernel has uA and uV, Android's BatteryManager positive
current into the battery; devices keep to neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from augur_edge.device.power.base import Floats, Rows, Sampler, readable
from augur_edge.errors import PowerError

LEAST_MW = 50.0  # a phone that is awake takes more
MOST_MW = 30_000.0  # and no phone's battery gives this


@dataclass(frozen=True)
class Calibration:
    """sign: of current out of the battery; scale: of the raw current to uA; idle_raw, load_raw: its means."""

    sign: int
    scale: int
    idle_raw: float
    load_raw: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the store."""
        return {"sign": self.sign, "scale": self.scale, "idle_raw": self.idle_raw, "load_raw": self.load_raw}


@dataclass(frozen=True)
class GaugeSensor:
    """Columns: raw current, voltage in uV. make: a sampler of a period in ns; status: the battery's state, in words."""

    kind: str
    make: Callable[[int], Sampler]
    status: Callable[[], str | None]
    period_ns: int
    refresh_ns: int
    calibration: Calibration | None = None
    rails: tuple[str, ...] = ("battery",)
    covers: str = "the whole phone, its screen and radios included"
    columns: tuple[str, ...] = ("current", "voltage")
    step_mw: float = 4.0  # 1 mA at 4 V
    most_mw: float = MOST_MW
    frozen_s: float = 30.0  # gauges average for seconds
    counter_range: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ("sign and unit are calibrated by an idle and a load phase",)

    def sampler(self) -> Sampler:
        """Of this device."""
        return self.make(self.period_ns)

    def power_mw(self, rows: Rows) -> Floats:
        """What leaves the battery; negative while it charges."""
        if self.calibration is None:
            raise PowerError("uncalibrated", "the battery's sign and unit are not known yet")
        values = readable(rows)
        scale = self.calibration.sign * self.calibration.scale
        return np.asarray(scale * values[:, 0] * values[:, 1] / 1e9, np.float64)

    def times_ns(self, rows: Rows) -> Rows:
        """When it was asked."""
        return rows[:, 0]

    def check_ready(self) -> None:
        """Raises PowerError while it is plugged in."""
        status = (self.status() or "").lower()
        if status in {"charging", "full", "not charging"}:
            raise PowerError("charging", f"the battery says {status!r}: unplug the device to measure energy")

    def calibrated(self, idle: Rows, load: Rows) -> GaugeSensor:
        """With sign and unit as they must be for a load that takes more than idling. Raises PowerError."""
        return replace(self, calibration=calibrate(idle, load))


def calibrate(idle: Rows, load: Rows) -> Calibration:
    """From int64[n, 3] rows of an idle and of a loaded phase. Raises PowerError `uncalibrated` where they are alike."""
    before, after = readable(idle), readable(load)
    if not (np.isfinite(before).all(axis=1).any() and np.isfinite(after).all(axis=1).any()):
        raise PowerError("unreadable", "the battery's current or voltage gave no number")
    idle_raw, load_raw = float(np.nanmean(before[:, 0])), float(np.nanmean(after[:, 0]))
    spread = float(np.nanstd(before[:, 0])) + float(np.nanstd(after[:, 0]))
    if abs(load_raw - idle_raw) <= max(spread, 1.0):
        raise PowerError("uncalibrated", "a load does not show in the battery's current, so its sign is not known")
    sign = 1 if load_raw > idle_raw else -1
    volts = float(np.nanmean(after[:, 1])) / 1e6
    if sign * load_raw <= 0:
        raise PowerError("charging", "current flows into the battery even under load: unplug the device")
    for scale in (1, 1000):  # uA, else mA
        if LEAST_MW <= sign * scale * load_raw * volts / 1000 <= MOST_MW:
            return Calibration(sign, scale, idle_raw, load_raw)
    raise PowerError("absurd", f"a current of {load_raw:.0f} at {volts:.1f} V makes no phone's power in uA nor in mA")
