"""CSV, as `flat.write_csv` writes it, back to runs; what a table cannot hold of them stays unknown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from augur_edge.errors import DataError
from augur_edge.store import checked
from augur_edge.store.files import opened
from augur_edge.store.lines import place_of, twice
from augur_edge.store.records import NetworkRecord, RunRecord

_WHOLE = ("created_unix_ns", "network_index", "position", "count", "loops")
_JSON = ("nodes", "energy", "spec")
_TEXT = ("run", "device", "network", "runtime", "network_mode", "kind", "mode", "name", "op", "status", "reason")
_NEEDED = (*_WHOLE, *_JSON, *_TEXT, "samples_ns")
_LONGEST_CELL = 1 << 28  # the csv module's own limit is 128 KiB, some 10 000 samples

FROM_ELSEWHERE = {"code": "imported", "text": "measured elsewhere: how steady the device was is not known"}


def read_csv(path: Path) -> list[RunRecord]:
    """The runs in a file, in its order; columns other than the needed ones (figures, macs) are not looked at.

    Raises DataError, with the line, and UsageError for a missing file.
    """
    return collect(((_typed(row, where), where) for row, where in _rows(path)), path.name)


def collect(rows: Iterable[tuple[dict[str, Any], str]], source: str) -> list[RunRecord]:
    """Runs from rows of a table, each with the words that name it. Raises DataError."""
    runs: dict[str, RunRecord] = {}
    places: set[tuple[Any, ...]] = set()
    for data, where in rows:
        run = runs.setdefault(data["run"], _run(data, source, where))
        network = _network(run, data, where)
        m, place = checked.measurement_of(data, where), (run.id, network.index)
        if (*place, place_of(m)) in places:
            raise DataError(f"{where}: {twice(m)}")
        places.add((*place, place_of(m)))
        network.measurements.append(m)
    if not runs:
        raise DataError(f"{source}: no measurements")
    return list(runs.values())


def from_plain(row: dict[str, Any], where: str) -> dict[str, Any]:
    """A row of Parquet as the values `checked` expects. Raises DataError where a column is missing."""
    missing = [name for name in _NEEDED if name not in row]
    if missing:
        raise DataError(f"{where}: no column {missing[0]!r}; a table of `export` has {', '.join(_NEEDED)}")
    data = {name: row[name] for name in _NEEDED}
    try:
        for name in ("energy", "spec"):
            data[name] = None if row[name] is None else json.loads(row[name])
    except (ValueError, TypeError, RecursionError) as err:
        raise DataError(f"{where}: {name} is {str(row[name])[:40]!r}: {err}") from err
    return data


def _rows(path: Path) -> Iterator[tuple[dict[str, str], str]]:
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        with opened(path) as file:
            reader = csv.DictReader(io.TextIOWrapper(file, "utf-8-sig", newline=""), restval=None)
            missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f"{path}:1: no column {missing[0]!r}; a table of `export` has {', '.join(_NEEDED)}")
            for row in reader:
                where = f"{path}:{reader.line_num}"
                if None in row or None in row.values():
                    raise DataError(f"{where}: not as many values as there are columns")
                yield row, where
    except (csv.Error, UnicodeDecodeError) as err:
        raise DataError(f"{path}: not a CSV file: {err}") from err
    finally:
        csv.field_size_limit(limit)


def _typed(row: dict[str, str], where: str) -> dict[str, Any]:
    """Cells as the values `checked` expects, empty ones as None."""
    data: dict[str, Any] = {name: row[name] for name in _TEXT}
    data["reason"] = row["reason"] or None
    name = ""
    try:
        for name in _WHOLE:
            data[name] = int(row[name])
        for name in _JSON:
            data[name] = json.loads(row[name]) if row[name] else None
        name = "samples_ns"
        data[name] = [int(value) for value in row[name].split()]
    except (ValueError, RecursionError) as err:
        raise DataError(f"{where}: {name} is {row[name][:40]!r}: {err}") from err
    return data


def _run(data: dict[str, Any], source: str, where: str) -> RunRecord:
    return checked.run_of(
        {
            "id": data["run"],
            "created_unix_ns": data["created_unix_ns"],
            "device": data["device"],
            "status": "done",
            "context": {"imported_from": source},
            "plan": {},
            "verdict": {"steady": False, "reasons": [FROM_ELSEWHERE]},
        },
        where,
    )


def _network(run: RunRecord, data: dict[str, Any], where: str) -> NetworkRecord:
    for network in run.networks:
        if network.index == data["network_index"]:
            return network
    names = {"name": data["network"], "runtime": data["runtime"], "mode": data["network_mode"]}
    run.networks.append(checked.network_of({"index": data["network_index"], "info": {}, **names}, where))
    return run.networks[-1]
