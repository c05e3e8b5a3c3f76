from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest

from augur_edge import console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def talkative() -> Iterator[None]:
    console.set_quiet(False)
    yield
    console.set_quiet(False)


def test_talk_and_warnings_go_to_stderr_and_quiet_keeps_the_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    console.talk("one")
    console.set_quiet(True)
    console.talk("two")
    console.warn("three")
    assert capsys.readouterr() == ("", "one\nwarning: three\n")


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert console.paint("x", "red", Terminal()) == "\x1b[31mx\x1b[0m"
    assert console.paint("x", "red", io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert console.paint("x", "red", Terminal()) == "x"


def test_a_table_aligns_words_left_and_numbers_right() -> None:
    text = console.table(["layer", "us"], [["conv1", "7.25"], ["a", "112.00"]])
    assert text.splitlines() == ["layer      us", "conv1    7.25", "a      112.00"]


def test_a_table_without_rows_is_its_header() -> None:
    assert console.table(["a", "b"], []) == "a  b"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (75, "1 min 15 s"), (7500, "2 h 5 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert console.duration_text(seconds) == text


def progress(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, step_s: float) -> str:
    """What 10 updates, `step_s` apart, write to `stream` where tqdm is not installed."""
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with console.Progress(10, "measuring", "layers") as bar:
        for done in range(1, 11):
            now[0] += step_s
            bar.update(done, f"layer {done}")
    return stream.getvalue()


def test_on_a_terminal_a_line_every_few_seconds_tells_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = progress(monkeypatch, Terminal(), 1.0).splitlines()
    assert lines[0] == "measuring: 30 % of 10 layers, 7 s left (layer 3)"
    assert len(lines) == 3


def test_elsewhere_lines_are_sparse(monkeypatch: pytest.MonkeyPatch) -> None:
    assert progress(monkeypatch, io.StringIO(), 1.0) == ""
    assert len(progress(monkeypatch, io.StringIO(), 10.0).splitlines()) == 3


def test_quiet_has_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    console.set_quiet(True)
    assert progress(monkeypatch, Terminal(), 60.0) == ""


def test_a_bar_on_a_terminal_starts_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    tqdm = pytest.importorskip("tqdm", reason="tqdm is optional")
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    threads = threading.active_count()
    with console.Progress(10, "measuring", "layers") as bar:
        bar.update(10, "last")
        assert threading.active_count() == threads
    assert "measuring" in stream.getvalue() and tqdm.tqdm.monitor_interval == 0
