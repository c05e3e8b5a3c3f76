"""Measurements as a flat table, one row each: CSV for spreadsheets, Parquet for data frames.

Times are ns of one call; samples_ns are whole blocks of `loops` calls. In CSV, lists of names and objects are JSON
and samples are separated by blanks. Of runs, networks and their context a table holds only what names them.
"""

from __future__ import annotations

import csv
import importlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from augur_edge.errors import MissingExtraError
from augur_edge.stats import Summary, summarise
from augur_edge.store.files import write_whole
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord
from augur_edge.store.rows import pack

COLUMNS = {
    "run": "string", "created_unix_ns": "int64", "device": "string",
    "network_index": "int64", "network": "string", "runtime": "string", "network_mode": "string",
    "kind": "string", "mode": "string", "position": "int64", "name": "string", "op": "string", "count": "int64",
    "nodes": "list", "status": "string", "reason": "string",
    "median_ns": "float64", "mad_ns": "float64", "p90_ns": "float64", "p99_ns": "float64",
    "ci95_low_ns": "float64", "ci95_high_ns": "float64", "n": "int64", "outliers": "int64", "loops": "int64",
    "macs": "int64", "energy": "string", "spec": "string", "samples_ns": "list",
}  # fmt: skip


def flat_rows(run: RunRecord) -> Iterator[dict[str, Any]]:
    """One row for each measurement of a run, keyed as COLUMNS; what is unknown is None."""
    for network in run.networks:
        for m in network.measurements:
            yield {**_place(run, network), **_row(m)}


def _place(run: RunRecord, network: NetworkRecord) -> dict[str, Any]:
    return {
        "run": run.id,
        "created_unix_ns": run.created_unix_ns,
        "device": run.device,
        "network_index": network.index,
        "network": network.name,
        "runtime": network.runtime,
        "network_mode": network.mode,
    }


def _row(m: Measurement) -> dict[str, Any]:
    own = ("kind", "mode", "position", "name", "op", "count", "status", "reason", "loops")
    return {
        **{name: getattr(m, name) for name in own},
        **_figures(summarise(m.samples_ns, m.loops) if len(m.samples_ns) else None),
        "nodes": list(m.nodes),
        "n": len(m.samples_ns),
        "macs": None if m.spec is None else m.spec.macs,
        "energy": None if m.energy is None else pack(m.energy),
        "spec": None if m.spec is None else m.spec.packed,
        "samples_ns": m.samples_ns.tolist(),
    }


def _figures(summary: Summary | None) -> dict[str, Any]:
    names = ("median_ns", "mad_ns", "p90_ns", "p99_ns", "ci95_low_ns", "ci95_high_ns", "outliers")
    if summary is None:
        return dict.fromkeys(names)
    low, high = summary.ci95 or (None, None)
    return dict(zip(names, (summary.median, summary.mad, summary.p90, summary.p99, low, high, summary.n_outliers)))


def write_csv(runs: Iterable[RunRecord], stream: TextIO) -> None:
    """A line of column names, then one for each measurement of each run."""
    # Quoting all text keeps a name with a carriage return in one row; the csv module alone would tear it.
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    for run in runs:
        for row in flat_rows(run):
            writer.writerow({**row, "nodes": pack(row["nodes"]), "samples_ns": " ".join(map(str, row["samples_ns"]))})


def write_parquet(runs: Iterable[RunRecord], path: Path, without: Sequence[str] = ()) -> None:
    """A Parquet file with a row group for each run, of all columns but those in `without`.

    Raises MissingExtraError where pyarrow is not installed.
    """
    try:
        pyarrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as err:
        raise MissingExtraError("Parquet needs pyarrow; pip install 'augur-edge[parquet]'") from err
    lists = {"nodes": pyarrow.list_(pyarrow.string()), "samples_ns": pyarrow.list_(pyarrow.int64())}
    kinds = {name: lists.get(name, kind) for name, kind in COLUMNS.items() if name not in without}
    columns = pyarrow.schema(list(kinds.items()))

    def write(temporary: Path) -> None:
        with parquet.ParquetWriter(temporary, columns) as writer:
            for run in runs:
                writer.write_table(pyarrow.Table.from_pylist(list(flat_rows(run)), columns))

    write_whole(path, write)
