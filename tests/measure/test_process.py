"""The measuring process is put back as it was, and what was refused is told."""

from __future__ import annotations

import os
import time

import pytest

from augur_edge.errors import UsageError
from augur_edge.measure.process import BUSY_S, Pacer, prepared

pytestmark = pytest.mark.quiet


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


@pytest.mark.parametrize(
    ("policy", "level"), [(os.SCHED_FIFO, 50), (os.SCHED_RR, 3), (os.SCHED_BATCH, 0), (os.SCHED_OTHER, 0)]
)
def test_a_process_begun_under_another_policy_goes_back_to_it(policy: int, level: int) -> None:
    before, before_level = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, policy, os.sched_param(level))
    except PermissionError:
        pytest.skip("real-time priority is not allowed here")
    try:
        with prepared(None, "fifo", False, 1) as granted:
            if granted["priority"] != "fifo":
                pytest.skip("real-time priority is not allowed here")
            assert os.sched_getscheduler(0) == os.SCHED_FIFO
        assert (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority) == (policy, level)
    finally:
        os.sched_setscheduler(0, before, before_level)


@pytest.mark.parametrize(("policy", "name"), [(os.SCHED_FIFO, "fifo"), (os.SCHED_RR, "rr"), (os.SCHED_BATCH, "batch")])
def test_what_it_was_begun_under_is_what_it_is_said_to_run_as(policy: int, name: str) -> None:
    before, before_level = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, policy, os.sched_param(os.sched_get_priority_min(policy)))
    except PermissionError:
        pytest.skip("real-time priority is not allowed here")
    try:
        with prepared(None, "normal", False, 1) as granted:
            assert granted["priority"] == name
    finally:
        os.sched_setscheduler(0, before, before_level)


def test_a_processor_that_is_not_there_is_refused() -> None:
    before = state()
    with pytest.raises(UsageError, match="--affinity 4000"), prepared([4000], "normal", False, 1):
        pass
    assert state() == before


@pytest.mark.parametrize("priority", ["normal", "fifo"])
def test_only_a_real_time_loop_rests_and_never_for_long(priority: str) -> None:
    with prepared(None, priority, False, 1) as granted:
        if granted["priority"] != priority:
            pytest.skip("real-time priority is not allowed here")
        pacer, start = Pacer(), time.monotonic()
        while time.monotonic() - start < BUSY_S:
            pass
        spent = time.process_time(), time.monotonic()
        pacer.rest()
        slept = time.monotonic() - spent[1] - (time.process_time() - spent[0])
    assert (slept > 0.05 * BUSY_S) == (priority == "fifo")
    assert slept < 0.05
