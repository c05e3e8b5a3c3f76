"""What goes in comes out, in one place, for good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from anyruns import runs
from handmade import CONV, layer, network, plain, run, same
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge.errors import AugurError, UsageError
from augur_edge.store import RunRecord, Store, new_run_id


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "new" / "folders" / "store.db") as opened:
        yield opened


def in_steps(store: Store, record: RunRecord) -> None:
    """Store a run as the measuring loop does."""
    store.start_run(replace(record, status="running", verdict=None, finished_unix_ns=None, networks=[]))
    for net in record.networks:
        store.put_network(record.id, net)
        for m in net.measurements:
            store.save(record.id, net.index, [m])
    store.finish_run(record.id, record.status, record.verdict)


def sorted_parts(record: RunRecord) -> RunRecord:
    """The order in which the store gives measurements back."""
    nets = [
        replace(n, measurements=sorted(n.measurements, key=lambda m: (m.kind, m.mode, m.position)))
        for n in record.networks
    ]
    return replace(record, networks=nets)


def test_a_run_measured_step_by_step_is_there_in_whole(store: Store) -> None:
    in_steps(store, run())
    found = store.load(run().id)
    assert found.finished_unix_ns is not None
    assert found.finished_unix_ns > run().created_unix_ns
    assert same(replace(found, finished_unix_ns=run().finished_unix_ns), sorted_parts(run()))
    assert store.check() == 6


@settings(max_examples=30, deadline=None)
@given(st.lists(runs(), max_size=3, unique_by=lambda r: r.id))
def test_any_runs_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, records: list[RunRecord]) -> None:
    path = tmp_path_factory.mktemp("store") / "store.db"
    with Store(path) as store:
        for record in records:
            assert store.add_run(record)
    with Store(path, create=False) as store:
        for record in records:
            assert plain(store.load(record.id)) == plain(record)
        newest_first = sorted(records, key=lambda r: (r.created_unix_ns, r.id), reverse=True)
        assert [r.id for r in store.runs()] == [r.id for r in newest_first]
        assert store.check() == sum(len(n.measurements) for r in records for n in r.networks)


def test_samples_keep_their_type_and_order(store: Store) -> None:
    values = np.array([3, -1, 2**62, 0], np.int64)
    m = replace(layer(0, "a", 1000), samples_ns=values[::-1])
    store.add_run(run(networks=[network(measurements=[m])]))
    found = store.load(run().id).networks[0].measurements[0].samples_ns
    assert found.dtype == np.int64
    assert found.flags.writeable
    assert found.tolist() == [0, 2**62, -1, 3]


def test_a_later_measurement_takes_the_place_of_an_earlier_one(store: Store) -> None:
    store.start_run(run(status="running", networks=[]))
    store.put_network(run().id, network(measurements=[]))
    store.save(run().id, 0, [replace(layer(0, "conv", 1000), status="partial"), layer(1, "conv2", 500)])
    store.save(run().id, 0, [layer(0, "conv", 2000, reason="longer")])
    store.save(run().id, 0, [layer(0, "conv", 3000, mode="isolated")])
    found = store.load(run().id).networks[0].measurements
    assert [(m.mode, m.position, m.status, np.median(m.samples_ns)) for m in found] == [
        ("isolated", 0, "ok", 3000),
        ("replay", 0, "ok", 2000),
        ("replay", 1, "ok", 500),
    ]
    assert found[1].reason == "longer"


def test_a_network_can_get_new_facts(store: Store) -> None:
    store.start_run(run(status="running", networks=[]))
    store.put_network(run().id, network(measurements=[], info={}))
    store.save(run().id, 0, [layer(0, "conv", 1000)])
    store.put_network(run().id, network(measurements=[], info={"load_ns": 5}))
    (net,) = store.load(run().id).networks
    assert (net.info, len(net.measurements)) == ({"load_ns": 5}, 1)


def test_equal_layers_are_kept_once(store: Store) -> None:
    store.add_run(run())
    store.add_run(run("00000000000000b2"))
    assert store._db.read("SELECT count(*) FROM spec") == [(2,)]
    plan = store._db.read("EXPLAIN QUERY PLAN SELECT * FROM measurement WHERE spec = 1")
    assert "measurement_by_spec" in str(plan)


def test_saves_of_one_call_stand_or_fall_together(store: Store) -> None:
    store.start_run(run(status="running", networks=[]))
    store.put_network(run().id, network(measurements=[]))
    bad = replace(layer(1, "b", 1000), energy={"median": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        store.save(run().id, 0, [layer(0, "a", 1000), bad])
    assert store.load(run().id).networks[0].measurements == []


@pytest.mark.parametrize("status", ["done", "failed"])
def test_a_closed_run_never_changes(store: Store, status: str) -> None:
    store.add_run(run(status=status))
    before = plain(store.load(run().id))
    for change in (
        lambda: store.save(run().id, 0, [layer(0, "x", 1)]),
        lambda: store.put_network(run().id, network(info={})),
        lambda: store.start_run(run(status="running")),
        lambda: store.finish_run(run().id, "done", None),
    ):
        with pytest.raises(UsageError, match=f"is {status} and cannot change"):
            change()
    assert store.add_run(run(device="other")) is False
    assert plain(store.load(run().id)) == before


def test_finishing_adds_to_the_context(store: Store) -> None:
    store.start_run(run(status="running", networks=[], verdict=None, context={"before": 1, "t": 20}))
    store.finish_run(run().id, "done", {"steady": False, "reasons": ["drift"]}, {"t": 30, "after": 2})
    found = store.load(run().id)
    assert found.context == {"before": 1, "t": 30, "after": 2}
    assert (found.status, found.verdict) == ("done", {"steady": False, "reasons": ["drift"]})


def test_unknown_runs_and_networks(store: Store) -> None:
    for call in (
        lambda: store.load("abc"),
        lambda: store.save("abc", 0, []),
        lambda: store.put_network("abc", network()),
        lambda: store.finish_run("abc", "done", None),
    ):
        with pytest.raises(UsageError, match="no run 'abc'"):
            call()


def test_an_interrupted_run_goes_on(store: Store) -> None:
    store.start_run(run(status="running", networks=[]))
    store.put_network(run().id, network(measurements=[]))
    store.save(run().id, 0, [layer(0, "a", 1000)])
    store.finish_run(run().id, "interrupted", None)
    assert [r.id for r in store.interrupted()] == [run().id]
    store.start_run(run(status="interrupted", networks=[], context={"second": True}))
    assert store.load(run().id).status == "running"
    store.save(run().id, 0, [layer(1, "b", 1000)])
    store.finish_run(run().id, "done", None)
    found = store.load(run().id)
    assert found.context == {"second": True}
    assert [m.name for m in found.networks[0].measurements] == ["a", "b"]
    assert store.interrupted() == []


def test_a_run_of_a_dead_process_can_be_resumed_and_of_a_living_one_not(store: Store) -> None:
    store.start_run(run(status="running", networks=[]))
    assert store.interrupted() == []
    assert store.runs()[0].status == "running"
    boot, _, start = store._db.read("SELECT owner FROM run")[0][0].split(" ")
    store._db.write("UPDATE run SET owner = ?", (f"{boot} 1 {int(start) + 10**9}",))
    assert [r.id for r in store.interrupted()] == [run().id]
    assert [store.runs()[0].status, store.load(run().id).status] == ["interrupted"] * 2
    store.start_run(run(status="running", networks=[]))
    init = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]
    store._db.write("UPDATE run SET owner = ?", (f"{boot} 1 {init}",))
    assert store.interrupted() == []
    with pytest.raises(UsageError, match="another process"):
        store.start_run(run(status="running", networks=[]))


def test_a_run_still_running_elsewhere_is_interrupted_here(store: Store) -> None:
    store.add_run(run(status="running"))
    assert store.load(run().id).status == "interrupted"


def test_runs_are_named_by_last_id_or_prefix(store: Store) -> None:
    with pytest.raises(UsageError, match="no runs yet"):
        store.resolve("last")
    for run_id, created in (("00aa000000000001", 3), ("00ab000000000002", 9), ("0c00000000000003", 5)):
        store.add_run(run(run_id, created_unix_ns=created))
    assert store.resolve("last") == "00ab000000000002"
    assert store.resolve("0c") == "0c00000000000003"
    assert store.resolve("00AB") == "00ab000000000002"
    assert store.resolve("00aa000000000001") == "00aa000000000001"
    with pytest.raises(UsageError, match="2 runs begin with '00a': 00ab000000000002, 00aa000000000001; write more"):
        store.resolve("00a")
    for unknown in ("", "ff", "%", "0c00000000000003f"):
        with pytest.raises(UsageError, match="the last ones are 00ab000000000002, 0c00000000000003, 00aa0"):
            store.resolve(unknown)
    assert [r.id for r in store.runs(limit=1)] == ["00ab000000000002"]
    assert [n.measurements for n in store.runs(limit=1)[0].networks] == [[]]


def test_a_block_of_runs_stands_or_falls_together(store: Store) -> None:
    def both() -> None:
        with store.transaction():
            store.add_run(run())
            raise AugurError("stop")

    with pytest.raises(AugurError, match="stop"):
        both()
    assert store.runs() == []


def test_ids_are_hex_unique_and_sorted_by_time() -> None:
    ids = [new_run_id() for _ in range(2000)]
    assert len(set(ids)) == len(ids)
    assert all(len(i) == 16 and int(i, 16) for i in ids)
    assert [i[:13] for i in ids] == sorted(i[:13] for i in ids)


def test_a_layer_spelt_in_two_ways_stays_intact(store: Store) -> None:
    first, second = (replace(CONV, attrs=(("alpha", alpha),)) for alpha in (1, 1.0))
    assert (first.digest, first.packed == second.packed) == (second.digest, False)
    for number, spec in enumerate((first, second)):
        store.add_run(run(f"{number:016x}", networks=[network(measurements=[layer(0, "conv", 1000, spec=spec)])]))
    store.start_run(run("00000000000000ff", status="running", networks=[]))
    store.put_network("00000000000000ff", network(measurements=[]))
    store.save("00000000000000ff", 0, [layer(0, "conv", 1000, spec=second), layer(1, "conv", 1000, spec=first)])
    assert store.check() == 4
