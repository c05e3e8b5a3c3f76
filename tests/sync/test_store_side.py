"""The store's part: what is sent is noted, what comes in is joined in any order, older stores are upgraded."""

from __future__ import annotations

import sqlite3
from itertools import permutations
from pathlib import Path

import pytest
from anyruns import runs as any_runs
from handmade import CONV, POOL, layer, lines_of, network, plain, run
from helpers import content, filled
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge.store import RunRecord, Store, sql
from augur_edge.store.intake import ConflictError, Intake, of_layer
from augur_edge.store.ledger import Ledger
from augur_edge.store.lines import Records


def in_order(record: RunRecord) -> dict[str, object]:
    """A run as the store gives it back."""
    for part in record.networks:
        part.measurements.sort(key=lambda m: (m.kind, m.mode, m.position))
    return plain(record)


def take(store: Store, *records: RunRecord) -> Intake:
    intake = Intake(store)
    with store.transaction():
        intake.begin()
        for record in Records((line.encode() for line in lines_of(*records).splitlines(True)), "batch"):
            intake.take(record)
        intake.flush()
    return intake


@settings(max_examples=25, deadline=None)
@given(records=st.lists(any_runs(), min_size=1, max_size=3, unique_by=lambda r: r.id))
def test_what_comes_in_is_what_went_out(tmp_path_factory: pytest.TempPathFactory, records: list[RunRecord]) -> None:
    with Store(tmp_path_factory.mktemp("any") / "host.db") as host:
        take(host, *records)
        take(host, *records)
        assert content(host) == {record.id: plain(record) for record in records}
        host.check()


def snapshots() -> list[RunRecord]:
    """One run at three times: interrupted, interrupted later, done."""
    first = [layer(0, "a", 1000, status="partial"), layer(1, "b", 1000)]
    second = [layer(0, "a", 1000), layer(1, "b", 1000), layer(2, "c", 1000)]
    second[0].samples_ns = second[0].samples_ns.repeat(2)
    common = {"verdict": None, "finished_unix_ns": None, "status": "interrupted"}
    return [
        run(networks=[network(measurements=first)], **common),
        run(networks=[network(measurements=second)], **common),
        run(networks=[network(measurements=[*second, layer(3, "d", 1000)])]),
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_snapshots_of_a_run_come_in_any_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    with Store(tmp_path / "host.db") as host:
        for i in order:
            take(host, snapshots()[i])
        assert content(host) == {run().id: plain(snapshots()[2])}
        host.check()


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0, 1)])
def test_of_two_interrupted_ones_the_longer_stays(tmp_path: Path, order: tuple[int, ...]) -> None:
    with Store(tmp_path / "host.db") as host:
        for i in order:
            take(host, snapshots()[i])
        assert content(host) == {run().id: plain(snapshots()[1])}
        host.check()


@pytest.mark.parametrize("other", [{"plan": {"precision": 0.5}}, {"device": "board-2"}, {"status": "failed"}])
def test_another_run_of_the_same_id_is_refused(tmp_path: Path, other: dict[str, object]) -> None:
    with Store(tmp_path / "host.db") as host:
        take(host, run())
        with pytest.raises(ConflictError, match="two devices share one id"):
            take(host, run(**other))
        assert content(host) == {run().id: in_order(run())}


def test_equal_layers_in_two_spellings(tmp_path: Path) -> None:
    """1 and 1.0 are one layer; whichever text is stored, the rows' digests hold."""
    specs = [CONV.from_dict({**CONV.to_dict(), "attrs": {"alpha": value}}) for value in (1, 1.0, True)]
    with Store(tmp_path / "host.db") as host:
        for number, spec in enumerate(specs):
            take(host, run(f"{number:016x}", networks=[network(measurements=[layer(0, "a", 1000, spec=spec)])]))
        assert host.check() == 3


def test_a_devices_rows_for_one_layer(tmp_path: Path) -> None:
    with filled(tmp_path / "s.db", 2, "board-1", 3) as store:
        filled(tmp_path / "s.db", 1, "board-2", 3).close()
        assert len(of_layer(store, "board-1", CONV)) == 6
        assert len(of_layer(store, "board-2", CONV)) == 3
        assert of_layer(store, "board-1", POOL) == []
        plan = store._db.read(f"EXPLAIN QUERY PLAN {sql.OF_LAYER}", (CONV.digest, "board-1"))
        assert not [step for step in plan if str(step[3]).startswith("SCAN")]


def test_a_run_is_unsent_until_it_is_acknowledged_as_it_is_now(tmp_path: Path) -> None:
    with filled(tmp_path / "s.db", 2) as store:
        ledger = Ledger(store)
        (one, two) = ledger.unsent("host:x")
        ledger.offer("host:x", "batch", [one])
        assert [u.run for u in ledger.unsent("host:x")] == [one.run, two.run]
        assert ledger.offered("host:x") == ["batch"]
        ledger.acknowledge("host:x", "batch")
        assert [u.run for u in ledger.unsent("host:x")] == [two.run]
        assert len(ledger.unsent("host:y")) == 2


def test_an_interrupted_run_that_goes_on_is_sent_again(tmp_path: Path) -> None:
    first, second, done = snapshots()
    with Store(tmp_path / "s.db") as store:
        store.add_run(first)
        ledger = Ledger(store)
        ledger.offer("h", "b1", ledger.unsent("h"))
        ledger.acknowledge("h", "b1")
        assert ledger.unsent("h") == []
        store.start_run(run(status="running", networks=[]))
        assert ledger.unsent("h") == []  # it is being measured
        store.save(first.id, 0, second.networks[0].measurements)
        store.finish_run(first.id, "interrupted", None)
        ledger.offer("h", "b2", ledger.unsent("h"))
        ledger.acknowledge("h", "b2")
        assert ledger.unsent("h") == []
        store.start_run(run(status="running", networks=[]))
        store.finish_run(first.id, "done", done.verdict)
        assert [u.final for u in ledger.unsent("h")] == [True]


@pytest.fixture
def old_store(tmp_path: Path) -> Path:
    """A store of version 1 with a run in it."""
    path = tmp_path / "old.db"
    with sqlite3.connect(path, isolation_level=None) as db:
        db.executescript(sql.TABLES)
        db.execute(f"PRAGMA application_id = {sql.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql, "VERSION", 1)
        with Store(path) as store:
            store.add_run(run())
    return path


def test_an_old_store_is_brought_up_to_date(old_store: Path, tmp_path: Path) -> None:
    with Store(old_store) as store, Store(tmp_path / "new.db") as new:
        assert content(store) == {run().id: in_order(run())}
        assert [u.run for u in Ledger(store).unsent("h")] == [run().id]
        query = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
        assert store._db.read(query) == new._db.read(query)
        assert store._db.read("PRAGMA user_version") == [(sql.VERSION,)]
        assert len(Ledger(store).origin) == 16
        assert Ledger(store).origin != Ledger(new).origin
    with Store(old_store) as store:
        store.check()


def test_an_old_store_that_cannot_be_written_is_read_as_it_is(old_store: Path) -> None:
    with sqlite3.connect(old_store) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    with pytest.MonkeyPatch.context() as patch:
        # as in a folder that is read-only, which root could write to all the same
        patch.setattr("augur_edge.store.database.Database._attach", read_only)
        with Store(old_store) as store:
            assert content(store) == {run().id: in_order(run())}
            assert store._db.read("PRAGMA user_version") == [(1,)]


def read_only(database: object, mode: str) -> bool:
    path = database.path  # type: ignore[attr-defined]
    database._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)  # type: ignore[attr-defined]
    return False
