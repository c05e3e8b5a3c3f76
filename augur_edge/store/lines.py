"""Runs as JSON Lines: one record a line - a run, its networks, each followed by its measurements - and nothing lost.

A run's line says how many records follow, so that a file cut at the end of a line is found out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn, TextIO, Union

from augur_edge import schema
from augur_edge.errors import DataError
from augur_edge.layers import Layer
from augur_edge.store import checked
from augur_edge.store.files import opened
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord
from augur_edge.store.rows import pack

Record = Union[RunRecord, NetworkRecord, Measurement]


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
                if place_of(record) in places:
                    raise DataError(f"{records.where}: {twice(record)}")
                places.add(place_of(record))
                run.networks[-1].measurements.append(record)
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

    Iterating raises DataError where a line is wrong, out of place or missing; `where` names the line at hand. That a
    network's measurements have places of their own is left to the user.
    """

    def __init__(self, lines: Iterable[bytes], name: str) -> None:
        self.where = name
        self._lines = lines
        self._name = name
        self._run = ""
        self._waiting = 0
        self._networks: set[int] = set()

    def __iter__(self) -> Iterator[Record]:
        for number, line in enumerate(self._lines, start=1):
            self.where = f"{self._name}:{number}"
            yield self._take(_parsed(line, self.where))
        self._finish()
        if not self._run:
            raise DataError(f"{self._name}: empty; an export begins with a run")

    def _take(self, data: dict[str, Any]) -> Record:
        kind = data.get("record")
        if kind == "measurement" and self._networks:
            self._count()
            return checked.measurement_of(data, self.where)
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


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    """1e999 is JSON too, and would be written back as Infinity, which is not."""
    value = float(text)
    return value if isfinite(value) else _refuse(text)


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse)
_HERE = "spec: see the cache"
_MARK = json.dumps(_HERE)
_LONGEST_KNOWN = 4096


def _parsed(line: bytes, where: str) -> dict[str, Any]:
    try:
        text = line.decode("utf-8")
        data = _parsed_by_parts(text) or _DECODER.decode(text)
    except (ValueError, RecursionError) as err:  # UnicodeDecodeError is a ValueError
        raise DataError(f"{where}: not a line of JSON: {err}") from err
    if not isinstance(data, dict):
        raise DataError(f"{where}: not a JSON object")
    return data


def _parsed_by_parts(text: str) -> dict[str, Any] | None:
    """A line as `write_lines` makes it, whose spec - most of the line, and few different ones - was seen before.

    None where the line is of another shape, or anything is wrong with it: then it is read as a whole.
    """
    begin = text.rfind(',"spec":{') + 8
    end = text.find(',"status":', begin)
    if begin < 8 or end < 0 or end - begin > _LONGEST_KNOWN:
        return None
    try:
        # not `decode`, which looks for blanks on both sides with a regular expression
        data, length = _DECODER.raw_decode(f"{text[:begin]}{_MARK}{text[end:]}")
        if text[length - begin - len(_MARK) + end :] != "\n" or not isinstance(data, dict) or data.get("spec") != _HERE:
            return None
        data["spec"] = _known_layer(text[begin:end])
    except (ValueError, RecursionError, DataError):
        return None
    return data


@lru_cache(maxsize=4096)
def _known_layer(text: str) -> Layer | None:
    return checked.layer_of(_DECODER.decode(text), "")
