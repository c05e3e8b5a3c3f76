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
    for run in db.read(sql.ALL_RUNS):
        rows.check_run(run)
    for run_id, *row in db.read(sql.ALL_NETWORKS):
        rows.check_network(run_id, tuple(row))
    n_measurements = 0
    for run_id, *row in db.rows(sql.ALL_MEASUREMENTS):
        rows.check_measurement(run_id, tuple(row))
        n_measurements += 1
    return n_measurements
