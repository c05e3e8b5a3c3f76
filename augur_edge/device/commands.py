"""Runs the commands of a device profile that set clocks and fans: lists, never a shell, nothing asked back.

Sources: NVIDIA's Jetson Linux Developer Guide, "Platform Power and Performance": `nvpmodel -m N` and `jetson_clocks`
need root; a mode that asks for a restart finds nobody to answer, and is not taken. Never tried on such a board.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from augur_edge.device.controls import NVPMODEL, controls, nvpmodel_id
from augur_edge.device.profile import Profile
from augur_edge.device.profile_parts import Command, Controls
from augur_edge.device.reading import Reader

TIMEOUT_S = 30.0
Tell = Callable[[str], None]


def parts(profile: Profile) -> dict[str, Controls]:
    """The profile's controls that have commands to set something, by name."""
    found = {"clocks": profile.clocks, "fan": profile.fan}
    return {name: part for name, part in found.items() if part is not None and part.tune}


def why_not(root: Path) -> str | None:
    """Why commands cannot be run here at all; None if they can."""
    if root != Path("/"):
        return "they are for the board itself, not for a copy of its files"
    if os.geteuid() != 0:
        return "that needs root: `sudo augur-edge system tune`"
    return None


def run_all(commands: Sequence[Command], tell: Tell) -> dict[str, str]:
    """Run one after the other, each told first; returns those that did not work with the reason, in their own words."""
    refused = {}
    for command in commands:
        words = " ".join(command)
        tell(f"running {words}")
        problem = run(command)
        if problem:
            refused[words] = problem
    return refused


def run(command: Command) -> str:
    """Why it did not work, in its own words; empty where it did."""
    if shutil.which(command[0]) is None:
        return f"{command[0]} is not installed"
    try:
        done = subprocess.run(  # noqa: S603 - a list from a profile, as the user of this program chose it
            list(command), stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"did not end within {TIMEOUT_S:.0f} s"
    except OSError as err:
        return err.strerror or str(err)
    said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
    return "" if done.returncode == 0 else f"ended with {done.returncode}: {said[-1] if said else 'and said nothing'}"


def power_mode(root: Path) -> str | None:
    """The number of the power mode in use; None where there is none, or it is not told."""
    return nvpmodel_id(controls(Reader(root)))


def put_back(profile: Profile, names: Sequence[str], mode: str | None, root: Path, tell: Tell) -> dict[str, str]:
    """The profile's reset commands of these controls, then the power mode if it is another by now."""
    found = parts(profile)
    refused: dict[str, str] = {}
    for name in reversed(names):
        refused.update(run_all(found[name].reset, tell) if name in found else {name: f"{profile.name} has none"})
    if mode is not None and power_mode(root) != mode:
        refused.update(run_all([(NVPMODEL, "-m", mode)], tell))
    return refused
