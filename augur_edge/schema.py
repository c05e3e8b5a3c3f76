"""Names of the documents the program writes; each begins with `"schema"`, so that a reader knows what it holds.

A new number may move or drop fields; under the same number fields are only added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from augur_edge.errors import DataError, NewerDataError

MEASURE = "augur-edge/measure/1"
COMPARE = "augur-edge/compare/1"
RUNS = "augur-edge/runs/1"
EXPORT = "augur-edge/export/1"
PREDICT = "augur-edge/predict/1"
BENCH = "augur-edge/bench/1"
SUGGEST = "augur-edge/suggest/1"
SYNC = "augur-edge/sync/1"
INGEST = "augur-edge/ingest/1"
FLEET = "augur-edge/fleet/1"
EVALUATE = "augur-edge/evaluate/1"
SEARCH = "augur-edge/search/1"


def require(document: Mapping[str, Any], schema: str, where: str) -> None:
    """Raises DataError, beginning with `where`, unless `document` is of `schema`; NewerDataError for a newer one."""
    found = document.get("schema")
    if found == schema:
        return
    kind, _, number = schema.rpartition("/")
    name, _, newer = found.rpartition("/") if isinstance(found, str) else ("", "", "")
    if name == kind and newer.isdigit() and int(newer) > int(number):
        raise NewerDataError(f"{where}: written as {found}, this program reads up to {schema}; upgrade augur-edge")
    raise DataError(f"{where}: begins with schema {found!r}, not {schema!r}")
