"""The store: every run with its context, networks and raw samples, in one SQLite file.

What `save` has returned from is kept, whatever happens to the process next. Runs that are done never change.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Callable

from augur_edge import console
from augur_edge.errors import UsageError
from augur_edge.layers import Layer
from augur_edge.store import rows, sql
from augur_edge.store.database import Database
from augur_edge.store.integrity import check
from augur_edge.store.owner import is_alive, this_process
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord

_NOT_DONE = ("running", "interrupted")


def new_run_id() -> str:
    """16 hex digits: microseconds since 1970, then 12 random bits; ids sort by time."""
    return f"{time.time_ns() // 1000:013x}{secrets.randbits(12):03x}"


class Store:
    """The runs in the file at `path`; a context manager, for one thread.

    create: make the file and its folders where missing. on_wait: told, once, when another process holds the file for
    more than a second; every method waits for it. Any method may raise DataError (foreign, damaged, newer file) or
    AugurError (read-only, disk full); opening raises UsageError where there is no file and `create` is False.
    """

    def __init__(self, path: Path, *, create: bool = True, on_wait: Callable[[str], None] = console.talk) -> None:
        self.path = path
        self._db = Database(path, create=create, on_wait=on_wait)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def transaction(self) -> AbstractContextManager[None]:
        """Everything stored inside the block, or, where it raises, nothing of it."""
        return self._db.transaction()

    def start_run(self, record: RunRecord) -> None:
        """Store a run as this process's own, without its networks; a run that was interrupted goes on with `record`.

        Raises UsageError where the run is done, or another process is measuring it.
        """
        with self._db.transaction():
            self._demand_open(record.id)
            owner = self._owner(record.id)
            if owner not in (None, this_process()) and is_alive(owner):
                raise UsageError(f"run {record.id} is being measured by another process")
            self._put_run(replace(record, status="running"), this_process())

    def put_network(self, run_id: str, record: NetworkRecord) -> None:
        """Store a network of an open run, without its measurements; one that is there gets the new `info`."""
        with self._db.transaction():
            self._demand_open(run_id)
            self._put_network(run_id, record)

    def save(self, run_id: str, network_index: int, measurements: Sequence[Measurement]) -> None:
        """Store measurements of an open run, each in the place of an earlier one of its kind, mode and position.

        All of them in one transaction. The network must be there.
        """
        with self._db.transaction():
            self._demand_open(run_id)
            self._put_measurements(run_id, network_index, measurements)

    def finish_run(
        self, run_id: str, status: str, verdict: dict[str, Any] | None, context_update: dict[str, Any] | None = None
    ) -> None:
        """Close a run: `done` and `failed` for good, `interrupted` until it is resumed. Adds to its context."""
        with self._db.transaction():
            self._demand_open(run_id)
            run = self._header(run_id)
            context = {**run.context, **(context_update or {})}
            closed = replace(run, status=status, verdict=verdict, context=context, finished_unix_ns=time.time_ns())
            self._put_run(closed, None)

    def add_run(self, record: RunRecord) -> bool:
        """Store a whole run as it is; one that was `running` elsewhere is `interrupted` here.

        False, and nothing changed, where a run of that id is here already.
        """
        with self._db.transaction():
            if self._ids("WHERE r.id = ?", record.id):
                return False
            self._put_run(replace(record, status="interrupted") if record.status == "running" else record, None)
            for network in record.networks:
                self._put_network(record.id, network)
                self._put_measurements(record.id, network.index, network.measurements)
        return True

    def load(self, run_id: str) -> RunRecord:
        """The run with all its networks, measurements and samples. Raises UsageError for an unknown id."""
        with self._db.transaction(write=False):
            run = self._header(run_id)
            for network in run.networks:
                found = self._db.read(sql.MEASUREMENTS_OF, (run_id, network.index))
                network.measurements = [rows.measurement_from(run_id, row) for row in found]
        return run

    def runs(self, limit: int | None = None) -> list[RunRecord]:
        """The newest `limit` runs (None: all), newest first; their networks come without measurements."""
        with self._db.transaction(write=False):
            newest = self._ids(f"{sql.NEWEST} LIMIT ?", -1 if limit is None else limit)
            return [self._header(run_id) for run_id in newest]

    def resolve(self, name: str) -> str:
        """The id of the run called `name`: `last`, `last~1` (the one before it), an id, or the only one that begins so.

        Raises UsageError, with the runs it may have meant.
        """
        newest = self._ids(f"{sql.NEWEST} LIMIT 3")
        if not newest:
            raise UsageError(f"{self.path}: no runs yet; `augur-edge measure resnet18` makes the first")
        back = re.fullmatch(r"last(?:~(\d{1,9}))?", name)
        if back:
            return self._before_last(int(back[1] or 0))
        found = self._ids("WHERE substr(r.id, 1, ?) = ? ORDER BY r.id DESC", len(name), name.lower()) if name else []
        if len(found) == 1 or name.lower() in found:
            return name.lower() if name.lower() in found else found[0]
        if found:
            raise UsageError(f"{len(found)} runs begin with {name!r}: {_some(found)}; write more of it")
        raise UsageError(f"{self.path}: no run {name!r}; the last ones are {_some(newest)}")

    def _before_last(self, steps: int) -> str:
        found = self._ids(f"{sql.NEWEST} LIMIT 1 OFFSET ?", steps)
        if not found:
            n_runs = len(self._ids(""))
            raise UsageError(f"{self.path}: there is no run last~{steps}; the store has {n_runs}")
        return found[0]

    def interrupted(self) -> list[RunRecord]:
        """Runs that may be resumed, newest first; none that another living process is measuring."""
        owners = self._db.read("SELECT id, owner FROM run WHERE owner IS NOT NULL")
        busy = {run_id for run_id, owner in owners if is_alive(owner)}
        return [run for run in self.runs() if run.status in _NOT_DONE and run.id not in busy]

    def check(self) -> int:
        """Read everything and compare it with its digests; returns the number of measurements.

        Raises DataError at the first thing that is not as it was written.
        """
        with self._db.transaction(write=False):
            return check(self._db)

    def _ids(self, clause: str, *values: Any) -> list[str]:
        return [run_id for (run_id,) in self._db.read(f"SELECT r.id FROM run r {clause}", values)]  # noqa: S608

    def _header(self, run_id: str) -> RunRecord:
        """The run and its networks, without measurements; one that is `running` no longer is `interrupted`."""
        found = self._db.read(sql.RUN, (run_id,))
        if not found:
            raise UsageError(f"{self.path}: no run {run_id!r}")
        run = rows.run_from(found[0])
        owner = self._owner(run_id)
        if run.status == "running" and (owner is None or not is_alive(owner)):
            run.status = "interrupted"
        run.networks = [rows.network_from(run_id, row) for row in self._db.read(sql.NETWORKS_OF, (run_id,))]
        return run

    def _owner(self, run_id: str) -> str | None:
        """The process that measures the run, or did when it died."""
        found = self._db.read("SELECT owner FROM run WHERE id = ?", (run_id,))
        return str(found[0][0]) if found and found[0][0] is not None else None

    def _demand_open(self, run_id: str) -> None:
        for (status,) in self._db.read("SELECT status FROM run WHERE id = ?", (run_id,)):
            if status not in _NOT_DONE:
                raise UsageError(f"run {run_id} is {status} and cannot change any more; start a new one")

    def _put_run(self, record: RunRecord, owner: str | None) -> None:
        self._db.write(sql.SAVE_RUN, (*rows.run_row(record), owner))

    def _put_network(self, run_id: str, record: NetworkRecord) -> None:
        self._db.write(sql.SAVE_NETWORK, (self._key(run_id), *rows.network_row(run_id, record)))

    def _put_measurements(self, run_id: str, network: int, measurements: Sequence[Measurement]) -> None:
        key = self._key(run_id)
        known = {m.spec.packed: self.save_layer(m.spec) for m in measurements if m.spec is not None}
        ready = []
        for m in measurements:
            layer_key, layer = (None, None) if m.spec is None else known[m.spec.packed]
            columns = rows.columns_of(replace(m, spec=layer))
            ready.append(rows.measurement_row(key, run_id, network, columns, layer_key))
        self._db.write_many(sql.SAVE_MEASUREMENT, ready)

    def save_layer(self, layer: Layer) -> tuple[int, Layer]:
        """Inside a transaction: the layer's key, and the layer as the store spells it.

        1 and 1.0 are one layer but two texts, and a measurement's digest is over the text that the store has.
        """
        self._db.write(sql.SAVE_SPEC, (layer.digest, layer.packed))
        ((key, text),) = self._db.read(sql.SPEC, (layer.digest,))
        return int(key), layer if text == layer.packed else Layer.from_dict(json.loads(text))

    def _key(self, run_id: str) -> int:
        found = self._db.read("SELECT key FROM run WHERE id = ?", (run_id,))
        if not found:
            raise UsageError(f"{self.path}: no run {run_id!r}")
        return int(found[0][0])


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (", …" if len(ids) > 5 else "")
