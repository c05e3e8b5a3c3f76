"""Records of other stores taken in one by one, so that memory does not grow with what comes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace

from augur_edge.errors import DataError
from augur_edge.layers import Layer
from augur_edge.store import rows, sql
from augur_edge.store.database import Row
from augur_edge.store.ledger import FINAL
from augur_edge.store.lines import Record
from augur_edge.store.records import Measurement, RunRecord
from augur_edge.store.rows import Columns
from augur_edge.store.store import Store

_AT_ONCE = 500
_MOST_LAYERS = 20_000
_PAGES = 24 << 20  # the layers' index of a million rows; with SQLite's 2 MiB each row would read and write a page of it
NEW, JOIN, KNOWN = "new", "join", "known"


class ConflictError(DataError):
    """Two runs of one id, or two measurements in one place."""


@dataclass
class Taken:
    """What a batch brought. known: runs that were here already."""

    runs: int = 0
    known: int = 0
    measurements: int = 0

    def add(self, other: Taken) -> None:
        """Count what another batch brought too."""
        self.runs += other.runs
        self.known += other.known
        self.measurements += other.measurements


class Intake:
    """Takes records in the order of an export; for one batch at a time, inside a transaction of `store`.

    A run that is here and final is left as it is; one that was interrupted here becomes what the other store has more
    of, whatever comes first. Raises ConflictError for a final run that is here with other content.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._db = store._db
        self._db.keep_pages(_PAGES)
        self._layers: dict[str, tuple[int, Layer]] = {}

    def begin(self) -> None:
        """Before the first record of a batch."""
        self.taken = Taken()
        self._mode = KNOWN
        self._run_id, self._key, self._network = "", 0, 0
        self._ready: list[Row] = []
        # what a batch before this one added may have been taken back
        self._layers.clear()

    def take(self, record: Record) -> None:
        """The next record; what it says may still be taken back by the transaction."""
        if isinstance(record, Columns):
            if self._mode != KNOWN:
                self._ready.append(self._row(record))
                if len(self._ready) >= _AT_ONCE:
                    self.flush()
            return
        self.flush()
        if isinstance(record, RunRecord):
            self._begin_run(record)
        elif self._mode != KNOWN:
            self._network = record.index
            self._store._put_network(self._run_id, record)

    def flush(self) -> None:
        """Write what is ready. Raises ConflictError where two measurements have one place."""
        query = sql.ADD_MEASUREMENT if self._mode == NEW else sql.JOIN_MEASUREMENT
        try:
            self._db.write_many(query, self._ready)
        except sqlite3.IntegrityError as err:
            raise ConflictError(f"run {self._run_id}: two measurements of one kind, mode and position") from err
        self.taken.measurements += len(self._ready)
        self._ready.clear()

    def _begin_run(self, record: RunRecord) -> None:
        record = replace(record, status="interrupted") if record.status == "running" else record
        self._run_id = record.id
        self._mode = self._mode_for(record)
        if self._mode == KNOWN:
            self.taken.known += 1
            return
        self.taken.runs += 1
        self._store._put_run(record, None)
        self._key = self._store._key(record.id)

    def _mode_for(self, record: RunRecord) -> str:
        found = self._db.read(sql.RUN, (record.id,))
        if not found:
            return NEW
        here, digest = rows.run_from(found[0]), rows.run_row(record)[-1]
        if here.device != record.device or (here.status in FINAL and record.status in FINAL and digest != found[0][-1]):
            whose = f"of {here.device!r}" if here.device != record.device else "with other content"
            raise ConflictError(f"run {record.id} is here already, {whose}: do two devices share one id?")
        if here.status in FINAL:
            return KNOWN
        if record.status in FINAL:
            self._clear(record.id)
            return NEW
        return JOIN

    def _clear(self, run_id: str) -> None:
        key = self._store._key(run_id)
        self._db.write("DELETE FROM measurement WHERE run = ?", (key,))
        self._db.write("DELETE FROM network WHERE run = ?", (key,))

    def _row(self, m: Columns) -> Row:
        key = None
        if m.spec is not None:
            key, layer = self._layers.get(m.spec.packed) or self._add_layer(m.spec)
            m = m._replace(spec=layer) if layer is not m.spec else m
        return rows.measurement_row(self._key, self._run_id, self._network, m, key)

    def _add_layer(self, layer: Layer) -> tuple[int, Layer]:
        found = self._store.save_layer(layer)
        if len(self._layers) >= _MOST_LAYERS:
            self._layers.clear()
        self._layers[layer.packed] = found
        return found


def is_ingested(store: Store, batch: str) -> bool:
    """Whether this batch was taken in before."""
    return bool(store._db.read("SELECT 1 FROM ingested WHERE batch = ?", (batch,)))


def mark_ingested(store: Store, batches: Iterable[str]) -> None:
    """Inside the transaction that takes them in."""
    store._db.write_many("INSERT OR IGNORE INTO ingested (batch) VALUES (?)", [(batch,) for batch in batches])


def of_layer(store: Store, device: str, layer: Layer) -> list[tuple[str, Measurement]]:
    """All measurements of a layer on a device, each with the id of its run."""
    found = store._db.read(sql.OF_LAYER, (layer.digest, device))
    return [(row[0], rows.measurement_from(row[0], row[1:])) for row in found]
