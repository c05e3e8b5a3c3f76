"""What changed on the device while something was measured, as reasons to doubt the figures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from augur_edge.device.controls import JETSON_CLOCKS, NVPMODEL
from augur_edge.device.state import RASPBERRY_PI, Clock, Conditions

CLOCK_CHANGE = 0.05  # a latency follows the clock, so this is what would show in it
HEAT_RISE_MC = 10_000  # enough for leakage and boost clocks to move; below it rooms and fans do as much
HEAT_MARGIN_MC = 3_000
PRESSURE_SHARE = 0.05
STEAL_SHARE = 0.01
OTHER_SHARE = 0.05  # of all processors, and at least a tenth of one
MIN_JIFFIES = 50  # half a second of one processor: fewer ticks say nothing about a share

_PI_NOW = {0: "under-voltage", 1: "the clock is capped", 2: "throttled", 3: "at the soft temperature limit"}


@dataclass(frozen=True)
class Reason:
    """Why a run may not be steady. code: for programs; text: what was seen; advice: what to do about it.

    value and limit: the figure seen and the one it was held to, in the unit `text` names; None where there is none.
    """

    code: str
    text: str
    advice: str
    value: float | None = None
    limit: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and the store."""
        return asdict(self)


def compare_conditions(before: Conditions, after: Conditions, cpus: Collection[int] = ()) -> list[Reason]:
    """Reasons seen between two looks, none if nothing known has changed; what is unknown in either is not judged.

    Take `before` after warming up, or the clock's own rise is reported. cpus: the processors in use; all if empty.
    """
    return [
        *_clock(before, after, cpus),
        *_governor(before, after, cpus),
        *_mode(before, after),
        *_heat(before, after),
        *_throttled(before, after),
        *_pressure(before, after),
        *_steal(before, after),
        *_other_load(before, after),
    ]


def _of(clocks: tuple[Clock, ...], cpus: Collection[int]) -> list[Clock]:
    return [c for c in clocks if not cpus or c.cpu in cpus]


def _clock(before: Conditions, after: Conditions, cpus: Collection[int]) -> list[Reason]:
    """Of the fastest processor in use: an idle one's clock says nothing."""
    out = []
    for attribute, what in (("mhz", "clock"), ("limit_mhz", "highest allowed clock")):
        old, new = (
            max((v for c in _of(side.clocks, cpus) if (v := getattr(c, attribute))), default=None)
            for side in (before, after)
        )
        if old and new and abs(new - old) > CLOCK_CHANGE * old:
            text = f"the {what} went from {old} to {new} MHz"
            out.append(Reason("clock", text, "fix it with `augur-edge system tune`, and let the device cool", new, old))
    return out


def _governor(before: Conditions, after: Conditions, cpus: Collection[int]) -> list[Reason]:
    old, new = ({c.cpu: c.governor for c in _of(side.clocks, cpus)} for side in (before, after))
    changed = [cpu for cpu in old if cpu in new and old[cpu] != new[cpu]]
    if not changed:
        return []
    text = f"the governor of cpu{changed[0]} went from {old[changed[0]]} to {new[changed[0]]}"
    return [Reason("governor", text, "see what else sets it (a power daemon, a battery saver), and measure again")]


def _mode(before: Conditions, after: Conditions) -> list[Reason]:
    """Power mode and fixed clocks; fans follow the heat by themselves."""
    out = []
    for name in (NVPMODEL, JETSON_CLOCKS):
        old, new = before.controls.get(name), after.controls.get(name)
        if old is not None and new is not None and old != new:
            out.append(Reason("mode", f"{name} went from {old} to {new}", "set the mode first, then measure again"))
    return out


def _heat(before: Conditions, after: Conditions) -> list[Reason]:
    out = []
    start = {z: t.mc for z, t in _named(before).items()}
    for zone, temperature in _named(after).items():
        rise_mc = temperature.mc - start.get(zone, temperature.mc)
        passive_mc = temperature.passive_mc
        if passive_mc is not None and temperature.mc > passive_mc - HEAT_MARGIN_MC:
            text = f"{zone} at {temperature.mc / 1000:.0f} C, the kernel slows down from {passive_mc / 1000:.0f} C"
            out.append(
                Reason("hot", text, "cool it (fan, heat sink, pauses)", temperature.mc / 1000, passive_mc / 1000)
            )
        elif rise_mc > HEAT_RISE_MC:
            text = f"{zone} warmed by {rise_mc / 1000:.0f} C to {temperature.mc / 1000:.0f} C"
            advice = "warm up for longer, or cool it, until the temperature stays"
            out.append(Reason("temperature", text, advice, rise_mc / 1000, HEAT_RISE_MC / 1000))
    return out


def _named(side: Conditions) -> dict[str, Any]:
    """Temperatures by zone; zones of one name (acpitz, acpitz) are told apart by their order."""
    out: dict[str, Any] = {}
    for temperature in side.temperatures:
        same = sum(1 for name in out if name.split(" #")[0] == temperature.zone)
        out[temperature.zone + (f" #{same + 1}" if same else "")] = temperature
    return out


def firmware_says(flags: int) -> list[str]:
    """The present-tense bits (0 to 3) of a Raspberry Pi's `get_throttled` in words."""
    return [text for bit, text in _PI_NOW.items() if flags >> bit & 1]


def _throttled(before: Conditions, after: Conditions) -> list[Reason]:
    out = []
    for name, new in after.throttle.items():
        old = before.throttle.get(name, new)
        if name == RASPBERRY_PI:
            seen = firmware_says(new | old | (new & ~old) >> 16)
            text = f"the Raspberry Pi's firmware says: {', '.join(seen)}" if seen else ""
        elif name.startswith("cooling"):
            text = f"{name} is at state {max(old, new)}: the kernel slows the device down" if max(old, new) > 0 else ""
        else:
            text = f"{name} rose by {new - old}" if new > old else ""
        if text:
            out.append(
                Reason("throttled", text, "cool the device, give it a stronger supply, or lift the group's quota")
            )
    return out


def pressure_share(before: Conditions, after: Conditions) -> float | None:
    """Share of the time between two looks in which some task of the system waited for a processor; None if unknown."""
    elapsed_ns = after.at_ns - before.at_ns
    if before.psi_total_us is None or after.psi_total_us is None or elapsed_ns <= 0:
        return None
    return (after.psi_total_us - before.psi_total_us) * 1000 / elapsed_ns


def _pressure(before: Conditions, after: Conditions) -> list[Reason]:
    share = pressure_share(before, after)
    if share is None or share <= PRESSURE_SHARE:
        return []
    text = f"tasks waited for a processor in {100 * share:.0f} % of the time"
    advice = "stop other work, or use fewer threads than processors"
    return [Reason("pressure", text, advice, round(100 * share, 1), 100 * PRESSURE_SHARE)]


def elapsed_jiffies(before: Conditions, after: Conditions) -> int:
    """Ticks of all processors between two looks; 0 where unknown."""
    if before.all_jiffies is None or after.all_jiffies is None:
        return 0
    return max(after.all_jiffies - before.all_jiffies, 0)


def _steal(before: Conditions, after: Conditions) -> list[Reason]:
    elapsed = elapsed_jiffies(before, after)
    if elapsed < MIN_JIFFIES or before.steal_jiffies is None or after.steal_jiffies is None:
        return []
    share = (after.steal_jiffies - before.steal_jiffies) / elapsed
    if share <= STEAL_SHARE:
        return []
    text = f"the virtual machine's host took {100 * share:.1f} % of the processors' time away"
    return [Reason("steal", text, "measure on hardware of its own", round(100 * share, 1), 100 * STEAL_SHARE)]


def other_share(before: Conditions, after: Conditions, least_jiffies: int = MIN_JIFFIES) -> float | None:
    """Share (0 to 1) of all processors' time that went to other processes between two looks; None where unknown.

    least_jiffies: between looks fewer ticks apart it counts as unknown.
    """
    elapsed = elapsed_jiffies(before, after)
    known = (before.busy_jiffies, after.busy_jiffies, before.own_jiffies, after.own_jiffies)
    if elapsed < least_jiffies or None in known:
        return None
    busy_before, busy_after, own_before, own_after = (v or 0 for v in known)
    return max(busy_after - busy_before - (own_after - own_before), 0) / elapsed


def _other_load(before: Conditions, after: Conditions) -> list[Reason]:
    share = other_share(before, after)
    limit = max(OTHER_SHARE, 0.1 / (after.cpus or 1))
    if share is None or share <= limit:
        return []
    text = f"other processes used {100 * share:.0f} % of all processors' time"
    return [Reason("other_load", text, "stop them (`top` names them)", round(100 * share, 1), round(100 * limit, 1))]
