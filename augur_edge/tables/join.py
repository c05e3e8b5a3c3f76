"""Several tables of one space as one: a column from each file, as LatBench has a file for each device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from augur_edge.errors import UsageError
from augur_edge.tables.archtable import ArchTable, Column


def joined(tables: Sequence[ArchTable]) -> ArchTable:
    """Every architecture that any table has, in the order met, and all columns, NaN where a file lacks one.

    Raises UsageError for tables of different spaces, and for a column that two of them have.
    """
    if len(tables) == 1:
        return tables[0]
    first = tables[0]
    places: dict[tuple[int, ...], int] = {}
    rows = [[places.setdefault(tuple(v), len(places)) for v in t.vectors.tolist()] for t in tables]
    columns: dict[str, Column] = {}
    where: dict[str, str] = {}
    for table, row in zip(tables, rows):
        if table.space != first.space:
            raise UsageError(f"{table.where} is of {table.space}, {first.where} of {first.space}")
        for name, column in table.columns.items():
            if name in columns:
                raise UsageError(f"the column {name!r} is in {where[name]} and in {table.where}; rename one of them")
            values = np.full(len(places), np.nan)
            values[row] = column.values
            columns[name], where[name] = Column(values, column.unit, column.step), table.where
    vectors = np.array(list(places), np.int8)
    return ArchTable(first.space, vectors, columns, ", ".join(table.where for table in tables))
