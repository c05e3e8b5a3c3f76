"""Batches that a second process reads: what comes of them is what comes of them read here."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from handmade import lines_of, run
from helpers import a_run, content
from test_hostile import batch, packed

from augur_edge.errors import AugurError
from augur_edge.store import Store
from augur_edge.sync import ahead
from augur_edge.sync.batch import records_of
from augur_edge.sync.ingest import batches_in, ingest


def fill(inbox: Path) -> None:
    """Good batches between one that contradicts another, one that breaks off, one from a newer program and no gzip."""
    inbox.mkdir()
    for number, device in enumerate(("board-1", "board-3", "board-8"), 1):
        one = a_run(number, device, n_layers=600)
        batch(inbox, packed(lines_of(one)), device=device, run=one.id)
    again = a_run(1, "board-1", n_layers=600)
    again.plan["precision"] = 0.5
    batch(inbox, packed(lines_of(again)), device="board-1", run=again.id)
    long = a_run(4, "board-2", n_layers=600)
    batch(inbox, packed(lines_of(long)[:-20]), device="board-2", run=long.id)
    batch(inbox, packed(lines_of(run()).replace("export/1", "export/2")), device="board-4", run=run().id)
    batch(inbox, b"\x1f\x8b\x08", device="board-5", run=run().id)


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second process even for so little."""
    monkeypatch.setattr(ahead, "_WORTH_IT", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 2)


def test_a_second_process_finds_what_one_finds(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    found = []
    for name in ("one", "two"):
        fill(tmp_path / name)
        with Store(tmp_path / f"{name}.db") as host:
            found.append((asdict(ingest(host, tmp_path / name)), content(host)))
            host.check()
        request.getfixturevalue("two")
    assert found[0] == found[1]
    done, runs = found[0]
    assert (done["batches"], len(done["bad"]), len(done["newer"]), len(runs)) == (3, 3, 1, 3)
    assert multiprocessing.active_children() == []


def test_a_reader_that_is_killed_leaves_the_store_as_it_was(
    two: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = a_run(1, "board-1", n_layers=1600)  # more than a pipe holds after the first block of it
    batch(tmp_path / "in", packed(lines_of(one)), device="board-1", run=one.id)
    unpacked = ahead._unpacked

    def kill(values: tuple[object, ...]) -> ahead.Columns:
        for child in multiprocessing.active_children():
            child.kill()
        return unpacked(values)

    monkeypatch.setattr(ahead, "_unpacked", kill)
    with Store(tmp_path / "host.db") as host:
        with pytest.raises(AugurError, match="the process that reads batches was killed"):
            ingest(host, tmp_path / "in")
        assert content(host) == {}
        monkeypatch.undo()
        assert ingest(host, tmp_path / "in").batches == 1


def test_a_batch_that_is_gone_holds_up_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "in")
    reader = ahead.reader

    def slow(paths: list[Path]) -> object:
        next(path for path in paths if path.name.startswith("board-3")).unlink()
        return reader(paths)

    monkeypatch.setattr("augur_edge.sync.ingest.reader", slow)
    with Store(tmp_path / "host.db") as host:
        done = ingest(host, tmp_path / "in")
        assert (done.batches, len(done.bad)) == (2, 3)


def test_a_batch_that_nobody_asks_for_is_not_taken_for_another(two: None, tmp_path: Path) -> None:
    fill(tmp_path / "in")
    first, second, *_ = (
        path for path, _ in batches_in(tmp_path / "in") if path.name.startswith(("board-3", "board-8"))
    )
    with ahead.reader([first, second]) as records:
        found = list(records(second))
    assert found == list(records_of(second))
    assert found != list(records_of(first))


@pytest.mark.parametrize("fixture", [None, "two"])
def test_a_batch_that_lies_there_twice_is_taken_in_once(
    tmp_path: Path, request: pytest.FixtureRequest, fixture: str | None
) -> None:
    if fixture:
        request.getfixturevalue(fixture)
    inbox = tmp_path / "in"
    for number in (1, 2):
        one = a_run(number, "board-1", n_layers=600)
        path = batch(inbox, packed(lines_of(one)), device="board-1", run=one.id)
        (inbox / "board-1").mkdir(exist_ok=True)
        shutil.copy(path, inbox / "board-1")
    with Store(tmp_path / "host.db") as host:
        done = ingest(host, inbox)
        assert (done.batches, done.seen, done.total.runs, done.total.known) == (2, 2, 2, 0)


def test_the_reader_ends_when_who_stores_is_killed(two: None, tmp_path: Path) -> None:
    one = a_run(1, "board-1", n_layers=1600)  # more than a pipe holds
    batch(tmp_path / "in", packed(lines_of(one)), device="board-1", run=one.id)
    seen, said = os.pipe()
    stores = os.fork()
    if not stores:
        with ahead.reader([path for path, _ in batches_in(tmp_path / "in")]):
            os.write(said, str(multiprocessing.active_children()[0].pid).encode())
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(said)
    os.waitpid(stores, 0)
    # its end of this pipe closes with the last process that has it, and that one ends by itself
    os.set_blocking(seen, False)
    left, deadline = os.read(seen, 20), time.monotonic() + 10
    try:
        while time.monotonic() < deadline:
            try:
                assert os.read(seen, 20) == b""
                return
            except BlockingIOError:
                time.sleep(0.05)
    finally:
        os.close(seen)
    os.kill(int(left), signal.SIGKILL)
    pytest.fail("the reader outlives the process that it reads for")
