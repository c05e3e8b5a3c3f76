"""JSON Lines: runs lose nothing on the way, and a bad line is named."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anyruns import runs
from handmade import lines_of, plain, run
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge.errors import DataError
from augur_edge.store import RunRecord, Store, checked, measure_document
from augur_edge.store.lines import read_lines
from augur_edge.store.quick import columns_in
from augur_edge.store.rows import columns_of, pack


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
        (changed("energy", {"median": 10**400}), "f.jsonl:3: median is 1000000000"),
        (changed("info", {"load_ns": -(10**400)}, 1), "f.jsonl:2: load_ns is -100000000"),
        (changed("energy", {"median": 1, "uncertainty": "5 %"}), "f.jsonl:3: uncertainty is '5 %', not a number"),
        (changed("info", {"energy_reasons": [1]}, 1), "f.jsonl:2: energy_reasons is [1], not an object"),
        (changed("info", {"energy_reasons": {"0": 1}}, 1), "f.jsonl:2: 0 is 1, not text"),
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


def test_deep_nesting_is_an_error_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "deep.jsonl"
    path.write_bytes(b'{"a":' + b"[" * 100_000)
    with pytest.raises(DataError, match="not a line of JSON"):
        list(read_lines(path))


def broken(line: bytes) -> st.SearchStrategy[bytes]:
    """A line with a few of its bytes changed, put in twice, or left out."""
    edits = st.lists(
        st.tuples(st.integers(0, len(line)), st.integers(0, 3), st.binary(max_size=3) | st.sampled_from(PIECES)),
        min_size=1,
        max_size=2,
    )

    def apply(changes: list[tuple[int, int, bytes]]) -> bytes:
        found = line
        for at, length, piece in changes:
            found = found[:at] + piece + found[at + length :]
        return found

    return edits.map(apply)


PIECES = [
    b'"',
    b",",
    b"-",
    b"0",
    b"1e9",
    b"NaN",
    b"{}",
    b"[]",
    b"null",
    b"\\u0061",
    b'","name":"',
    b"99999999999999999999",
]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_quick_reader_takes_only_what_the_general_one_takes_alike(data: st.DataObject) -> None:
    """Whole lines and broken ones: where the quick one gives an answer, it is the other's."""
    record = data.draw(runs().filter(lambda r: any(n.measurements for n in r.networks)))
    line = data.draw(st.sampled_from([x for x in lines_of(record).splitlines(True) if '"measurement"' in x])).encode()
    line = data.draw(st.just(line) | broken(line))
    quick = columns_in(line)
    if quick is None:
        return
    values = json.loads(line)
    assert (values["record"], line[-1:]) == ("measurement", b"\n")
    assert quick == columns_of(checked.measurement_of(values, ""))


def test_the_quick_reader_takes_the_lines_that_are_written() -> None:
    lines = lines_of(run()).encode().splitlines(True)
    assert [columns_in(line) is not None for line in lines] == [False, False] + [True] * 6
    values = {**json.loads(lines[2]), "energy": {"median": 1.5, "n": 3}}
    assert columns_in((pack(values) + "\n").encode()) == columns_of(checked.measurement_of(values, ""))


def test_the_quick_readers_time_grows_with_the_line_alone() -> None:
    line = lines_of(run()).encode().splitlines(True)[2]
    middle = line[line.index(b',"kind"') : line.index(b'"samples_ns"')]
    for begin, unit in (
        (b'{"count":1,"energy":', b'{"median":1}' + middle),
        (b"", b'"spec":{},"status":"ok"}'),
        (b"", b'{"a":{'),
    ):
        hostile = begin + unit * (60_000 // len(unit))
        start_s = time.process_time()
        assert columns_in(line[: line.index(b'{"activation')] + hostile) is None
        assert columns_in(hostile) is None
        assert time.process_time() - start_s < 0.5  # some 100 us; by the square of the length it were a minute
