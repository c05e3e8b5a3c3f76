"""Runs as JSON Lines: one record a line - a run, its networks, each followed by its measurements - and nothing lost.

A run's line says how many records follow, so that a file cut at the end of a line is found out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO, Union

from augur_edge import schema
from augur_edge.errors import DataError
from augur_edge.store import checked
from augur_edge.store.files import opened
from augur_edge.store.quick import DECODER, columns_in
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord
from augur_edge.store.rows import Columns, columns_of, measurement_of, pack

Record = Union[RunRecord, NetworkRecord, Columns]


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
    run: RunRecord | None = None
    places: set[tuple[str, str, int]] = set()
    with opened(path) as file:
        records = Records(file, str(path))
        for record in records:
            if isinstance(record, RunRecord):
                if run is not None:
                    yield run
                run = record
            elif isinstance(record, NetworkRecord):
                assert run is not None  # Records begins with one
                run.networks.append(record)
                places.clear()
            else:
                assert run is not None
                m = measurement_of(record)
                if place_of(m) in places:
                    raise DataError(f"{records.where}: {twice(m)}")
                places.add(place_of(m))
                run.networks[-1].measurements.append(m)
    if run is not None:
        yield run


def place_of(m: Measurement) -> tuple[str, str, int]:
    """What tells a measurement from all others of its network."""
    return m.kind, m.mode, m.position


def twice(m: Measurement) -> str:
    """What is wrong when a second measurement comes for one place."""
    return f"a second {m.kind} at position {m.position} in mode {m.mode}"


class Records:
    """The records of an export one by one, in bounded memory: each run and network without what belongs to it.

    Iterating raises DataError where a line is wrong, out of place or missing. That a network's measurements have places
    of their own is left to the user.
    """

    def __init__(self, lines: Iterable[bytes], name: str) -> None:
        self._number = 0
        self._lines = lines
        self._name = name
        self._run = ""
        self._waiting = 0
        self._networks: set[int] = set()

    @property
    def where(self) -> str:
        """The line at hand, for a message."""
        return f"{self._name}:{self._number}"

    def __iter__(self) -> Iterator[Record]:
        for number, line in enumerate(self._lines, start=1):
            self._number = number
            columns = columns_in(line) if self._networks else None
            if columns is not None:
                self._count()
                yield columns
            else:
                yield self._take(_parsed(line, self.where))
        self._finish()
        if not self._run:
            raise DataError(f"{self._name}: empty; an export begins with a run")

    def _take(self, data: dict[str, Any]) -> Record:
        kind = data.get("record")
        if kind == "measurement" and self._networks:
            self._count()
            return columns_of(checked.measurement_of(data, self.where))
        if kind == "run":
            self._finish()
            return self._begin(data)
        if not self._run:
            schema.require(data, schema.EXPORT, self.where)
            raise DataError(f"{self.where}: record is {kind!r}, not 'run'")
        self._count()
        if kind == "measurement":
            raise DataError(f"{self.where}: a measurement before any network")
        if kind != "network":
            raise DataError(f"{self.where}: record is {kind!r}, not one of run, network, measurement")
        return self._network(data)

    def _begin(self, data: dict[str, Any]) -> RunRecord:
        schema.require(data, schema.EXPORT, self.where)
        run = checked.run_of(data, self.where)
        self._run, self._networks = run.id, set()
        self._waiting = checked.whole_number(data, "records", self.where)
        return run

    def _network(self, data: dict[str, Any]) -> NetworkRecord:
        network = checked.network_of(data, self.where)
        if network.index in self._networks:
            raise DataError(f"{self.where}: a second network {network.index} in run {self._run}")
        self._networks.add(network.index)
        return network

    def _count(self) -> None:
        self._waiting -= 1
        if self._waiting < 0:
            raise DataError(f"{self.where}: more records than the run's first line says")

    def _finish(self) -> None:
        if self._waiting:
            raise DataError(f"{self._name}: cut short: {self._waiting} records of run {self._run} are missing")


def _parsed(line: bytes, where: str) -> dict[str, Any]:
    try:
        data = DECODER.decode(line.decode("utf-8"))
    except (ValueError, RecursionError) as err:  # UnicodeDecodeError is a ValueError
        raise DataError(f"{where}: not a line of JSON: {err}") from err
    if not isinstance(data, dict):
        raise DataError(f"{where}: not a JSON object")
    return data
