"""Files in and out: lines lose nothing, tables keep every measurement, and a bad line is named."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anyruns import runs
from handmade import CONV, POOL, layer, network, plain, run, whole
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from augur_edge.errors import AugurError, DataError, MissingExtraError, UsageError
from augur_edge.models.augur_csv import read_augur_rows
from augur_edge.store import RunRecord, Store, measure_document
from augur_edge.store.augur import augur_rows, run_of_augur
from augur_edge.store.files import text_output, write_whole
from augur_edge.store.flat import COLUMNS, flat_rows, write_csv, write_parquet
from augur_edge.store.flat_read import read_csv
from augur_edge.store.lines import read_lines, write_lines
from augur_edge.window import Window, conv2d

SHARED = Path(__file__).parents[3] / "shared" / "data" / "augur"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exchange")


def lines_of(*records: RunRecord) -> str:
    stream = io.StringIO()
    for record in records:
        write_lines(record, stream)
    return stream.getvalue()


def csv_of(*records: RunRecord) -> str:
    stream = io.StringIO()
    write_csv(records, stream)
    return stream.getvalue()


@settings(max_examples=30, deadline=None)
@given(st.lists(runs(), min_size=1, max_size=2, unique_by=lambda r: r.id))
def test_lines_lose_nothing_on_the_way_to_another_store(folder: Path, records: list[RunRecord]) -> None:
    path, here, there = folder / "runs.jsonl", folder / "here.db", folder / "there.db"
    for store_path in (here, there):
        store_path.unlink(missing_ok=True)
    with Store(here) as store:
        for record in records:
            store.add_run(record)
        path.write_text(lines_of(*[store.load(r.id) for r in records]), encoding="utf-8")
    with Store(here) as a, Store(there) as b:
        for record in read_lines(path):
            assert b.add_run(record)
        for record in records:
            assert plain(a.load(record.id)) == plain(b.load(record.id)) == plain(record)
            assert json.dumps(measure_document(a.load(record.id))) == json.dumps(measure_document(b.load(record.id)))


def changed(name: str, value: Any, at: int = 2) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    """Line `at` (from 0: run, network, measurements) with one field set."""

    def change(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**r, name: value} if i == at else r for i, r in enumerate(records)]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: [], "f.jsonl: empty"),
        (lambda r: r[1:], "f.jsonl:1: begins with schema None, not 'augur-edge/export/1'"),
        (lambda r: r[:-1], "f.jsonl: cut short: 1 records of run 00000000000000a1 are missing"),
        (lambda r: r[:4] + r, "f.jsonl: cut short: 4 records of run"),
        (lambda r: [*r, r[-1]], "f.jsonl:9: more records than the run's first line says"),
        (lambda r: [*r[:3], r[2], *r[4:]], "f.jsonl:4: a second layer at position 0 in mode replay"),
        (lambda r: [*r[:3], r[1], *r[4:]], "f.jsonl:4: a second network 0 in run"),
        (lambda r: [r[0], r[2], r[1], *r[3:]], "f.jsonl:2: a measurement before any network"),
        (
            changed("schema", "augur-edge/export/2", 0),
            "f.jsonl:1: written as augur-edge/export/2, this program reads up",
        ),
        (changed("schema", "augur-edge/measure/1", 0), "f.jsonl:1: begins with schema 'augur-edge/measure/1'"),
        (changed("id", "../etc", 0), "f.jsonl:1: id is '../etc', not 16 hex digits"),
        (changed("status", "fine", 0), "f.jsonl:1: status is 'fine', not one of running, done"),
        (changed("verdict", {"steady": True}, 0), "f.jsonl:1: the verdict is not an object"),
        (changed("created_unix_ns", 2**63, 0), "f.jsonl:1: created_unix_ns is 9223372036854775808, not a whole number"),
        (changed("info", {"load_ns": "fast"}, 1), "f.jsonl:2: load_ns is 'fast', not a number"),
        (changed("info", {"notes": "a note"}, 1), "f.jsonl:2: notes is not a list of texts"),
        (changed("index", -1, 1), "f.jsonl:2: index is -1, not a whole number from 0"),
        (changed("record", "other"), "f.jsonl:3: record is 'other', not one of run, network, measurement"),
        (changed("samples_ns", [1, 2.5]), "f.jsonl:3: samples_ns is not a list of whole numbers"),
        (changed("samples_ns", [2**63]), "f.jsonl:3: samples_ns is not a list of whole numbers"),
        (changed("loops", 0), "f.jsonl:3: loops is 0, not a whole number from 1"),
        (changed("loops", True), "f.jsonl:3: loops is True, not a whole number from 1"),
        (changed("kind", "layers"), "f.jsonl:3: kind is 'layers', not one of layer, whole, floor"),
        (changed("name", None), "f.jsonl:3: name is None, not text"),
        (changed("name", "\ud800"), "f.jsonl:3: name is '\\ud800', not valid Unicode"),
        (changed("nodes", ["a", 1]), "f.jsonl:3: nodes is not a list of texts"),
        (changed("energy", {"mean": 1}), "f.jsonl:3: median is None, not a number"),
        (changed("spec", {"op": "conv2d", "colour": 1}), "f.jsonl:3: the spec is not that of a layer: a layer has no"),
        (changed("spec", {"op": "dense", "inputs": [], "outputs": []}), "f.jsonl:3: the spec is not that of a layer"),
        (changed("spec", 7), "f.jsonl:3: the spec is not that of a layer"),
        (changed("spec", {"op": "x", "inputs": [[1.5]], "outputs": []}), "f.jsonl:3: the spec is not that of a layer"),
    ],
)
def test_a_wrong_line_is_named(
    tmp_path: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], message: str
) -> None:
    path = tmp_path / "f.jsonl"
    records = [json.loads(line) for line in lines_of(run()).splitlines()]
    path.write_text("".join(json.dumps(r) + "\n" for r in change(records)))
    with pytest.raises(DataError) as error:
        list(read_lines(path))
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=20), st.floats(0, 1), st.integers(0, 30))
@example(b"NaN", 0.5, 3)
@example(b"[" * 20, 0.0, 0)
@example(b"\xff", 0.5, 0)
def test_any_bytes_give_runs_or_one_line(folder: Path, junk: bytes, at: float, cut: int) -> None:
    for write, read in ((lines_of, read_lines), (csv_of, read_csv)):
        good = write(run()).encode()
        place = int(at * len(good))
        path = folder / "junk"
        path.write_bytes(good[:place] + junk + good[place + cut :])
        try:
            for record in read(path):
                json.dumps(measure_document(record), allow_nan=False)
        except DataError as error:
            assert len(str(error).splitlines()) == 1
            assert str(error).startswith(f"{path}:")


def test_deep_nesting_is_an_error_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "deep.jsonl"
    path.write_bytes(b'{"a":' + b"[" * 100_000)
    with pytest.raises(DataError, match="not a line of JSON"):
        list(read_lines(path))


def kept_by_tables(record: RunRecord) -> list[dict[str, Any]]:
    """What a table holds of a run: empty networks and empty reasons are not told from none."""
    return [
        {**vars(m), "samples_ns": m.samples_ns.tolist(), "reason": m.reason or None, "network": (n.index, n.name)}
        for n in record.networks
        for m in n.measurements
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(runs(), min_size=1, max_size=2, unique_by=lambda r: r.id))
def test_csv_keeps_every_measurement(folder: Path, records: list[RunRecord]) -> None:
    path = folder / "layers.csv"
    text = csv_of(*records)
    assume("\0" not in text or sys.version_info >= (3, 11))  # the csv module of older ones cannot read it
    path.write_bytes(text.encode())
    measured = [r for r in records if any(n.measurements for n in r.networks)]
    if not measured:
        with pytest.raises(DataError, match="no measurements"):
            read_csv(path)
        return
    found = read_csv(path)
    assert [r.id for r in found] == [r.id for r in measured]
    for a, b in zip(found, measured):
        assert kept_by_tables(a) == kept_by_tables(b)
        assert (a.created_unix_ns, a.device, a.status) == (b.created_unix_ns, b.device, "done")
        assert a.verdict is not None
        assert a.verdict["steady"] is False


def test_a_row_has_the_figures_of_one_call() -> None:
    m = layer(0, "a", 10_000, loops=10)
    (row,) = flat_rows(run(networks=[network(measurements=[m])]))
    assert set(row) == set(COLUMNS)
    assert (row["median_ns"], row["mad_ns"], row["n"], row["loops"], row["outliers"]) == (1000, 5, 21, 10, 0)
    assert (row["ci95_low_ns"], row["ci95_high_ns"]) == (995, 1005)
    assert (row["macs"], row["spec"][:20], len(row["samples_ns"])) == (CONV.macs, '{"activation":"relu"', 21)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"samples_ns"', "samples", "f.csv:1: no column 'samples_ns'"),
        ('"replay",0,"stem', '"replay",0.5,"stem', "f.csv:2: position is '0.5'"),
        ('"max_pool2d",1,', '"max_pool2d",0,', "f.csv:4: count is 0, not a whole number from 1"),
        ("00000000000000a1", "run-1", "f.csv:2: id is 'run-1', not 16 hex digits"),
        ('"replay",1,', '"replay",0,', "f.csv:3: a second layer at position 0 in mode replay"),
        ('"[""/pool""]"', "/pool", "f.csv:4: nodes is '/pool'"),
        ('"layer","replay",1', '"layer",1', "f.csv:3: not as many values as there are columns"),
        ('"layer","replay",1', '"layer","replay",,1', "f.csv:3: not as many values as there are columns"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "f.csv"
    text = csv_of(run())
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(DataError) as error:
        read_csv(path)
    assert message in str(error.value)


def test_a_missing_file_is_a_matter_of_usage(tmp_path: Path) -> None:
    for read in (read_csv, read_lines):
        with pytest.raises(UsageError, match="none: No such file"):
            list(read(tmp_path / "none"))


def test_parquet_holds_the_same_table(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    records = [run(), run("00000000000000b2", networks=[network(measurements=[layer(0, "x", None, spec=None)])])]
    write_parquet(records, tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table.column_names == list(COLUMNS)
    assert table.to_pylist() == [{name: row[name] for name in COLUMNS} for r in records for row in flat_rows(r)]


def test_parquet_names_the_extra_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'augur-edge\[parquet\]'"):
        write_parquet([run()], tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []


def test_augurs_cycles_and_picojoules_by_hand() -> None:
    measurements = [
        layer(0, "a", 10_000, energy={"median": 2.5}),
        layer(1, "b", 4_000, spec=conv2d((1, 8, 20, 10), 16, Window(3, 2, "same")), count=2),
        layer(2, "pool", 10, spec=POOL),
        layer(3, "dilated", 10, spec=conv2d((1, 8, 20, 10), 16, Window(3, dilation=2))),
        layer(4, "batch", 10, spec=conv2d((2, 8, 20, 10), 16, Window(3))),
        layer(5, "unknown", 10, spec=None),
        layer(6, "failed", None),
        layer(0, "a", 9_000, mode="isolated"),
        whole(30_000),
    ]
    rows, n_left_out = augur_rows(run(networks=[network(measurements=measurements)]), 500)
    assert n_left_out == 4
    assert [(r.latency_cycles, r.energy_pj) for r in rows] == [(5_000, 2.5e6), (2_000, None), (2_000, None)]
    assert rows[0].layer == conv2d((1, 64, 56, 56), 128, Window(3, 2, 1))
    assert rows[1].layer == conv2d((1, 8, 20, 10), 16, Window(3, 2, 1))


def test_augurs_file_becomes_a_run(tmp_path: Path) -> None:
    path = tmp_path / "profiled.csv"
    path.write_text(
        "kx,ifmx,ifmy,zin,zout,stridex,pad_x,group,latency,energy\n"
        "1,112,112,16,96,1,0,1,51177,14622282.768\n3,112,112,96,96,2,1,96,,\n"
    )
    record = run_of_augur(path, "npu", 500)
    (net,) = record.networks
    first, second = net.measurements
    assert (net.name, net.mode, record.device, record.context) == (
        "profiled", "imported", "npu", {"imported_from": "profiled.csv", "clock_mhz": 500},
    )  # fmt: skip
    assert (first.samples_ns.tolist(), first.energy) == ([102_354], {"median": 14.622282768})
    assert (second.status, second.reason, len(second.samples_ns)) == ("failed", "the file has no latency for it", 0)
    assert record.id == run_of_augur(path, "npu", 500).id
    assert len({record.id, run_of_augur(path, "npu", 400).id, run_of_augur(path, "gpu", 500).id}) == 3
    with Store(tmp_path / "store.db") as store:
        assert store.add_run(record)
        assert not store.add_run(run_of_augur(path, "npu", 500))
        assert augur_rows(store.load(record.id), 500)[0] == read_augur_rows(path)[:1]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the evaluation data are not here")
def test_published_files_survive_the_way_through_the_store(tmp_path: Path) -> None:
    for path in sorted(SHARED.glob("*_convnets/*.csv"))[::20]:
        with Store(tmp_path / f"{path.stem}.db") as store:
            record = run_of_augur(path, "augur", 500)
            store.add_run(record)
            rows, n_left_out = augur_rows(store.load(record.id), 500)
        known = read_augur_rows(path)
        assert n_left_out == 0
        assert [r.layer for r in rows] == [r.layer for r in known]
        assert [r.latency_cycles for r in rows] == [r.latency_cycles for r in known]
        assert [r.energy_pj for r in rows] == pytest.approx([r.energy_pj for r in known])


def test_an_output_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    with pytest.raises(AugurError, match="stop"), text_output(path) as stream:
        stream.write("half")
        raise AugurError("stop")
    assert [p.read_text() for p in (path, link)] == ["before", "before"]
    with text_output(link) as stream:
        stream.write("naïve\n")
        stream.flush()
        assert path.read_text() == "before"
    assert path.read_text(encoding="utf-8") == "naïve\n"
    assert link.is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.csv", "out.csv"]


def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(AugurError, match="cannot be written: No such file"), text_output(tmp_path / "no" / "x"):
        pass
    with text_output(Path("/dev/null")) as stream:
        stream.write("gone")
    assert Path("/dev/null").is_char_device()

    def full(_: Path) -> None:
        with Path("/dev/full").open("w") as file:
            file.write("x")

    with pytest.raises(AugurError, match="cannot be written: No space left"):
        write_whole(tmp_path / "x", full)
    assert list(tmp_path.iterdir()) == []


def test_samples_beyond_the_csv_modules_limit(tmp_path: Path) -> None:
    m = replace(layer(0, "a", 1000), samples_ns=np.full(100_000, 1_000_000))
    path = tmp_path / "long.csv"
    path.write_text(csv_of(run(networks=[network(measurements=[m])])))
    assert len(read_csv(path)[0].networks[0].measurements[0].samples_ns) == 100_000
