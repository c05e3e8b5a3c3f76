"""The timing core: the native module where it was built, else its twin in Python (`clock()["native"]` tells which)."""

from __future__ import annotations

from types import ModuleType

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
time_blocks = core.time_blocks
replay = core.replay
get_affinity = core.get_affinity
pin_to = core.pin_to
set_fifo = core.set_fifo
lock_memory = core.lock_memory
SpinTask = core.SpinTask
CallTask = core.CallTask
FileSampler = core.FileSampler
UNREADABLE: int = core.UNREADABLE
