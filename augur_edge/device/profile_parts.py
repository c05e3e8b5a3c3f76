"""The parts of a device profile; docs/device-profiles.md describes each field. None means: not known."""

from __future__ import annotations

from dataclasses import dataclass

Command = tuple[str, ...]
"""One command with its arguments, never a line for a shell."""


@dataclass(frozen=True)
class CoreCluster:
    """Equal processors. cpus: the kernel's list (`0-3`), None where it differs between boards of the kind."""

    core: str
    count: int
    cpus: str | None
    max_mhz: int | None


@dataclass(frozen=True)
class PowerRail:
    """A power rail with a sensor. is_total: the whole module or board as far as it is measured at all."""

    name: str
    includes: str
    is_total: bool


@dataclass(frozen=True)
class PowerSensors:
    """sensors: kinds of `augur_edge.device.power`, best first; not_included: what no rail here covers."""

    sensors: tuple[str, ...]
    rails: tuple[PowerRail, ...]
    not_included: str


@dataclass(frozen=True)
class Controls:
    """Of clocks, or of a fan.

    governor: that fixes the clock, None where there is none to set. files: what can be read -> its path below the root,
    `*` for any; show, tune, reset: commands that print the state, set it for measuring, and put it back.
    """

    governor: str | None
    files: dict[str, str]
    show: tuple[Command, ...]
    tune: tuple[Command, ...]
    reset: tuple[Command, ...]
    note: str


@dataclass(frozen=True)
class ThermalZone:
    """zone: its `type` in /sys/class/thermal; part: what it measures; throttle_c, shutdown_c: degrees Celsius."""

    zone: str
    part: str
    throttle_c: float | None
    shutdown_c: float | None


@dataclass(frozen=True)
class ThrottleSign:
    """A file that tells of throttling. path: below the root, `*` for any.

    sign: `above_zero` (a state), `rises` (a counter), `bits` (flags, as the firmware of Raspberry Pis has them) or
    `falls` (a limit in use that sinks).
    """

    path: str
    sign: str
    meaning: str


@dataclass(frozen=True)
class Thermal:
    """Where the heat is read, and how slowing down shows."""

    zones: tuple[ThermalZone, ...]
    throttle_signs: tuple[ThrottleSign, ...]


@dataclass(frozen=True)
class Protocol:
    """How to measure there. precision: share of the median; times in s; max_temp_c: begin below it, None: not known."""

    threads: int
    precision: float
    max_time_s: float
    warmup_s: float | None = None
    cooldown_s: float | None = None
    max_temp_c: float | None = None


@dataclass(frozen=True)
class OldPython:
    """The system's own Python is older than this program needs. newer: how to get one that is not."""

    system: str
    newer: str
