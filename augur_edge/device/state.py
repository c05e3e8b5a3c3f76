"""How the device is right now: clocks, heat, throttling, pressure and load, each with a reason where it is unknown.

Sources: the kernel's Documentation/admin-guide/pm/cpufreq.rst, ABI/testing/sysfs-class-thermal, accounting/psi.rst,
filesystems/proc.rst and admin-guide/cgroup-v2.rst; Raspberry Pi's documentation of `vcgencmd get_throttled`.
"""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from augur_edge.device.controls import controls
from augur_edge.device.cpu import CPU_DIR
from augur_edge.device.own import own_time
from augur_edge.device.reading import Reader

RASPBERRY_PI = "raspberry pi firmware"
_PI_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
_SLOWS = re.compile(r"cpu|processor|devfreq|gpu", re.IGNORECASE)


@dataclass(frozen=True)
class Clock:
    """One processor's clock. limit_mhz: the highest the system allows now (heat may have lowered it)."""

    cpu: int
    governor: str | None
    mhz: int | None
    limit_mhz: int | None
    floor_mhz: int | None = None


@dataclass(frozen=True)
class Temperature:
    """One thermal zone, in thousandths of a degree Celsius. passive_mc: where the kernel begins to slow down."""

    zone: str
    mc: int
    passive_mc: int | None


@dataclass(frozen=True)
class Conditions:
    """One look at the device. None and () mean unknown, with the reason in `unavailable`; never 0 for unknown.

    at_ns: monotonic. throttle: counters and states by name; any rise, or a state above 0, means slowed down.
    psi_avg10: percent of the last 10 s in which some task waited for a processor; psi_total_us: the same, summed.
    cpus: how many processors are online. busy, steal, all, own jiffies: of all of them since boot; `steal` went to
    other guests of a virtual machine's host, `own` is this process and its ended children.
    wait_ns: how long the calling thread was ready to run and had no processor, all_wait_ns: the same, summed over this
    process's threads; thread_ns: how long the calling thread ran; involuntary: how often this process was put aside.
    controls: modes of power, clocks and fan by name, as `controls.controls` has them.
    """

    at_ns: int
    clocks: tuple[Clock, ...] = ()
    temperatures: tuple[Temperature, ...] = ()
    throttle: dict[str, int] = field(default_factory=dict)
    psi_avg10: float | None = None
    psi_total_us: int | None = None
    load1: float | None = None
    cpus: int | None = None
    busy_jiffies: int | None = None
    steal_jiffies: int | None = None
    all_jiffies: int | None = None
    own_jiffies: int | None = None
    wait_ns: int | None = None
    all_wait_ns: int | None = None
    thread_ns: int | None = None
    involuntary: int | None = None
    controls: dict[str, str] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and the store."""
        return asdict(self)


def conditions(root: Path | Reader = Path("/")) -> Conditions:
    """Look once; a few ms. Never fails: what is missing is listed in `unavailable`.

    root: of the tree, or a reader of it that remembers where its files lie, for looking again and again.
    """
    reader = root.anew() if isinstance(root, Reader) else Reader(root)
    return Conditions(
        at_ns=time.monotonic_ns(),
        **own_time(reader),
        clocks=_clocks(reader),
        temperatures=_temperatures(reader),
        throttle=_throttle(reader),
        load1=_load(reader),
        own_jiffies=_own_jiffies(reader),
        **_pressure(reader),
        **_jiffies(reader),
        controls=controls(reader),
        unavailable=reader.missing,
    )


def restamped(look: Conditions, root: Reader) -> Conditions:
    """`look` with this process's own time as it is now: for just before a pass, as sensors may be slow to read."""
    return replace(look, at_ns=time.monotonic_ns(), **own_time(root.anew()))


def _clocks(reader: Reader) -> tuple[Clock, ...]:
    out = []
    for path in reader.paths(f"{CPU_DIR}/cpu[0-9]*/cpufreq"):
        number = int(re.findall(r"/cpu(\d+)/", path)[0])
        freqs = (_mhz(reader.integer(f"{path}/scaling_{which}_freq")) for which in ("cur", "max", "min"))
        out.append(Clock(number, reader.text(f"{path}/scaling_governor"), *freqs))
    if not out:
        reader.missing["clocks"] = f"this system has no /{CPU_DIR}/cpu*/cpufreq (usual in a virtual machine)"
    return tuple(out)


def _mhz(khz: int | None) -> int | None:
    return None if khz is None else khz // 1000


def _temperatures(reader: Reader) -> tuple[Temperature, ...]:
    out = []
    zones = reader.paths("sys/class/thermal/thermal_zone[0-9]*")
    for path in zones:
        mc = reader.integer(f"{path}/temp")
        name = reader.text(f"{path}/type") or Path(path).name
        if mc is not None:  # a zone whose sensor is asleep gives an error
            out.append(Temperature(name, mc, _passive(reader, path)))
    if not zones:
        reader.missing["temperatures"] = "this system has no /sys/class/thermal/thermal_zone*"
    elif not out:
        reader.missing["temperatures"] = f"none of the {len(zones)} thermal zones can be read"
    return tuple(out)


def _passive(reader: Reader, zone: str) -> int | None:
    trips = [p for p in reader.paths(f"{zone}/trip_point_*_type") if reader.text(p) == "passive"]
    levels = [reader.integer(p.replace("_type", "_temp")) for p in trips]
    return min((mc for mc in levels if mc is not None and mc > 0), default=None)


def _throttle(reader: Reader) -> dict[str, int]:
    out: dict[str, int] = {}
    for path in reader.paths(f"{CPU_DIR}/cpu[0-9]*/thermal_throttle/*_throttle_count"):
        _keep(out, f"{path.split('/')[4]} {Path(path).name}", reader.integer(path))
    for path in reader.paths("sys/class/thermal/cooling_device[0-9]*"):
        kind = reader.text(f"{path}/type") or ""
        if _SLOWS.search(kind):  # a fan's state says nothing about speed
            _keep(out, f"cooling {Path(path).name[14:]} {kind}", reader.integer(f"{path}/cur_state"))
    firmware = reader.text(_PI_THROTTLED)
    _keep(out, RASPBERRY_PI, int(firmware, 16) if firmware and re.fullmatch(r"(0x)?[0-9a-f]+", firmware) else None)
    _keep(out, "cgroup nr_throttled", _cgroup_throttled(reader))
    if not out:
        reader.missing["throttle"] = "this system has no throttle counter, cooling device or firmware flag"
    return out


def _keep(out: dict[str, int], name: str, value: int | None) -> None:
    if value is not None:
        out[name] = value


def _cgroup_throttled(reader: Reader) -> int | None:
    own = re.search(r"^0::/(.*)$", reader.text("proc/self/cgroup") or "", re.MULTILINE)
    text = reader.text(f"sys/fs/cgroup/{own.group(1)}/cpu.stat") if own else None
    found = re.search(r"^nr_throttled (\d+)$", text or "", re.MULTILINE)
    return int(found.group(1)) if found else None


def _pressure(reader: Reader) -> dict[str, Any]:
    text = reader.text("proc/pressure/cpu", "pressure")
    found = re.search(r"^some avg10=([\d.]+) .*total=(\d+)", text or "", re.MULTILINE)
    if found is None:
        return _foreign(reader, "pressure", "proc/pressure/cpu")
    return {"psi_avg10": float(found.group(1)), "psi_total_us": int(found.group(2))}


def _foreign(reader: Reader, what: str, path: str) -> dict[str, Any]:
    """Nothing, and why, unless the file's absence is known already."""
    reader.missing.setdefault(what, f"/{path} is not as the kernel documents it")
    return {}


def _load(reader: Reader) -> float | None:
    text = reader.text("proc/loadavg", "load")
    return float(text.split()[0]) if text else None


def _jiffies(reader: Reader) -> dict[str, Any]:
    text = reader.text("proc/stat", "cpu_time")
    lines = text.splitlines() if text else []
    first = lines[0].split() if lines else []
    if len(first) < 9 or first[0] != "cpu":
        return _foreign(reader, "cpu_time", "proc/stat")
    user, nice, system, idle, iowait, irq, softirq, steal = (int(v) for v in first[1:9])
    busy = user + nice + system + irq + softirq  # guest time is within user already
    cpus = sum(line.startswith("cpu") for line in lines) - 1
    return {"cpus": cpus, "busy_jiffies": busy, "steal_jiffies": steal, "all_jiffies": busy + idle + iowait + steal}


def _own_jiffies(reader: Reader) -> int | None:
    text = reader.text("proc/self/stat", "own_time")
    if not text:
        return None
    after_name = text.rpartition(")")[2].split()  # the name itself may hold blanks and brackets
    return sum(int(v) for v in after_name[11:15])
