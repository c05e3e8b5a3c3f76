"""The facts that are kept with every run, so that a figure can be traced to what it was measured on."""

from __future__ import annotations

import os
import platform
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augur_edge import __version__
from augur_edge.device import profile as profiles
from augur_edge.device.identity import identify
from augur_edge.device.software import version_of
from augur_edge.device.state import conditions

_POLICIES = {
    "SCHED_OTHER": "other",
    "SCHED_FIFO": "fifo",
    "SCHED_RR": "rr",
    "SCHED_BATCH": "batch",
    "SCHED_IDLE": "idle",
}


def context(
    profile: Path | None = None, root: Path = Path("/"), environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Plain data: `device`, `profile` (name, digest), `versions`, `affinity`, `priority`, `conditions` (`before`).

    Clocks, governors, temperatures and throttling are within `conditions`. Whoever measures adds the runtime, the timer
    and `conditions["after"]`. Raises DataError or UsageError for a bad profile.
    """
    device = identify(root, environ)
    chosen = profiles.pick(device, profile, environ)
    return {
        "device": device.to_dict(),
        "profile": {"name": chosen.name, "digest": chosen.digest},
        "versions": versions(),
        "affinity": affinity(),
        "priority": priority(),
        "conditions": {"before": conditions(root).to_dict()},
    }


def versions() -> dict[str, str | None]:
    """Versions of this package, Python (with its word size) and numpy, none of them imported for it."""
    python = f"{platform.python_implementation()} {platform.python_version()}, {8 * struct.calcsize('P')} bit"
    return {"augur_edge": __version__, "python": python, "numpy": version_of("numpy")}


def affinity() -> list[int] | None:
    """Processors this process may run on; None where the system cannot say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def priority() -> dict[str, Any]:
    """`nice` (-20 to 19, lower goes first) and the scheduling `policy` with its `level`; None where not known."""
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    if not hasattr(os, "sched_getscheduler"):
        return {"nice": nice, "policy": None, "level": None}
    number = os.sched_getscheduler(0)
    named = (text for attribute, text in _POLICIES.items() if getattr(os, attribute, None) == number)
    return {"nice": nice, "policy": next(named, str(number)), "level": os.sched_getparam(0).sched_priority}
