"""The timing core: the native module where it was built, else its twin in Python (`clock()["native"]` tells which)."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from augur_edge import _timing_py

native: ModuleType | None
try:
    from augur_edge import _timing

    native = _timing
except ImportError:  # no compiler when it was installed
    native = None

core: ModuleType = native or _timing_py

now_ns = core.now_ns
clock = core.clock
get_affinity = core.get_affinity
pin_to = core.pin_to
set_fifo = core.set_fifo
lock_memory = core.lock_memory
SpinTask = core.SpinTask
CallTask = core.CallTask
FileSampler = core.FileSampler
UNREADABLE: int = core.UNREADABLE


def time_blocks(task: Any, loops: int, out: Any) -> None:
    """out: int64[n], ns of each block of `loops` calls. A task of another process (`remote`) is timed by its loop."""
    if hasattr(task, "remote"):
        out[:] = task.remote.time_blocks(task, loops, len(out))
    else:
        core.time_blocks(task, loops, out)


def replay(tasks: Sequence[Any], out: Any) -> None:
    """out: int64[passes * tasks], ns of each call of the tasks one after the other; all of them in one process."""
    if tasks and hasattr(tasks[0], "remote"):
        out[:] = tasks[0].remote.replay(tasks, len(out) // len(tasks))
    else:
        core.replay(tasks, out)
