"""Warm up until the trend is gone: caches, clocks and lazy initialisation settle at their own pace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from augur_edge import timing
from augur_edge.measure.settings import WARMUP_MAX_NS, WARMUP_TREND
from augur_edge.runtime.base import Task

BATCH = 3


def warm_up(tasks: Sequence[Task], most_ns: int = WARMUP_MAX_NS) -> list[int]:
    """Run passes over `tasks` until two batches in a row agree with the one before; returns ns of every pass run.

    most_ns: give up on a trend that does not end.
    """
    passes_ns: list[int] = []
    medians: list[float] = []
    while sum(passes_ns) < most_ns:
        out = np.zeros(BATCH * len(tasks), np.int64)
        timing.replay(tasks, out)
        batch = out.reshape(BATCH, len(tasks)).sum(axis=1)
        passes_ns.extend(int(ns) for ns in batch)
        medians.append(float(np.median(batch)))
        if len(medians) >= 3 and all(_close(medians[-k], medians[-k - 1]) for k in (1, 2)):
            break
    return passes_ns


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= WARMUP_TREND * b
