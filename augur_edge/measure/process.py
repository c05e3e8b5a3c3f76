"""The measuring process itself: where it runs, at what priority, with its memory locked; put back afterwards."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from augur_edge import timing
from augur_edge.device.facts import priority as scheduling
from augur_edge.errors import UsageError

REAL_TIME = ("fifo", "rr")
FIFO_LEVEL = 10  # above every normal process, below the kernel's own threads
BUSY_S = 0.1  # how often a real-time loop rests
REST_SHARE = 0.08  # Linux stops real-time threads for 50 ms in every second that they fill (sched_rt_runtime_us)


@contextmanager
def prepared(
    affinity: Sequence[int] | None, priority: str, lock_memory: bool, threads: int
) -> Iterator[dict[str, Any]]:
    """Yields what was granted and refused: `{"priority", "lock_memory", "refused": {what: the system's reason}}`.

    The priority yielded is what the process really runs as: under `chrt` that is not normal, whatever was asked for.
    priority: `normal`, `fifo`, or `auto`: fifo where it is allowed and a processor stays free beside `threads`, so that
    the rest of the system is not starved. Raises UsageError for processors that are not there.
    """
    before = timing.get_affinity()
    policy, level = os.sched_getscheduler(0), os.sched_getparam(0)
    refused: dict[str, str] = {}
    fifo = locked = False
    if affinity is not None:
        why = timing.pin_to(affinity)
        if why:
            asked, here = (",".join(map(str, cpus)) for cpus in (affinity, before))
            raise UsageError(f"--affinity {asked}: {why}; this process may use processors {here}")
    try:
        wanted = priority == "fifo" or (priority == "auto" and len(timing.get_affinity()) > threads)
        fifo = wanted and not _refused(refused, "priority", timing.set_fifo(FIFO_LEVEL))
        locked = lock_memory and not _refused(refused, "lock_memory", timing.lock_memory(True))
        yield {"priority": _running_as(), "lock_memory": locked, "refused": refused}
    finally:
        if fifo:
            with suppress(PermissionError):  # begun by somebody who may go higher than we may: it stays at FIFO_LEVEL
                os.sched_setscheduler(0, policy, level)
        if locked:
            timing.lock_memory(False)
        timing.pin_to(before)


class Pacer:
    """Lets a real-time loop rest a little between rounds, before the kernel makes it in the middle of one."""

    def __init__(self) -> None:
        self._needed = _running_as() in REAL_TIME
        self._since_s = time.monotonic()

    def rest(self) -> None:
        """Sleep for `REST_SHARE` of the time since the last rest, if that is `BUSY_S` or more."""
        busy_s = time.monotonic() - self._since_s
        if self._needed and busy_s >= BUSY_S:
            time.sleep(REST_SHARE * busy_s)
            self._since_s = time.monotonic()


def _running_as() -> str:
    policy = scheduling()["policy"]
    return "normal" if policy == "other" else str(policy)


def _refused(refused: dict[str, str], what: str, why: str) -> bool:
    if why:
        refused[what] = why
    return bool(why)
