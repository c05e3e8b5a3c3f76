"""What stands in the way of steady figures on this device, and the next step for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from augur_edge.device.compare import HEAT_MARGIN_MC, PRESSURE_SHARE, firmware_says
from augur_edge.device.identity import Device
from augur_edge.device.profile import Profile
from augur_edge.device.software import FoundRuntime, missing_extras
from augur_edge.device.state import RASPBERRY_PI, Conditions

_TUNE = "fix it with `sudo augur-edge system tune`"


def advice(
    device: Device, now: Conditions, found: Sequence[FoundRuntime], timer: dict[str, Any], coral: dict[str, Any]
) -> list[str]:
    """One line each, the most pressing first; none where all is well. timer, coral: of `timing.clock`, `edge_tpu`."""
    return [*_software(found, timer, coral), *_device_now(now), *_device_always(device, now)]


def old_python(profile: Profile) -> list[str]:
    """How to get a Python this program runs on, for a board whose own is too old for it."""
    old = profile.python
    return [] if old is None else [f"the system's Python is {old.system}, and 3.9 is needed: {old.newer}"]


def _software(found: Sequence[FoundRuntime], timer: dict[str, Any], coral: dict[str, Any]) -> list[str]:
    out = []
    if not any(r.problem is None for r in found):
        extras = " or ".join(f"pip install 'augur-edge[{extra}]'" for extra in missing_extras().values())
        out.append(f"there is no runtime to measure with: {extras}")
    out += [r.problem for r in found if r.problem]
    if not timer["native"]:
        out.append("the timer is the slow one in Python: install a C++ compiler and this package again")
    if coral["pycoral"] == "unrelated":
        out.append("`pycoral` here is not Google's (PyPI has another tool of that name); uninstall it to use a Coral")
    return out


def _device_now(now: Conditions) -> list[str]:
    out = []
    slow = {c.governor for c in now.clocks if c.governor not in {None, "performance"}}
    if slow:
        out.append(f"governor {', '.join(sorted(map(str, slow)))} lets the clock vary: {_TUNE}")
    for temperature in now.temperatures:
        limit_mc = temperature.passive_mc
        if limit_mc is not None and temperature.mc > limit_mc - HEAT_MARGIN_MC:
            text = f"{temperature.zone} is at {temperature.mc / 1000:.0f} C and slows down from {limit_mc / 1000:.0f} C"
            out.append(f"{text}: let it cool")
    flags = firmware_says(now.throttle.get(RASPBERRY_PI, 0))
    if flags:
        out.append(f"the Raspberry Pi's firmware says: {', '.join(flags)}: cool it, or use a stronger supply")
    if now.psi_avg10 is not None and now.psi_avg10 > 100 * PRESSURE_SHARE:
        out.append(f"tasks waited for a processor in {now.psi_avg10:.0f} % of the last 10 s: stop other work")
    return out


def _device_always(device: Device, now: Conditions) -> list[str]:
    out = []
    if device.virtual:
        out.append("a virtual machine: its host's other guests are in the figures; look at the verdict of each run")
    if not now.clocks and not device.virtual:
        out.append("clocks cannot be read, so a change of clock shows only as drift")
    if "machine_id" in device.unavailable:
        out.append("no machine-id: devices of this model share one id; set AUGUR_EDGE_DEVICE to tell them apart")
    return out
