"""A process that makes files, or lines on a pipe, show a power that is known at every moment.

python waveform.py SPEC: a JSON object with low_mw and high_mw; half_ms, after which one follows the other; outputs,
each a path with a format of its fields: mw, ma (at 5 V), uw, ua, counter (uJ since the start, from `counter_from`,
modulo `counter_range`), us (the time); and log, where what was shown when is written at the end (SIGTERM): a busy
machine may keep this process waiting, but what it has shown is known all the same. Formats are of fixed width, so that
a file is never seen half written.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path


def main() -> None:
    spec = json.loads(sys.argv[1])
    low, high, half_ns = spec["low_mw"], spec["high_mw"], spec["half_ms"] * 1_000_000
    files = [(os.open(o["path"], os.O_WRONLY), o["format"], o.get("stream", False)) for o in spec["outputs"]]
    start_ns = time.monotonic_ns()
    shown: list[tuple[int, int]] = []
    ends: list[int] = []
    with contextlib.suppress(OSError):  # where it may, it goes before other work: a millisecond late is a wrong power
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))
    signal.signal(signal.SIGTERM, lambda number, frame: ends.append(number))
    while os.getppid() == spec["parent"] and not ends:
        now_ns = time.monotonic_ns() - start_ns
        phase, within = divmod(now_ns, half_ns)
        mw = high if phase % 2 else low
        full, odd = divmod(phase, 2)
        spent_uj = (full * (low + high) + odd * low) * half_ns // 1_000_000 + within * mw // 1_000_000
        counter = (spec.get("counter_from", 0) + spent_uj) % spec.get("counter_range", 1 << 60)
        fields = {"mw": mw, "ma": mw // 5, "uw": mw * 1000, "ua": mw * 200, "counter": counter}
        fields["us"] = (start_ns + now_ns) // 1000
        for file, text, stream in files:
            data = (text % fields).encode()
            if stream:
                os.write(file, data)
            else:
                os.pwrite(file, data, 0)
        if not shown or shown[-1][1] != mw:
            shown.append((time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW), mw))
        rest_ns = min(500_000, half_ns - within)
        time.sleep(rest_ns / 1e9)
    Path(spec["log"]).write_text(json.dumps(shown))


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, FileNotFoundError):
        sys.exit(0)
