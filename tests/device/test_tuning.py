"""Tuning changes what it says, keeps how it was first, and everything comes back, also after a kill."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from pathlib import Path

import handtree
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge.device import journal, tuning
from augur_edge.device.journal import Journal, Setting
from augur_edge.device.reading import Reader
from augur_edge.errors import AugurError, DataError, UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return handtree.board(tmp_path / "board")


def tuned(root: Path, **options: object) -> tuning.Outcome:
    settings = tuning.changes(tuning.plan(Reader(root), **options))  # type: ignore[arg-type]
    return tuning.apply(root, journal.default_path(root), settings)


def governors(root: Path) -> list[str]:
    return [handtree.contents(root)[f"{handtree.CPUFREQ.format(cpu)}/scaling_governor"] for cpu in range(4)]


def test_tuning_fixes_governor_and_clock_and_reset_puts_all_back(root: Path) -> None:
    before = handtree.contents(root)
    tuned(root)
    now = handtree.contents(root)
    assert governors(root) == ["performance"] * 4
    assert now[f"{handtree.CPUFREQ.format(2)}/scaling_min_freq"] == "1500000"
    assert now["proc/irq/24/smp_affinity_list"] == "0-3"
    assert tuning.changes(tuning.plan(Reader(root))) == [], "nothing is left to change"
    tuning.reset(root, journal.default_path(root))
    assert handtree.contents(root) == before


def test_only_the_processors_named_are_set_and_interrupts_leave_them(root: Path) -> None:
    tuned(root, cpus=[2, 3], mhz=1000)
    now = handtree.contents(root)
    assert governors(root) == ["ondemand", "ondemand", "performance", "performance"]
    assert [now[f"{handtree.CPUFREQ.format(3)}/scaling_{end}_freq"] for end in ("min", "max")] == ["1000000"] * 2
    assert (now["proc/irq/24/smp_affinity_list"], now["proc/irq/25/smp_affinity_list"]) == ("0,1", "0")


def test_processors_that_share_a_clock_are_set_once(root: Path) -> None:
    shared = root / handtree.CPUFREQ.format(1)
    subprocess.run(["rm", "-r", shared], check=True)
    shared.symlink_to(root / handtree.CPUFREQ.format(0))
    assert not any("cpu1" in s.path for s in tuning.plan(Reader(root)))


def test_tuning_twice_still_goes_back_to_the_beginning(root: Path) -> None:
    before = handtree.contents(root)
    tuned(root)
    tuned(root, governor="powersave", mhz=600, cpus=[1])
    assert governors(root) == ["performance", "powersave", "performance", "performance"]
    tuning.reset(root, journal.default_path(root))
    assert handtree.contents(root) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"governor": "performence"}, "did you mean performance"),
        ({"governor": "zzz"}, "cpu0 has ondemand, powersave, performance, schedutil$"),
        ({"mhz": 1400}, "near it are 600, 1000, 1500"),
        ({"cpus": [1, 7]}, "--affinity 7: there are processors 0 to 3 here"),
    ],
)
def test_what_there_is_none_of_is_refused_with_the_nearest(root: Path, options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        tuning.plan(Reader(root), **options)  # type: ignore[arg-type]


def test_what_was_is_on_the_disk_before_the_first_change(root: Path) -> None:
    path, seen = journal.default_path(root), []

    def write(target: Path, value: str) -> None:
        kept = journal.read(path)
        assert kept is not None
        seen.append({s.path: s.before for s in kept.settings})
        target.write_text(value)

    before = handtree.contents(root)
    settings = tuning.changes(tuning.plan(Reader(root)))
    tuning.apply(root, path, settings, write)
    assert len(seen) == len(settings) == 8
    assert all(kept == {s.path: before[s.path] for s in settings} for kept in seen)


_KILLED = """
import os, signal, sys
from pathlib import Path
from augur_edge.device import journal, tuning
from augur_edge.device.reading import Reader
root, left, verb = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
def write(path, value):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    path.write_text(value)
path = journal.default_path(root)
if verb == "tune":
    tuning.apply(root, path, tuning.changes(tuning.plan(Reader(root))), write)
else:
    tuning.reset(root, path, write)
"""


@pytest.mark.parametrize("verb", ["tune", "reset"])
def test_a_kill_at_any_change_leaves_all_to_be_put_back(root: Path, verb: str) -> None:
    before = handtree.contents(root)
    for left in random.Random(0).sample(range(8), 3):
        if verb == "reset":
            tuned(root)
        done = subprocess.run([sys.executable, "-c", _KILLED, str(root), str(left), verb], check=False)
        assert done.returncode == -9
        tuning.reset(root, journal.default_path(root))
        assert handtree.contents(root) == before, f"killed after {left} changes"


def test_a_refused_change_is_told_tried_twice_and_the_rest_goes_on(root: Path) -> None:
    tries: list[Path] = []

    def write(target: Path, value: str) -> None:
        if "cpu1" in target.parts:
            tries.append(target)
            raise PermissionError(errno.EACCES, "Permission denied")
        target.write_text(value)

    path = journal.default_path(root)
    outcome = tuning.apply(root, path, tuning.changes(tuning.plan(Reader(root))), write)
    assert set(outcome.refused) == {f"{handtree.CPUFREQ.format(1)}/scaling_{end}" for end in ("governor", "min_freq")}
    assert len(tries) == 4
    assert governors(root) == ["performance", "ondemand", "performance", "performance"]


def test_a_range_the_kernel_refuses_one_way_round_goes_the_other(root: Path) -> None:
    """As the kernel does, no lowest clock above the highest is taken; both ends move all the same, there and back."""

    def write(target: Path, value: str) -> None:
        ends = {end: int((target.parent / f"scaling_{end}_freq").read_text()) for end in ("min", "max")}
        ends.update({end: int(value) for end in ends if target.name == f"scaling_{end}_freq"})
        if ends["min"] > ends["max"]:
            raise OSError(errno.EINVAL, "Invalid argument")
        target.write_text(value)

    path, before = journal.default_path(root), handtree.contents(root)
    for mhz in (600, 1500, 1000):
        outcome = tuning.apply(root, path, tuning.changes(tuning.plan(Reader(root), mhz=mhz)), write)
        assert outcome.refused == {}
        assert handtree.contents(root)[f"{handtree.CPUFREQ.format(0)}/scaling_max_freq"] == f"{mhz}000"
    assert tuning.reset(root, path, write).refused == {}
    assert handtree.contents(root) == before


def test_a_file_that_is_gone_by_then_is_told(root: Path) -> None:
    tuned(root)
    subprocess.run(["rm", "-r", root / handtree.CPUFREQ.format(3)], check=True)
    outcome = tuning.reset(root, journal.default_path(root))
    assert sorted(outcome.gone) == [f"{handtree.CPUFREQ.format(3)}/scaling_{end}" for end in ("governor", "min_freq")]
    assert outcome.refused == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a journal"),
        ("[1]", "not a JSON object"),
        ("{}", "begins with schema None"),
        ('{"schema": "augur-edge/tuned/2"}', "upgrade augur-edge"),
        ('{"schema": "augur-edge/tuned/1"}', "missing or unknown"),
    ],
)
def test_a_malformed_journal_is_refused_in_one_line(root: Path, text: str, words: str) -> None:
    path = journal.default_path(root)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        tuning.reset(root, path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(DataError):
        tuned(root)
    assert governors(root) == ["ondemand"] * 4, "nothing was changed"


@pytest.mark.parametrize(
    "setting",
    [
        Setting("etc/passwd", "x", "y"),
        Setting("sys/devices/system/cpu/cpu0/cpufreq/../../../../../../etc/passwd", "x", "y"),
        Setting(f"{handtree.CPUFREQ.format(0)}/scaling_governor", "a\nb", "y"),
    ],
)
def test_a_journal_cannot_name_other_files_or_strange_values(tmp_path: Path, setting: Setting) -> None:
    path = tmp_path / "tuned.json"
    journal.write(path, Journal(1, None, None, (), None, (setting,)))
    with pytest.raises(DataError):
        journal.read(path)


def test_where_the_journal_cannot_be_written_nothing_is_changed(root: Path) -> None:
    path = journal.default_path(root)
    path.parent.parent.mkdir(parents=True)
    path.parent.write_text("a file where the folder should be")
    with pytest.raises(AugurError, match="nothing was changed"):
        tuned(root)
    assert governors(root) == ["ondemand"] * 4


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["powersave", "schedutil", "x-1"])), max_size=8),
    st.none() | st.text("0123456789", min_size=1, max_size=3),
)
def test_a_journal_reads_as_it_was_written(entries: list[tuple[int, str]], mode: str | None) -> None:
    settings = tuple(
        Setting(f"{handtree.CPUFREQ.format(cpu)}/scaling_governor", old, "performance") for cpu, old in entries
    )
    written = Journal(7, "boot", "board", ("clocks",), mode, settings)
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"augur-edge-test-{os.getpid()}" / "tuned.json"
    journal.write(path, written)
    try:
        assert journal.read(path) == written
    finally:
        journal.remove(path)
        path.parent.rmdir()
