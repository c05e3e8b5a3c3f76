"""Tables, as CSV and Parquet: they keep every measurement, and a bad row is named."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anyruns import runs
from handmade import CONV, csv_of, layer, network, run
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from augur_edge.errors import DataError, MissingExtraError
from augur_edge.store import RunRecord
from augur_edge.store.flat import COLUMNS, flat_rows, write_parquet
from augur_edge.store.flat_read import read_csv


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


def test_samples_beyond_the_csv_modules_limit(tmp_path: Path) -> None:
    m = replace(layer(0, "a", 1000), samples_ns=np.full(100_000, 1_000_000))
    path = tmp_path / "long.csv"
    path.write_text(csv_of(run(networks=[network(measurements=[m])])))
    assert len(read_csv(path)[0].networks[0].measurements[0].samples_ns) == 100_000


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
