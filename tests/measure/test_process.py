"""The measuring process is put back as it was, and what was refused is told."""

from __future__ import annotations

import os

import pytest

from augur_edge.errors import UsageError
from augur_edge.measure.process import prepared


def state() -> tuple[list[int], int]:
    return sorted(os.sched_getaffinity(0)), os.sched_getscheduler(0)


@pytest.mark.parametrize("priority", ["auto", "normal", "fifo"])
def test_affinity_and_priority_are_set_and_put_back(priority: str) -> None:
    before = state()
    with prepared(before[0][:1], priority, False, threads=1) as granted:
        assert sorted(os.sched_getaffinity(0)) == before[0][:1]
        assert (os.sched_getscheduler(0) == os.SCHED_FIFO) == (granted["priority"] == "fifo")
        if priority != "fifo":
            assert granted["priority"] == "normal", "one processor for one thread leaves none for the system"
        elif granted["priority"] == "normal":
            assert granted["refused"]["priority"]
    assert state() == before


def test_a_processor_that_is_not_there_is_refused() -> None:
    before = state()
    with pytest.raises(UsageError, match="--affinity 4000"), prepared([4000], "normal", False, 1):
        pass
    assert state() == before
