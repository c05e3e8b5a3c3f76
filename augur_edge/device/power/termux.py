"""A phone's battery through `termux-battery-status`, which needs no root.

Source: Termux:API's documentation (wiki.termux.com/wiki/Termux-battery-status): JSON with `current` (uA), `voltage`
(mV), `status` and `plugged`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import partial
from pathlib import Path

from augur_edge.device.power.base import MS_NS
from augur_edge.device.power.gauge import GaugeSensor
from augur_edge.device.power.samplers import CommandSampler

KIND = "termux"
COMMAND = "termux-battery-status"
_REFRESH_NS = 1000 * MS_NS
_TIMEOUT_S = 10.0


def find(root: Path, missing: dict[str, str]) -> list[GaugeSensor]:
    """Where the command is installed; a tree of files from elsewhere has nothing to run."""
    if root != Path("/"):
        missing[KIND] = "read by a command, which is not run for a tree of files"
        return []
    command = shutil.which(COMMAND)
    if command is None:
        missing[KIND] = f"{COMMAND} is not installed: pkg install termux-api, and the app Termux:API"
        return []
    sampler = partial(CommandSampler, [command], parse, 2)
    return [GaugeSensor(KIND, sampler, partial(_status, command), _REFRESH_NS // 2, _REFRESH_NS)]


def parse(output: bytes) -> tuple[int, int]:
    """Raw current and uV. Raises ValueError for anything else than the command's JSON."""
    data = json.loads(output)
    try:
        return int(data["current"]), int(data["voltage"]) * 1000
    except (KeyError, TypeError) as e:
        raise ValueError(f"no current and voltage in it: {e}") from e


def _status(command: str) -> str | None:
    try:
        done = subprocess.run([command], capture_output=True, timeout=_TIMEOUT_S, check=True)  # noqa: S603
        data = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return str(data.get("status", "")).replace("_", " ") if isinstance(data, dict) else None
