"""Which process works on a run, so that `--resume` never takes a run from one that is still measuring it."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")


def this_process() -> str:
    """Names this process among all of this machine since it was switched on: boot, process id, start time."""
    return f"{_boot_id()} {os.getpid()} {_start_time(os.getpid())}"


def is_alive(owner: str) -> bool:
    """Whether the process that `this_process` named still runs here; False for one of another machine or boot."""
    boot, pid, start = owner.split(" ")
    found = _start_time(int(pid))
    return boot == _boot_id() and found != "" and found == start


def _boot_id() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # hidden from apps on some Android versions
        return ""


def _start_time(pid: int) -> str:
    """Clock ticks from boot to the start of `pid`, as text; empty where there is no such process."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
