"""Disturbances are noticed, named and kept out of the samples; what does not end makes the guard give up.

Boards are trees of files that a writer process changes while the fake runtime is measured; the neighbour is real. Where
it is allowed the measuring runs at real-time priority, so that only the neighbour, above it, is a disturbance, and not
whatever else this machine does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import handtree
import numpy as np
import pytest
from fakes import deployment

from augur_edge import timing
from augur_edge.device import conditions
from augur_edge.errors import DeviceNotReadyError
from augur_edge.measure.guard import OTHERS, Guard, Limits, Unguarded
from augur_edge.measure.network import NetworkRun
from augur_edge.measure.process import FIFO_LEVEL, REAL_TIME, prepared
from augur_edge.measure.settings import Settings
from augur_edge.store.records import Measurement

pytestmark = pytest.mark.quiet

US = 1000
LAYERS = ({"durations_ns": [2000 * US]}, {"durations_ns": [500 * US]})
# never precise enough, so that it measures for the whole of the time
SETTINGS = Settings("replay", 1e-9, 0.7)


@pytest.fixture
def cpu() -> Iterator[int]:
    """The last processor, this process on it, at real-time priority where allowed."""
    last = timing.get_affinity()[-1]
    with prepared([last], "fifo", False, 1):
        yield last


def real_time() -> bool:
    return os.sched_getscheduler(0) == os.SCHED_FIFO


def guard_of(root: Path = Path("/"), max_temp_c: float | None = None, wait_s: float = 20.0) -> Guard:
    return Guard(Limits(max_temp_c, wait_s), root=root, cores=4, real_time=real_time())


def measured(
    guard: Unguarded, settings: Settings = SETTINGS, begun: Callable[[], None] = lambda: None
) -> dict[tuple[str, str, int], Measurement]:
    """begun: called once the device is warm and the first pass is taken."""
    last = {}
    for measurements in NetworkRun(deployment(*LAYERS), settings, guard=guard).rounds():
        begun()
        last.update({(m.kind, m.mode, m.position): m for m in measurements})
    return last


def medians_ns(found: dict[tuple[str, str, int], Measurement]) -> dict[tuple[str, str, int], float]:
    return {key: float(np.median(m.samples_ns)) / m.loops for key, m in found.items() if m.kind != "floor"}


TRUE_NS = {
    ("whole", "replay", -1): 2500 * US,
    **{("layer", mode, i): ns * US for mode in ("replay", "isolated") for i, ns in enumerate((2000, 500))},
}


def assert_true(found: dict[tuple[str, str, int], Measurement]) -> None:
    assert medians_ns(found) == pytest.approx(TRUE_NS, rel=0.03)


def codes(guard: Guard) -> set[str]:
    return {seen["code"] for seen in guard.to_dict()["disturbances"]}


@pytest.mark.parametrize(
    ("path", "bad", "good", "code", "words"),
    [
        (handtree.COOLING, "2", "0", "throttled", "cpufreq-cpu0 is at state 2"),
        (handtree.CLOCK, "600000", "1500000", "clock", "the clock went from 1500 to 600 MHz"),
        (f"{handtree.CPUFREQ}/scaling_max_freq", "1000000", "1500000", "clock", "from 1500 to 1000 MHz"),
        (f"{handtree.CPUFREQ}/scaling_governor", "powersave", "ondemand", "governor", "from ondemand to powersave"),
        (handtree.TEMP, "81000", "50000", "hot", "cpu-thermal is at 81.0 C, above 70 C"),
    ],
)
def test_an_injected_disturbance_is_named_repeated_and_over(
    tmp_path: Path, cpu: int, path: str, bad: str, good: str, code: str, words: str
) -> None:
    root = handtree.board(tmp_path, cpus=cpu + 1)
    guard, where = guard_of(root, max_temp_c=70), path.format(cpu)
    guard.ready()
    with handtree.writer(root, (0.1, where, bad), (0.4, where, good)) as go:
        found = measured(guard, begun=go)
    done = guard.to_dict()
    (seen,) = [d for d in done["disturbances"] if d["code"] == code]
    assert words in seen["text"]
    assert 1 <= seen["n"] <= done["repeated"] < done["passes"]
    assert 0.2 < done["lost_s"] < 10
    assert_true(found)


def test_a_board_that_does_not_change_is_no_disturbance(tmp_path: Path, cpu: int) -> None:
    """What others on this machine do may be one all the same."""
    guard = guard_of(handtree.board(tmp_path, cpus=cpu + 1), max_temp_c=70)
    guard.ready()
    assert_true(measured(guard))
    assert codes(guard) <= set(OTHERS)


@pytest.mark.parametrize("sees", ["the kernel's count", "its own time"])
def test_a_busy_neighbour_is_named_and_kept_out(tmp_path: Path, cpu: int, sees: str) -> None:
    """On the same processor for part of the run; `its own time` is all that a phone shows."""
    root = Path("/") if sees == "the kernel's count" else handtree.board(tmp_path, cpus=cpu + 1)
    if conditions(root).wait_ns is None and sees == "the kernel's count":
        pytest.skip("this kernel does not count waiting (/proc/self/schedstat)")
    guard = guard_of(root)
    guard.ready()
    with handtree.neighbour(cpu, 0.1, 0.5, FIFO_LEVEL + 5 if real_time() else 0) as go:
        found = measured(guard, begun=go)
    assert "neighbour" in codes(guard), guard.to_dict()
    assert_true(found)


def test_without_a_guard_the_neighbour_is_in_the_samples(cpu: int) -> None:
    """The test above can fail."""
    with handtree.neighbour(cpu, 0.0, 30.0, FIFO_LEVEL + 5 if real_time() else 0) as go:
        go()
        found = measured(Unguarded(), Settings("replay", 1e-9, 1.0, isolated=False))
    whole = found["whole", "replay", -1].samples_ns
    assert float(np.mean(whole)) > 1.2 * TRUE_NS["whole", "replay", -1]


def test_what_was_left_out_does_not_count_in_the_verdict(cpu: int) -> None:
    guard = guard_of()
    before = conditions()
    if before.wait_ns is None:
        pytest.skip("this kernel does not count waiting (/proc/self/schedstat)")
    with handtree.neighbour(cpu, 0.1, 0.5, FIFO_LEVEL + 5 if real_time() else 0) as go:
        measured(guard, begun=go)
    after, moved = conditions(), guard.since(before)
    assert moved.wait_ns is not None and before.wait_ns is not None and after.wait_ns is not None
    waited, kept = after.wait_ns - before.wait_ns, after.wait_ns - moved.wait_ns
    assert waited > 3e7
    assert kept < 0.3 * waited


def test_a_temperature_that_never_falls_ends_the_waiting(tmp_path: Path) -> None:
    root = handtree.board(tmp_path)
    handtree.put(root / handtree.TEMP, "65000\n")
    start = time.monotonic()
    with pytest.raises(
        DeviceNotReadyError, match=r"cpu-thermal is at 65.0 C, above 60 C.*within 1 s: cool.*--no-guard"
    ):
        guard_of(root, max_temp_c=60, wait_s=1.0).ready()
    assert 1.0 <= time.monotonic() - start < 3.0


def test_a_device_that_cools_is_waited_for(tmp_path: Path, cpu: int, capsys: pytest.CaptureFixture[str]) -> None:
    root = handtree.board(tmp_path)
    handtree.put(root / handtree.TEMP, "65000\n")
    with handtree.writer(root, (0.6, handtree.TEMP, "58000")) as go:
        go()
        guard_of(root, max_temp_c=60).ready()
    assert "waiting: cpu-thermal is at 65.0 C, above 60 C; 20 s left" in capsys.readouterr().err


def test_a_clock_that_stays_lower_ends_the_measuring(tmp_path: Path, cpu: int) -> None:
    root = handtree.board(tmp_path, cpus=cpu + 1)
    guard = guard_of(root, wait_s=0.8)
    limit = f"{handtree.CPUFREQ}/scaling_max_freq".format(cpu)
    with (
        handtree.writer(root, (0.1, limit, "1000000")) as go,
        pytest.raises(DeviceNotReadyError, match=r"from 1500 to 1000 MHz.*system tune"),
    ):
        measured(guard, begun=go)


def test_a_limit_without_a_sensor_is_refused(tmp_path: Path) -> None:
    root = handtree.board(tmp_path)
    (root / handtree.TEMP).unlink()
    with pytest.raises(DeviceNotReadyError, match=r"--max-temp 60: none of the 1 thermal zones.*without --max-temp"):
        guard_of(root, max_temp_c=60).ready()


@pytest.mark.parametrize("limit", [None, 70.0])
def test_a_sensor_that_vanishes_is_told_and_a_limit_on_it_ends_the_run(
    tmp_path: Path, cpu: int, limit: float | None, capsys: pytest.CaptureFixture[str]
) -> None:
    root = handtree.board(tmp_path, cpus=cpu + 1)
    guard = guard_of(root, max_temp_c=limit)
    with handtree.writer(root, (0.1, handtree.TEMP, "")) as go:
        if limit is None:
            assert_true(measured(guard, begun=go))
            assert "temperatures can no longer be read" in capsys.readouterr().err
            assert list(guard.to_dict()["not_watched"]) == ["temperatures"]
        else:
            with pytest.raises(DeviceNotReadyError, match=r"--max-temp 70 cannot be held"):
                measured(guard, begun=go)


def test_only_real_time_is_real_time() -> None:
    with prepared(None, "normal", False, 1) as granted:
        assert (granted["priority"] in REAL_TIME) == (os.sched_getscheduler(0) in {os.SCHED_FIFO, os.SCHED_RR})
