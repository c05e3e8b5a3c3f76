"""Samplers for what is no file of numbers: the output of a command, and lines that arrive on a pipe or serial port.

They run in Python threads: a command takes milliseconds anyway, and lines come with their sender's pace.
"""

from __future__ import annotations

import errno
import os
import select
import subprocess
import threading
from array import array
from collections import deque
from collections.abc import Callable, Sequence

from augur_edge import timing

CAPACITY = 1 << 20
_TIMEOUT_S = 10.0
_POLL_S = 0.05

Parse = Callable[[bytes], Sequence[int]]
"""Output or a line -> the columns, in whole micro-units; ValueError or OverflowError where it is none."""


class HeaderError(ValueError):
    """A line that holds no sample, and should not."""


class _Threaded:
    """A thread that calls `_step` until it is stopped; rows and failures, as `Sampler` has them."""

    def __init__(self) -> None:
        self._rows: deque[array[int]] = deque(maxlen=CAPACITY)
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None
        self._failures: dict[int, tuple[int, int, int]] = {}
        self.lost = 0

    @property
    def failures(self) -> list[tuple[int, int, int]]:
        """[(column, errno, at_ns)], the first one; or the end of a stream, which outweighs a line cut off before."""
        return list(self._failures.values())

    def start(self, cpus: Sequence[int]) -> None:
        """Begin, on these processors; all if empty."""
        self._ends.clear()
        self._thread = threading.Thread(target=self._run, args=(list(cpus),), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has ended."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def take(self) -> bytes:
        """Rows since the last call."""
        rows = [self._rows.popleft() for _ in range(len(self._rows))]
        return b"".join(row.tobytes() for row in rows)

    def _run(self, cpus: list[int]) -> None:
        if cpus:
            timing.pin_to(cpus)
        while not self._ends.is_set():
            self._step()

    def _step(self) -> None:
        raise NotImplementedError

    def _keep(self, at_ns: int, values: Sequence[int]) -> None:
        row = array("q", [at_ns, *values])
        self.lost += len(self._rows) == self._rows.maxlen
        self._rows.append(row)

    def _failed(self, code: int) -> None:
        if code == errno.EPIPE or not self._failures:
            self._failures[0] = (0, code, timing.now_ns())


class CommandSampler(_Threaded):
    """Runs a command again and again; a row's time is halfway through it."""

    def __init__(self, argv: Sequence[str], parse: Parse, n_columns: int, period_ns: int) -> None:
        super().__init__()
        self._argv, self._parse, self._n_columns, self._period_s = list(argv), parse, n_columns, period_ns / 1e9

    def _step(self) -> None:
        before_ns = timing.now_ns()
        values: Sequence[int] = [timing.UNREADABLE] * self._n_columns
        try:
            done = subprocess.run(self._argv, capture_output=True, timeout=_TIMEOUT_S, check=True)  # noqa: S603
            values = array("q", self._parse(done.stdout))
        except subprocess.TimeoutExpired:
            self._failed(errno.ETIMEDOUT)
        except subprocess.CalledProcessError:
            self._failed(errno.EIO)
        except (ValueError, OverflowError):
            self._failed(errno.EINVAL)
        except OSError as e:
            self._failed(e.errno or errno.EIO)
        after_ns = timing.now_ns()
        self._keep((before_ns + after_ns) // 2, values)
        self._ends.wait(max(self._period_s - (after_ns - before_ns) / 1e9, 0))


class LineSampler(_Threaded):
    """Takes lines from an open, non-blocking file descriptor until the process ends; a row's time is the arrival.

    Between `stop` and `start` lines are read on and forgotten, or they would pile up and come late. An end of the
    stream is a failure only after something has come: a pipe's writer may be late.
    """

    def __init__(self, file: int, parse: Parse) -> None:
        super().__init__()
        self._file, self._parse, self._rest, self._begun, self._keeps = file, parse, b"", False, False

    def start(self, cpus: Sequence[int]) -> None:
        """Keep what comes."""
        self._keeps = True
        if self._thread is None:
            super().start(cpus)

    def stop(self) -> None:
        """Forget what comes."""
        self._keeps = False

    def _step(self) -> None:
        if not select.select([self._file], [], [], _POLL_S)[0]:
            return
        try:
            data = os.read(self._file, 65536)
        except BlockingIOError:
            return
        except OSError as e:
            self._failed(e.errno or errno.EIO)
            self._ends.set()
            return
        at_ns = timing.now_ns()
        if not data:
            if self._begun:
                self._failed(errno.EPIPE)
            self._ends.wait(_POLL_S)
            return
        self._begun = True
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-4096:]  # a sender without line ends
        for line in lines:
            try:
                values = self._parse(line)
                if self._keeps:
                    self._keep(at_ns, values)
            except HeaderError:
                continue
            except (ValueError, OverflowError):
                if line.strip():
                    self._failed(errno.EINVAL)
