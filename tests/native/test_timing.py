"""The timing core: one set of tests for the native module and its Python twin, which is the oracle."""

from __future__ import annotations

import os
import threading
import time
from types import ModuleType

import numpy as np
import pytest

from augur_edge import _timing_py
from augur_edge.timing import native

pytestmark = pytest.mark.quiet

MODULES = [pytest.param(_timing_py, id="python")]
if native is not None:
    MODULES.append(pytest.param(native, id="native"))
both = pytest.mark.parametrize("timing", MODULES)


@both
def test_now_is_in_nanoseconds_and_never_goes_back(timing: ModuleType) -> None:
    start, wall = timing.now_ns(), time.monotonic_ns()
    time.sleep(0.05)
    assert timing.now_ns() - start == pytest.approx(time.monotonic_ns() - wall, rel=0.02)
    readings = [timing.now_ns() for _ in range(1000)]
    assert readings == sorted(readings)


@both
def test_the_clock_says_what_a_reading_costs(timing: ModuleType) -> None:
    facts = timing.clock()
    assert facts["native"] is (timing is not _timing_py)
    assert 0 < facts["overhead_ns"] < 20_000
    assert 1 <= facts["resolution_ns"] < 1_000_000


@both
@pytest.mark.parametrize("loops", [1, 7])
def test_a_block_takes_its_calls_known_durations(timing: ModuleType, loops: int) -> None:
    out = np.zeros(40, np.int64)
    timing.time_blocks(timing.SpinTask([200_000]), loops, out)
    assert out.min() >= 200_000 * loops
    assert np.median(out) == pytest.approx(200_000 * loops, rel=0.05)


@both
def test_replay_gives_each_call_its_own_time(timing: ModuleType) -> None:
    tasks = [timing.SpinTask([100_000]), timing.SpinTask([300_000, 500_000])]
    out = np.zeros(20, np.int64)
    start = timing.now_ns()
    timing.replay(tasks, out)
    elapsed = timing.now_ns() - start
    passes = out.reshape(10, 2)
    assert np.median(passes[:, 0]) == pytest.approx(100_000, rel=0.1)
    assert np.median(passes[::2, 1]) == pytest.approx(300_000, rel=0.1)
    assert np.median(passes[1::2, 1]) == pytest.approx(500_000, rel=0.1)
    assert out.sum() == pytest.approx(elapsed, rel=0.02), "a pass has no gaps between its calls"


@both
def test_calls_are_counted_exactly(timing: ModuleType) -> None:
    calls: list[int] = []
    task = timing.CallTask(lambda: calls.append(1))
    timing.time_blocks(task, 3, np.zeros(5, np.int64))
    timing.replay([task, task], np.zeros(8, np.int64))
    task.run()
    assert len(calls) == 15 + 8 + 1


@both
@pytest.mark.parametrize(
    "out",
    [
        np.zeros(4, np.int32),
        np.zeros((2, 2), np.int64),
        np.zeros(8, np.int64)[::2],
        np.zeros(4, np.float64),
        bytes(32),
    ],
    ids=["int32", "2d", "strided", "float", "read-only"],
)
def test_only_a_writable_int64_vector_is_filled(timing: ModuleType, out: object) -> None:
    with pytest.raises((TypeError, BufferError)):
        timing.time_blocks(timing.SpinTask([1]), 1, out)


@both
def test_bad_arguments_are_refused(timing: ModuleType) -> None:
    with pytest.raises(ValueError, match="loops"):
        timing.time_blocks(timing.SpinTask([1]), 0, np.zeros(1, np.int64))
    with pytest.raises(ValueError, match="durations_ns"):
        timing.SpinTask([])
    with pytest.raises(ValueError, match="passes"):
        timing.replay([timing.SpinTask([1])] * 2, np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="passes"):
        timing.replay([], np.zeros(3, np.int64))


@both
def test_an_exception_inside_a_call_comes_out(timing: ModuleType) -> None:
    def fail() -> None:
        raise KeyError("inside")

    task = timing.CallTask(fail)
    for attempt in (
        lambda: timing.time_blocks(task, 1, np.zeros(1, np.int64)),
        lambda: timing.replay([task], np.zeros(1, np.int64)),
        task.run,
    ):
        with pytest.raises(KeyError, match="inside"):
            attempt()


@pytest.mark.skipif(native is None, reason="the native timing module is not built")
def test_the_native_loop_lets_other_threads_run() -> None:
    assert native is not None
    seen: list[int] = []
    stop = threading.Event()

    def count() -> None:
        while not stop.is_set():
            seen.append(1)
            time.sleep(0.001)

    other = threading.Thread(target=count)
    other.start()
    before = len(seen)
    native.time_blocks(native.SpinTask([100_000_000]), 1, np.zeros(2, np.int64))
    during = len(seen) - before
    stop.set()
    other.join()
    assert during > 20


@both
def test_pinning_is_done_or_refused_with_a_reason(timing: ModuleType) -> None:
    before = timing.get_affinity()
    assert before == sorted(os.sched_getaffinity(0))
    try:
        assert timing.pin_to([before[0]]) == ""
        assert timing.get_affinity() == [before[0]]
        assert timing.pin_to([4000]) != ""
        assert timing.pin_to([]) != ""
        assert timing.get_affinity() == [before[0]]
    finally:
        os.sched_setaffinity(0, before)


@both
def test_priority_and_memory_locks_are_granted_or_refused_with_a_reason(timing: ModuleType) -> None:
    reason = timing.set_fifo(10)
    granted = os.sched_getscheduler(0) == os.SCHED_FIFO
    assert granted == (reason == "")
    assert timing.set_fifo(0) == ""
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    assert timing.set_fifo(1000) != ""
    locked = timing.lock_memory(True)
    assert isinstance(locked, str)
    assert timing.lock_memory(False) == ""
