"""Warming up ends when the trend is gone, and not before."""

from __future__ import annotations

from augur_edge import timing
from augur_edge.measure.warmup import BATCH, warm_up


def test_a_steady_task_warms_up_in_three_batches() -> None:
    assert len(warm_up([timing.SpinTask([200_000])])) <= 5 * BATCH


def test_a_task_that_gets_faster_is_run_until_it_no_longer_does() -> None:
    falling = [2_000_000 - 60_000 * i for i in range(30)]
    passes_ns = warm_up([timing.SpinTask(falling + [200_000] * 1000)])
    assert len(passes_ns) > 30
    assert passes_ns[-1] < 250_000
