"""The sampler of small files: one set of tests for the native module and its Python twin."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_timing import both

pytestmark = pytest.mark.quiet

MS = 1_000_000


def taken(sampler: object, columns: int = 1) -> np.ndarray:
    return np.frombuffer(sampler.take(), np.int64).reshape(-1, 1 + columns)  # type: ignore[attr-defined]


@both
def test_values_come_with_times_of_their_own(timing: ModuleType, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("5\n")
    second.write_text(" -17 \n")
    sampler = timing.FileSampler([str(first), str(second)], MS, 10_000)
    start = timing.now_ns()
    sampler.start([])
    time.sleep(0.2)
    sampler.stop()
    took_ns = timing.now_ns() - start
    rows = taken(sampler, 2)
    assert (rows[:, 1:] == [5, -17]).all()
    assert start <= rows[0, 0] and rows[-1, 0] <= timing.now_ns()
    assert (np.diff(rows[:, 0]) > 0).all()
    assert 10 < len(rows) <= took_ns / MS + 2  # a sleep is at least as long as asked
    assert np.median(np.diff(rows[:, 0])) >= 0.5 * MS
    assert (sampler.lost, sampler.failures) == (0, [])
    assert len(taken(sampler, 2)) == 0, "taken is taken"


@both
def test_a_full_ring_keeps_the_newest_and_counts_the_lost(timing: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    sampler = timing.FileSampler([str(tmp_path / "a")], MS // 10, 7)
    sampler.start([])
    time.sleep(0.2)
    sampler.stop()
    end = timing.now_ns()
    rows = taken(sampler)
    assert len(rows) == 7 and sampler.lost > 0
    assert (np.diff(rows[:, 0]) > 0).all()
    assert end - rows[-1, 0] < 150 * MS


@both
def test_it_can_be_started_again_and_stopped_twice(timing: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    sampler = timing.FileSampler([str(tmp_path / "a")], MS, 100)
    for _ in range(2):
        sampler.start([])
        sampler.start([])
        time.sleep(0.03)
        sampler.stop()
        sampler.stop()
        assert len(taken(sampler)) > 0
    sampler.start([])  # and left running when it is forgotten


@both
def test_a_file_that_is_removed_gives_no_more_numbers(timing: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("1")
    sampler = timing.FileSampler([str(path)], MS, 10_000)
    sampler.start([])
    time.sleep(0.05)
    path.unlink()
    time.sleep(0.05)
    sampler.stop()
    values = taken(sampler)[:, 1]
    assert values[0] == 1 and values[-1] == timing.UNREADABLE
    assert [(file, code) for file, code, _ in sampler.failures] == [(0, errno.ENOENT)]


@both
def test_a_file_that_cannot_be_opened_is_named(timing: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    with pytest.raises(RuntimeError, match="none: No such file"):
        timing.FileSampler([str(tmp_path / "a"), str(tmp_path / "none")], MS, 10)


@both
@pytest.mark.parametrize("arguments", [([], MS, 1), (["/dev/null"], 0, 1), (["/dev/null"], MS, 0)])
def test_senseless_arguments_are_refused(timing: ModuleType, arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError):
        timing.FileSampler(*arguments)


def once(timing: ModuleType, path: Path) -> int:
    sampler = timing.FileSampler([str(path)], MS, 10)
    sampler.start([])
    rows = taken(sampler)
    while not len(rows):
        time.sleep(0.001)
        rows = taken(sampler)
    sampler.stop()
    return int(rows[0, 1])


@both
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.integers(-(10**17), 10**17).map(lambda n: f"{n}\n".encode()), st.binary(max_size=70)))
def test_what_is_no_number_is_unreadable(timing: ModuleType, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    text = content.rstrip(b"\n \0").lstrip(b" ")
    digits = text[1:] if text.startswith(b"-") else text
    fine = digits.isdigit() and len(digits) <= 18 and len(content) < 64
    assert once(timing, path) == (int(text) if fine else timing.UNREADABLE)


@both
def test_it_runs_where_it_is_told(timing: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = set(Path("/proc/self/task").iterdir())
    sampler = timing.FileSampler([str(tmp_path / "a")], MS, 1000)
    cpu = sorted(os.sched_getaffinity(0))[0]
    sampler.start([cpu])
    time.sleep(0.03)
    (thread,) = set(Path("/proc/self/task").iterdir()) - before
    assert os.sched_getaffinity(int(thread.name)) == {cpu}
    sampler.stop()
