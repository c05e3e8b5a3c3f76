"""The timing core in plain Python: same names and signatures as the native `_timing`, whose tests run on both.

It is the oracle, and what runs where no compiler was at hand: slower per call (the floor tells by how much), and
without the clients of the runtimes' C APIs.
"""

from __future__ import annotations

import errno
import os
import statistics
import threading
import time
from array import array
from collections import deque
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


UNREADABLE = -(1 << 63)


class FileSampler:
    """Reads small files of whole numbers at a steady rate from a thread, into a ring buffer of `capacity` rows.

    A row is the time of the reading and one value per file, `UNREADABLE` where it gave no number. Raises RuntimeError,
    naming the file, where one cannot be opened.
    """

    def __init__(self, paths: Sequence[str], period_ns: int, capacity: int) -> None:
        self._thread: threading.Thread | None = None
        self._period_ns, self._files = period_ns, [-1] * len(paths)
        self._lock, self._ends, self._placed = threading.Lock(), threading.Event(), threading.Event()
        if not paths or period_ns < 1 or capacity < 1:
            raise ValueError("a sampler takes at least one path, a period of 1 ns and room for one row")
        self._rows: deque[array[int]] = deque(maxlen=capacity)
        self.lost = 0
        self._failures: dict[int, tuple[int, int, int]] = {}
        for i, path in enumerate(paths):
            try:
                self._files[i] = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            except OSError as e:
                raise RuntimeError(f"{path}: {os.strerror(e.errno or 0)}") from e

    def __del__(self) -> None:
        self.stop()
        for file in self._files:
            if file >= 0:
                os.close(file)

    @property
    def failures(self) -> list[tuple[int, int, int]]:
        """[(file, errno, at_ns)], the first of each file."""
        return list(self._failures.values())

    def start(self, cpus: Sequence[int]) -> None:
        """Begin, on these processors; all if empty."""
        if self._thread is None:
            self._ends.clear()
            self._thread = threading.Thread(target=self._run, args=(list(cpus),), daemon=True)
            self._thread.start()
            self._placed.wait()

    def stop(self) -> None:
        """Returns when the thread has ended."""
        thread, self._thread = self._thread, None
        self._ends.set()
        if thread is not None:
            thread.join()

    def take(self) -> bytes:
        """Rows since the last call: native int64[n, 1 + files], time in ns first."""
        with self._lock:
            rows, self._rows = self._rows, deque(maxlen=self._rows.maxlen)
        return b"".join(row.tobytes() for row in rows)

    def _run(self, cpus: list[int]) -> None:
        if cpus:
            pin_to(cpus)
        self._placed.set()
        next_ns = time.monotonic_ns()
        while not self._ends.is_set():
            before_ns = now_ns()
            values = [self._read(i) for i in range(len(self._files))]
            row = array("q", [before_ns + (now_ns() - before_ns) // 2, *values])
            with self._lock:
                self.lost += len(self._rows) == self._rows.maxlen
                self._rows.append(row)
            next_ns += self._period_ns
            late_ns = time.monotonic_ns() - next_ns
            if late_ns >= 0:
                next_ns += (late_ns // self._period_ns + 1) * self._period_ns
            self._ends.wait(max(next_ns - time.monotonic_ns(), 0) / 1e9)

    def _read(self, file: int) -> int:
        code = errno.EINVAL
        try:
            text = os.pread(self._files[file], 64, 0)
            if os.fstat(self._files[file]).st_nlink == 0:
                code = errno.ENOENT
            else:
                number = text.rstrip(b"\n \0").lstrip(b" ")
                digits = number[1:] if number.startswith(b"-") else number
                if digits.isdigit() and len(digits) <= 18 and len(text) < 64:
                    return int(number)
        except OSError as e:
            code = e.errno or errno.EIO
        self._failures.setdefault(file, (file, code, now_ns()))
        return UNREADABLE
