"""The timing core in plain Python: same names and signatures as the native `_timing`, whose tests run on both.

It is the oracle, and what runs where no compiler was at hand: slower per call (the floor tells by how much), and
without the clients of the runtimes' C APIs.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

_CLOCK = getattr(time, "CLOCK_MONOTONIC_RAW", time.CLOCK_MONOTONIC)


def now_ns() -> int:
    """CLOCK_MONOTONIC_RAW in ns."""
    return time.clock_gettime_ns(_CLOCK)


def clock() -> dict[str, Any]:
    """Name, resolution and price of one reading (ns), measured now."""
    step, prices = 1 << 62, []
    for _ in range(31):
        start = last = now_ns()
        for _ in range(256):
            t = now_ns()
            if t != last:
                step = min(step, t - last)
            last = t
        prices.append((last - start) / 256)
    return {
        "name": "CLOCK_MONOTONIC_RAW",
        "resolution_ns": float(step),
        "overhead_ns": statistics.median(prices),
        "native": False,
    }


class Task:
    """Something a timed loop can call."""

    def run(self) -> None:
        """Call it once, untimed."""
        self.call()

    def call(self) -> object:
        """Call it once."""
        raise NotImplementedError


class SpinTask(Task):
    """Takes exactly `durations_ns[k % len]` of busy waiting on call k: the known truth tests measure against."""

    def __init__(self, durations_ns: Sequence[int]) -> None:
        if not durations_ns:
            raise ValueError("durations_ns must not be empty")
        self._durations_ns = list(durations_ns)
        self._next = 0

    def call(self) -> object:
        """Wait for the next duration."""
        until = now_ns() + self._durations_ns[self._next]
        self._next = (self._next + 1) % len(self._durations_ns)
        while now_ns() < until:
            pass
        return None


class CallTask(Task):
    """Any callable without arguments."""

    def __init__(self, function: Callable[[], object]) -> None:
        self.call = function  # type: ignore[method-assign]


def _int64_out(out: Any) -> memoryview:
    view = memoryview(out)
    if view.itemsize != 8 or view.format not in ("l", "q") or view.ndim != 1 or view.readonly or not view.contiguous:
        raise TypeError("out must be a writable contiguous one-dimensional int64 buffer")
    return view


def time_blocks(task: Task, loops: int, out: Any) -> None:
    """out[i] = ns of a block of `loops` calls; out: writable int64[n], filled in place."""
    if loops < 1:
        raise ValueError("loops must be at least 1")
    view, call = _int64_out(out), task.call
    for i in range(len(view)):
        start = now_ns()
        for _ in range(loops):
            call()
        view[i] = now_ns() - start


def replay(tasks: Sequence[Task], out: Any) -> None:
    """Call the tasks in order, pass after pass; out: writable int64[n_passes * n_tasks], ns of each call."""
    view, calls = _int64_out(out), [task.call for task in tasks]
    if not calls or len(view) % len(calls):
        raise ValueError("out must hold a whole number of passes over at least one task")
    i = 0
    for _ in range(len(view) // len(calls)):
        before = now_ns()
        for call in calls:
            call()
            after = now_ns()
            view[i] = after - before
            before, i = after, i + 1


def _why_not(action: Callable[[], object]) -> str:
    try:
        action()
    except (OSError, ValueError, OverflowError) as e:
        return os.strerror(e.errno) if isinstance(e, OSError) and e.errno else str(e) or type(e).__name__
    return ""


def get_affinity() -> list[int]:
    """CPUs the calling thread may run on."""
    return sorted(os.sched_getaffinity(0))


def pin_to(cpus: Sequence[int]) -> str:
    """Pin the calling thread; returns why not, or an empty text."""
    return _why_not(lambda: os.sched_setaffinity(0, cpus))


def set_fifo(priority: int) -> str:
    """SCHED_FIFO at 1..99, or 0 for the normal class; returns why not, or an empty text."""
    policy = os.SCHED_FIFO if priority else os.SCHED_OTHER
    return _why_not(lambda: os.sched_setscheduler(0, policy, os.sched_param(priority)))


def lock_memory(on: bool) -> str:
    """mlockall or munlockall; returns why not, or an empty text."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    code = libc.mlockall(3) if on else libc.munlockall()
    return os.strerror(ctypes.get_errno()) if code else ""
