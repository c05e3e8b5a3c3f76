"""The network back to back for minutes: latency beside temperature and clock, to see what is left once it is hot.

Nothing is repeated or left out here: slowing down is what it is to show.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np

from augur_edge import timing
from augur_edge.device import Conditions
from augur_edge.measure.process import BUSY_S, Pacer
from augur_edge.runtime.base import Task
from augur_edge.stats import Array

MOST_POINTS = 600
LEAST_POINT_S = 1.0
LAST_SHARE = 0.2  # of the time: what `sustained` is the median of


def sustain(
    whole: Task, seconds: float, look: Callable[[], Conditions], cpus: Collection[int]
) -> Iterator[dict[str, Any]]:
    """Yields a point a second (600 at most): `at_s`, `latency_ns` (median), `passes`, `mc`, `mhz`.

    mc: of the hottest zone, in thousandths of a degree Celsius; mhz: of the fastest of `cpus`; None where unknown.
    """
    start_ns, pacer, at_s = timing.now_ns(), Pacer(), 0.0
    point_s = max(LEAST_POINT_S, seconds / MOST_POINTS)
    while at_s < seconds:
        samples = _point(whole, start_ns + int(min(at_s + point_s, seconds) * 1e9), pacer)
        at_s = (timing.now_ns() - start_ns) / 1e9
        now = look()
        yield {
            "at_s": round(at_s, 3),
            "latency_ns": float(np.median(samples)),
            "passes": len(samples),
            "mc": max((t.mc for t in now.temperatures), default=None),
            "mhz": max((c.mhz for c in now.clocks if c.mhz and (not cpus or c.cpu in cpus)), default=None),
        }


def _point(whole: Task, until_ns: int, pacer: Pacer) -> Array:
    """int64[n], n >= 1: passes until then."""
    parts: list[Array] = []
    n = 1
    while not parts or timing.now_ns() < until_ns:
        parts.append(np.zeros(n, np.int64))
        timing.replay([whole], parts[-1])
        n = max(1, int(BUSY_S * 1e9 / max(int(parts[-1].mean()), 1)))
        pacer.rest()
    return np.concatenate(parts)


def summary(points: list[dict[str, Any]], seconds: float, first_ns: float) -> dict[str, Any]:
    """What is kept and printed. first_ns: the network as measured before; `change` is of `sustained_ns` from that.

    points: at least one. `sustained_ns` is the median of the points of the last fifth of the time; `seconds` what was
    asked for, the last point tells how far it came.
    """
    since_s = points[-1]["at_s"] * (1 - LAST_SHARE)
    last = [p["latency_ns"] for p in points if p["at_s"] >= since_s]
    sustained_ns = float(np.median(last))
    return {
        "seconds": seconds,
        "first_ns": first_ns,
        "sustained_ns": sustained_ns,
        "change": sustained_ns / first_ns - 1,
        "points": points,
    }
