"""The power management chip of the Raspberry Pi 5, asked through `vcgencmd pmic_read_adc`.

Source: Raspberry Pi's documentation of `vcgencmd` (raspberrypi.com/documentation/computers/os.html); each rail has a
line `NAME_A current(n)=0.12345A` and one `NAME_V volt(n)=1.23456V`. EXT5V and BATT have a voltage only.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from augur_edge.device.power.base import MS_NS, Floats, Rows, Sampler, readable
from augur_edge.device.power.samplers import CommandSampler
from augur_edge.device.reading import Reader

KIND = "pmic"
_LINE = re.compile(rb"^\s*(\w+)_([AV])\s+(?:current|volt)\(\d+\)=(-?\d+(?:\.\d+)?)[AV]\s*$", re.MULTILINE)


@dataclass(frozen=True)
class PmicSensor:
    """All rails with a current, summed. argv: the command that prints them."""

    argv: tuple[str, ...]
    kind: str = KIND
    rails: tuple[str, ...] = ("all rails with a current",)
    covers: str = "the board behind its power management chip; USB devices, HATs and the chip's losses are not included"
    columns: tuple[str, ...] = ("power",)
    period_ns: int = 7_300_000  # no divisor of the periods of mains and converters
    refresh_ns: int = 10 * MS_NS
    step_mw: float = 1.0
    most_mw: float = 60_000.0
    frozen_s: float = 1.0
    counter_range: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ("each reading is a command of its own, so some tens in a second",)

    def sampler(self) -> Sampler:
        """Of the command."""
        return CommandSampler(self.argv, parse, 1, self.period_ns)

    def power_mw(self, rows: Rows) -> Floats:
        """From uW."""
        return np.asarray(readable(rows)[:, 0] / 1000, np.float64)

    def times_ns(self, rows: Rows) -> Rows:
        """When the command ran."""
        return rows[:, 0]

    def check_ready(self) -> None:
        """It always is."""


def parse(output: bytes) -> tuple[int]:
    """uW of all rails that have both a current and a voltage. Raises ValueError where none has."""
    values = {(name, unit): float(value) for name, unit, value in _LINE.findall(output)}
    pairs = ((amps, values.get((name, b"V"))) for (name, unit), amps in values.items() if unit == b"A")
    watts = [amps * volts for amps, volts in pairs if volts is not None]
    if not watts:
        raise ValueError("no rail with a current and a voltage")
    return (round(sum(watts) * 1e6),)


def find(root: Path, missing: dict[str, str]) -> list[PmicSensor]:
    """On a Raspberry Pi 5 that has the command; a tree of files from elsewhere has nothing to run."""
    if "raspberrypi,5-model-b" not in (Reader(root).text("proc/device-tree/compatible") or "").split():
        missing[KIND] = "not a Raspberry Pi 5"
    elif root != Path("/"):
        missing[KIND] = "read by a command, which is not run for a tree of files"
    elif (command := shutil.which("vcgencmd")) is None:
        missing[KIND] = "vcgencmd is not installed: apt install raspi-utils"
    else:
        return [PmicSensor((command, "pmic_read_adc"))]
    return []
