"""An external power meter that sends lines of CSV: on a serial port, a named pipe, or any file that grows like one.

`meter:PATH[,baud=115200][,columns=voltage_v+current_a]`. Columns are named there, or by the stream's first line. Known
ones: power_mw, power_w, or voltage_v, voltage_mv with current_a, current_ma; and for the sender's own clock time_s,
time_ms or time_us. Others are passed over.
"""

from __future__ import annotations

import os
import stat
import termios
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from augur_edge import timing
from augur_edge.device.power.base import MS_NS, Floats, Rows, Sampler, readable
from augur_edge.device.power.samplers import HeaderError, LineSampler
from augur_edge.errors import PowerError, UsageError

KIND = "meter"
_MICRO = {"power_mw": 1e3, "power_w": 1e6, "voltage_v": 1e6, "voltage_mv": 1e3, "current_a": 1e6, "current_ma": 1e3}
_TIME_US = {"time_s": 1e6, "time_ms": 1e3, "time_us": 1.0}
_NO_TIME = timing.UNREADABLE


@dataclass(frozen=True)
class MeterSensor:
    """columns: power in uW, and the sender's time in us (or none). path, baud, names: where and what it sends."""

    path: Path
    baud: int | None = None
    names: tuple[str, ...] = ()
    kind: str = KIND
    rails: tuple[str, ...] = ("external meter",)
    covers: str = "what the external meter is wired to"
    columns: tuple[str, ...] = ("power", "time")
    period_ns: int = MS_NS
    refresh_ns: int = 10 * MS_NS
    step_mw: float = 0.001
    most_mw: float = 10_000_000.0
    frozen_s: float = 1.0
    counter_range: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ()

    def sampler(self) -> Sampler:
        """Opens the stream."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as e:
            raise PowerError("unreadable", f"{self.path}: {e.strerror}") from e
        if stat.S_ISCHR(os.fstat(file).st_mode):
            _set_up_port(file, self.baud, self.path)
        return LineSampler(file, Lines(self.names))

    def power_mw(self, rows: Rows) -> Floats:
        """From uW."""
        return np.asarray(readable(rows)[:, 0] / 1000, np.float64)

    def times_ns(self, rows: Rows) -> Rows:
        """The sender's times, moved so that no line arrives before it was measured; else the times of arrival.

        Raises PowerError `counter` where the sender's clock goes back.
        """
        if not len(rows) or (rows[:, 2] == _NO_TIME).any():
            return rows[:, 0]
        if (np.diff(rows[:, 2]) < 0).any():
            raise PowerError("counter", f"the clock of {self.path} went back: the meter was reset; measure again")
        sent_ns = rows[:, 2] * 1000
        return np.asarray(sent_ns + (rows[:, 0] - sent_ns).min(), np.int64)

    def check_ready(self) -> None:
        """It always is."""


class Lines:
    """Parses the lines of one stream, the first of which may name the columns."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def __call__(self, line: bytes) -> tuple[int, int]:
        """(uW, us). Raises HeaderError for the names, else ValueError or OverflowError for a line that is no sample."""
        cells = [cell.strip() for cell in line.decode("ascii", "strict").split(",")]
        if not self._names:
            self._names = tuple(cell.lower() for cell in cells)
            power_of(dict.fromkeys(self._names, 0.0))
            raise HeaderError("the line that names the columns")
        if len(cells) != len(self._names):
            raise ValueError(f"{len(cells)} columns, not {len(self._names)}")
        known = _MICRO.keys() | _TIME_US.keys()
        values = {name: float(cell) for name, cell in zip(self._names, cells) if name in known}
        times = [round(values[name] * us) for name, us in _TIME_US.items() if name in values]
        return round(power_of(values)), times[0] if times else _NO_TIME


def power_of(values: dict[str, float]) -> float:
    """uW. Raises ValueError where the columns make no power."""
    micro = {name.partition("_")[0]: value * _MICRO[name] for name, value in values.items() if name in _MICRO}
    if "power" in micro:
        return micro["power"]
    if {"voltage", "current"} <= micro.keys():
        return micro["voltage"] * micro["current"] / 1e6
    raise ValueError(f"none of {', '.join(_MICRO)} among {', '.join(values)}")


def parse(spec: str) -> MeterSensor:
    """A sensor from what follows `meter:`. Raises UsageError."""
    path, *options = spec.split(",")
    given = dict(option.partition("=")[::2] for option in options)
    names = tuple(filter(None, given.pop("columns", "").split("+")))
    baud = given.pop("baud", None)
    if not path or given or (baud is not None and not baud.isdigit()):
        raise UsageError(f"--energy meter:{spec}: not like meter:PATH,baud=115200,columns=voltage_v+current_a")
    if names:
        try:
            power_of(dict.fromkeys(names, 0.0))
        except ValueError as e:
            raise UsageError(f"--energy meter:{spec}: {e}") from e
    return MeterSensor(Path(path), None if baud is None else int(baud), names)


def _set_up_port(file: int, baud: int | None, path: Path) -> None:
    """Raw bytes, at this speed."""
    try:
        mode = termios.tcgetattr(file)
    except termios.error:  # a character device that is no terminal
        return
    mode[0] = mode[1] = mode[3] = 0
    mode[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
    if baud is not None:
        speed = getattr(termios, f"B{baud}", None)
        if speed is None:
            raise UsageError(f"--energy meter:{path}: no serial port runs at {baud} baud")
        mode[4] = mode[5] = speed
    termios.tcsetattr(file, termios.TCSANOW, mode)
