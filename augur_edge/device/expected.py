"""What a device of its kind should have, by its profile, and this one does not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from augur_edge.device.identity import Device
from augur_edge.device.power.base import PowerSensor
from augur_edge.device.profile import Profile
from augur_edge.device.state import Conditions


def gaps(
    profile: Profile, device: Device, now: Conditions, sensors: Sequence[PowerSensor], missing: Mapping[str, str]
) -> dict[str, str]:
    """What is missing -> why, or what follows. missing: reasons of the kinds of power sensors that were not found."""
    return {**_power(profile, sensors, missing), **_cores(profile, device), **_zones(profile, now)}


def _power(profile: Profile, sensors: Sequence[PowerSensor], missing: Mapping[str, str]) -> dict[str, str]:
    wanted = profile.power.sensors if profile.power else tuple(missing)
    out = {}
    if not sensors:
        reasons = [f"{kind}: {missing[kind]}" for kind in wanted if kind in missing]
        reasons.append("an external meter can be named: --energy meter:PATH")
        out["power"] = "; ".join(reasons)
    totals = {rail.name for rail in profile.power.rails if rail.is_total} if profile.power else set()
    named = [sensor for sensor in sensors if sensor.kind == "ina3221"]
    for sensor in named:
        if totals and not totals & set(sensor.rails):
            text = f"the total rail {' or '.join(sorted(totals))} is not there; {', '.join(sensor.rails)} are summed"
            out["power rail"] = text
    return out


def _cores(profile: Profile, device: Device) -> dict[str, str]:
    known, here = sum(c.count for c in profile.cores), sum(len(c.cpus) for c in device.clusters)
    if not known or here >= known:
        return {}
    return {"processors": f"{here} of {known} are online: a power mode or the kernel has switched the others off"}


def _zones(profile: Profile, now: Conditions) -> dict[str, str]:
    here = {t.zone for t in now.temperatures}
    absent = [z.zone for z in profile.thermal.zones if z.zone not in here] if profile.thermal else []
    if not absent or "temperatures" in now.unavailable:
        return {}
    return {"thermal zones": f"{', '.join(absent)} cannot be read or are named otherwise here"}
