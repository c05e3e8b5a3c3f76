"""JSON Lines: runs lose nothing on the way, and a bad line is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anyruns import runs
from handmade import lines_of, plain, run
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge.errors import DataError
from augur_edge.store import RunRecord, Store, measure_document
from augur_edge.store.lines import read_lines


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
