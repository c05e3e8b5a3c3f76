"""Whether a store still holds what was written into it."""

from __future__ import annotations

from augur_edge.errors import DataError
from augur_edge.store import rows, sql
from augur_edge.store.database import Database


def check(db: Database) -> int:
    """Read everything and compare it with its digests; returns the number of measurements.

    Raises DataError at the first thing that is not as it was written.
    """
    for pragma in ("integrity_check", "foreign_key_check"):
        found = db.read(f"PRAGMA {pragma}")
        if found not in ([], [("ok",)]):
            raise DataError(f"{db.path}: the store is damaged ({found[0][0]}); restore a copy")
    for run_id, *row in db.read(sql.ALL_RUNS):
        _demand(rows.run_is_intact(tuple(row)), db, f"run {run_id}")
    for run_id, *row in db.read(sql.ALL_NETWORKS):
        _demand(rows.network_is_intact(run_id, tuple(row)), db, f"network {row[1]!r} of run {run_id}")
    n_measurements = 0
    for run_id, *row in db.rows(sql.ALL_MEASUREMENTS):
        _demand(rows.measurement_is_intact(run_id, tuple(row)), db, f"{row[4]!r} of run {run_id}")
        n_measurements += 1
    return n_measurements


def _demand(intact: bool, db: Database, what: str) -> None:
    if not intact:
        raise DataError(f"{db.path}: {what} is not as it was written; restore a copy of the store")
