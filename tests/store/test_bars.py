"""Pictures for a terminal: lengths say what figures say, nothing is too wide, ASCII where there is no more."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from anyruns import runs
from handmade import layer, network, run, whole
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge.store import RunRecord, Store, measure_document
from augur_edge.store.bars import MOST_BARS, bars_text, ratios_text, sparkline, steadiness_text
from augur_edge.store.comparison import compare_runs


def document(**fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = measure_document(run(networks=[network(**fields)]))["networks"][0]
    return found


def test_bars_are_sorted_and_as_long_as_their_share() -> None:
    lines = bars_text(document(), 60).splitlines()
    assert [line.split()[0] for line in lines] == ["body.conv", "stem.conv", "pool"]
    assert [line.split()[-1] for line in lines] == ["57.1%", "28.6%", "14.3%"]
    full = lines[0].count("█")
    assert full > 20
    assert [line.count("█") for line in lines[1:]] == [full // 2, full // 4]
    assert len({len(line) for line in lines}) == 1


def test_the_rest_is_one_bar_and_shares_are_of_all() -> None:
    many = [layer(i, f"l{i}", 1_000 * (i + 1)) for i in range(40)]
    lines = bars_text(document(measurements=many), 80).splitlines()
    assert len(lines) == MOST_BARS + 1
    assert lines[-1].startswith("28 others")
    assert "others" not in bars_text(document(measurements=many[: MOST_BARS + 1]), 80), "one more has room for itself"
    assert sum(float(line.split()[-1][:-1]) for line in lines) == pytest.approx(100, abs=0.7)


def test_nothing_measured_draws_nothing() -> None:
    assert bars_text(document(measurements=[layer(0, "a", None)]), 80) == ""
    assert steadiness_text(network(measurements=[layer(0, "a", 5)]), 80) == ""


def test_a_run_that_becomes_slower_rises() -> None:
    assert sparkline(list(range(8)), 20) == "▁▂▃▄▅▆▇█"
    assert sparkline([5.0] * 9, 4) == "▄▄▄▄"
    assert sparkline([1, 1, 1, 1, 9, 9], 3) == "▁▁█"
    slower = whole(1_000_000)
    slower.samples_ns.sort()
    line = steadiness_text(network(measurements=[slower]), 100)
    assert line.startswith("whole, 21 samples in time  ▁▁") and "██  990.0 us to 1.010 ms, median 1.000 ms" in line


def compared(*ratios: float) -> dict[str, Any]:
    a = run(
        "00aa000000000001", networks=[network(measurements=[layer(i, f"l{i}", 100_000) for i in range(len(ratios))])]
    )
    after = [layer(i, f"l{i}", round(100_000 * r)) for i, r in enumerate(ratios)]
    found: dict[str, Any] = compare_runs(a, run("00ab000000000002", networks=[network(measurements=after)]), 0.01)
    return found["networks"][0]


def test_what_became_faster_stands_to_the_left() -> None:
    head, *lines = ratios_text(compared(2.0, 1.0, 0.5, 1.25), 70).splitlines()
    assert [line.split()[0] for line in lines] == ["l0", "l2", "l3"], "by the time it makes; l1 does not differ"
    middle = head.index("│")
    assert head.index("faster") < middle < head.index("slower")
    slower, faster, little = (line.partition("│") for line in lines)
    assert slower[0].strip() == "l0" and little[0].strip() == "l3" and "█" not in faster[2]
    assert faster[0].count("█") == slower[2].count("█") > 3 * little[2].count("█") - 3 > 0
    assert slower[2].endswith("x2.00 +100.0 us") and faster[2].endswith("x0.50 -50.00 us")
    assert ratios_text(compared(1.0, 1.0), 70) == ""


def test_what_takes_no_time_any_more_has_the_longest_bar() -> None:
    _, gone, half = ratios_text(compared(0.0, 0.5), 70).splitlines()
    assert gone.startswith("l0") and gone.endswith("x0.00 -100.0 us")
    assert gone.count("█") > 5 * half.count("█") > 0


@given(runs(), st.integers(45, 200))
@settings(max_examples=40)
def test_no_line_is_wider_than_the_terminal(record: RunRecord, width: int) -> None:
    for found, kept in zip(measure_document(record)["networks"], record.networks):
        for text in (bars_text(found, width), steadiness_text(kept, width)):
            assert max(map(len, text.splitlines()), default=0) <= width


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    slower = network(measurements=[layer(0, "stem.conv", 12_000), layer(1, "Überfaltung", 20_000), whole(33_000)])
    with Store(tmp_path / "s.db") as store:
        store.add_run(run("00aa000000000001", created_unix_ns=1))
        store.add_run(run("00ab000000000002", created_unix_ns=2, networks=[slower]))
    return [sys.executable, "-m", "augur_edge", "show", "--store", str(tmp_path / "s.db")]


def on_a_terminal(words: list[str], **env: str) -> str:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(words, stdout=theirs, stderr=theirs, env={**os.environ, "COLUMNS": "80", **env})
    os.close(theirs)
    parts = []
    try:
        while data := os.read(ours, 65536):
            parts.append(data)
    except OSError:  # what Linux says when the other end is closed
        pass
    os.close(ours)
    assert process.wait(60) == 0
    return b"".join(parts).decode()


def test_drawn_on_a_terminal_and_not_into_a_pipe(words: list[str]) -> None:
    assert "█" in on_a_terminal(words)
    assert "█" not in on_a_terminal(words, AUGUR_EDGE_CHARTS="never")
    piped = [subprocess.run([*words, *more], capture_output=True, text=True, check=True).stdout
             for more in ([], ["--charts", "always"])]  # fmt: skip
    assert "█" not in piped[0] and "█" in piped[1]
    assert piped[1].startswith(piped[0].partition("verdict:")[0].rstrip()), "pictures are added, nothing is changed"


def test_ascii_where_the_terminal_has_no_more(words: list[str]) -> None:
    shown = on_a_terminal(words, LC_ALL="C")
    assert shown.isascii()
    assert "########" in shown and "+-" in shown and "\\xdcberfaltung" in shown
    older = on_a_terminal([*words[:4], "last~1", *words[4:]], LC_ALL="C")
    rows = [line for line in older.splitlines() if "####" in line]
    assert len(rows) == 3 and len({len(line) for line in rows}) == 1
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    piped = subprocess.run([*words[:4], "last~1", *words[4:]], capture_output=True, env=env, check=True).stdout
    assert b"+-" in piped
    assert subprocess.run(words, capture_output=True, env=env, check=False).returncode == 1, "a name is no decoration"
