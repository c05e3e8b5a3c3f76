"""How this process itself fared: how long its threads ran, and how long they waited for a processor.

Sources: the kernel's Documentation/scheduler/sched-stats.rst (/proc/<pid>/schedstat: time on a processor, time spent
waiting on a run queue, both in ns, and the number of turns), getrusage(2), clock_gettime(2).
"""

from __future__ import annotations

import resource
import threading
import time
from typing import Any

from augur_edge.device.reading import Reader


def own_time(reader: Reader) -> dict[str, Any]:
    """`wait_ns`, `all_wait_ns`, `thread_ns` and `involuntary`, fields of `Conditions`.

    The first two are None where the kernel does not count them. The last two come from the system calls of this
    process, whatever tree the reader reads: they are there on a phone too, where /proc/stat and schedstat may not be.
    """
    tasks = reader.fresh("proc/self/task/[0-9]*")
    waits = {path.rpartition("/")[2]: _wait_ns(reader, path) for path in tasks}
    known = [ns for ns in waits.values() if ns is not None]
    own = waits.get(str(threading.get_native_id()))
    return {
        "wait_ns": own,
        "all_wait_ns": None if own is None else sum(known),
        "thread_ns": time.clock_gettime_ns(time.CLOCK_THREAD_CPUTIME_ID),
        "involuntary": resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw,
    }


def _wait_ns(reader: Reader, task: str) -> int | None:
    """None where the kernel does not count it: all three numbers are 0 then."""
    words = (reader.text(f"{task}/schedstat") or "").split()
    if len(words) != 3 or not all(map(str.isdigit, words)) or words[2] == "0":
        return None
    return int(words[1])
