"""The measuring process itself: where it runs, at what priority, with its memory locked; put back afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from augur_edge import timing
from augur_edge.errors import UsageError

FIFO_LEVEL = 10  # above every normal process, below the kernel's own threads


@contextmanager
def prepared(
    affinity: Sequence[int] | None, priority: str, lock_memory: bool, threads: int
) -> Iterator[dict[str, Any]]:
    """Yields what was granted and refused: `{"priority", "lock_memory", "refused": {what: the system's reason}}`.

    priority: `normal`, `fifo`, or `auto`: fifo where it is allowed and a processor stays free beside `threads`, so that
    the rest of the system is not starved. Raises UsageError for processors that are not there.
    """
    before = timing.get_affinity()
    refused: dict[str, str] = {}
    fifo = locked = False
    if affinity is not None:
        why = timing.pin_to(affinity)
        if why:
            raise UsageError(f"--affinity {','.join(map(str, affinity))}: {why}")
    try:
        wanted = priority == "fifo" or (priority == "auto" and len(timing.get_affinity()) > threads)
        fifo = wanted and not _refused(refused, "priority", timing.set_fifo(FIFO_LEVEL))
        locked = lock_memory and not _refused(refused, "lock_memory", timing.lock_memory(True))
        yield {"priority": "fifo" if fifo else "normal", "lock_memory": locked, "refused": refused}
    finally:
        if fifo:
            timing.set_fifo(0)
        if locked:
            timing.lock_memory(False)
        timing.pin_to(before)


def _refused(refused: dict[str, str], what: str, why: str) -> bool:
    if why:
        refused[what] = why
    return bool(why)
