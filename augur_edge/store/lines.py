"""Runs as JSON Lines: one record a line - a run, its networks, each followed by its measurements - and nothing lost.

A run's line says how many records follow, so that a file cut at the end of a line is found out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

from augur_edge import schema
from augur_edge.errors import DataError
from augur_edge.store import checked
from augur_edge.store.files import opened
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord
from augur_edge.store.rows import pack


def write_lines(run: RunRecord, stream: TextIO) -> None:
    """Append the lines of one run."""
    n_records = sum(1 + len(n.measurements) for n in run.networks)
    own = {name: value for name, value in vars(run).items() if name != "networks"}
    _write({"record": "run", "schema": schema.EXPORT, "records": n_records, **own}, stream)
    for network in run.networks:
        own = {name: value for name, value in vars(network).items() if name != "measurements"}
        _write({"record": "network", **own}, stream)
        for m in network.measurements:
            spec = None if m.spec is None else m.spec.to_dict()
            values = {**vars(m), "spec": spec, "samples_ns": m.samples_ns.tolist()}
            _write({"record": "measurement", **values}, stream)


def _write(record: dict[str, Any], stream: TextIO) -> None:
    stream.write(pack(record) + "\n")


def read_lines(path: Path) -> Iterator[RunRecord]:
    """The runs of a file, one after another. Raises DataError, with the line, and UsageError for a missing file."""
    reader = _Reader(path)
    with opened(path) as file:
        for number, line in enumerate(file, start=1):
            yield from reader.take(line, f"{path}:{number}")
    yield from reader.finish()
    if reader.n_runs == 0:
        raise DataError(f"{path}: empty; an export begins with a run")


class _Reader:
    """Puts lines together; gives a run when its last record has come."""

    def __init__(self, path: Path) -> None:
        self.n_runs = 0
        self._path = path
        self._run: RunRecord | None = None
        self._waiting = 0
        self._places: set[tuple[str, str, int]] = set()

    def take(self, line: bytes, where: str) -> Iterator[RunRecord]:
        data = _parsed(line, where)
        kind = data.get("record")
        if kind == "run":
            yield from self.finish()
            self._begin(data, where)
        elif self._run is None:
            schema.require(data, schema.EXPORT, where)
            raise DataError(f"{where}: record is {kind!r}, not 'run'")
        elif kind == "network":
            self._add_network(self._run, checked.network_of(data, where), where)
        elif kind == "measurement":
            self._add_measurement(self._run, checked.measurement_of(data, where), where)
        else:
            raise DataError(f"{where}: record is {kind!r}, not one of run, network, measurement")

    def finish(self) -> Iterator[RunRecord]:
        if self._run is None:
            return
        if self._waiting:
            raise DataError(f"{self._path}: cut short: {self._waiting} records of run {self._run.id} are missing")
        run, self._run = self._run, None
        yield run

    def _begin(self, data: dict[str, Any], where: str) -> None:
        schema.require(data, schema.EXPORT, where)
        self._run = checked.run_of(data, where)
        self._waiting = checked.whole_number(data, "records", where)
        self.n_runs += 1

    def _add_network(self, run: RunRecord, network: NetworkRecord, where: str) -> None:
        self._count(where)
        if any(n.index == network.index for n in run.networks):
            raise DataError(f"{where}: a second network {network.index} in run {run.id}")
        run.networks.append(network)
        self._places = set()

    def _add_measurement(self, run: RunRecord, m: Measurement, where: str) -> None:
        self._count(where)
        if not run.networks:
            raise DataError(f"{where}: a measurement before any network")
        if (m.kind, m.mode, m.position) in self._places:
            raise DataError(f"{where}: a second {m.kind} at position {m.position} in mode {m.mode}")
        self._places.add((m.kind, m.mode, m.position))
        run.networks[-1].measurements.append(m)

    def _count(self, where: str) -> None:
        self._waiting -= 1
        if self._waiting < 0:
            raise DataError(f"{where}: more records than the run's first line says")


def _parsed(line: bytes, where: str) -> dict[str, Any]:
    try:
        data = json.loads(line.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as err:  # UnicodeDecodeError is a ValueError
        raise DataError(f"{where}: not a line of JSON: {err}") from err
    if not isinstance(data, dict):
        raise DataError(f"{where}: not a JSON object")
    return data


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
