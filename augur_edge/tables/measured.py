"""Measured architectures of a device, from tables of them and from stores that `measure` wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable

import numpy as np

from augur_edge import spaces
from augur_edge.errors import DataError, UsageError
from augur_edge.spaces import Vector
from augur_edge.store import Store
from augur_edge.store.files import opened
from augur_edge.tables.archtable import F64, I64, ArchTable, device_of, table_of
from augur_edge.tables.stored import architectures_of


def measured(
    paths: Sequence[Path], space: str, read: Callable[[Path], ArchTable], device: str | None, warn: Callable[[str], Any]
) -> tuple[I64, F64, str, frozenset[str]]:
    """Vectors int64[n, length], figures float64[n], their unit and columns, of tables and stores of `measure`.

    Raises UsageError as its readers do, DataError for none, mixed units, and an architecture in more than one file.
    """
    vectors: list[list[int]] = []
    values: list[float] = []
    units, titles = set(), set()
    for path in paths:
        if is_store(path):
            title, found = _from_store(path, space, device)
            titles.add(title)
            units.add("ns")
            vectors += [list(v) for v in found]
            values += list(found.values())
            continue
        table = read(path)
        rows, y, remarks = table.usable(device)
        for remark in remarks:
            warn(remark)
        units.add(table.column(device).unit)
        titles.add(device_of(device or next(iter(table.columns))))
        vectors += table.vectors[rows].tolist()
        values += y.tolist()
    if not vectors or len(units) != 1:
        raise DataError("no measured architecture in the samples" if not vectors else f"samples in {sorted(units)}")
    twice = [v for v, n in Counter(map(tuple, vectors)).items() if n > 1]
    if twice:
        raise DataError(f"the architecture {list(twice[0])} is in more than one of the samples; keep one of each")
    return np.array(vectors, np.int64), np.array(values), units.pop(), frozenset(titles)


def is_store(path: Path) -> bool:
    """Whether a file is a store that `measure` writes. Raises UsageError where there is none."""
    with opened(path) as file:
        return file.read(15) == b"SQLite format 3"


def table_of_store(path: Path, space: str) -> ArchTable:
    """All architectures of the space in a store, a column for each device, runtime and way of running; median ns.

    Raises UsageError where there are none.
    """
    found = _medians(path, space)
    if not found:
        raise UsageError(f"{path}: no architecture of {space} in it; `augur-edge measure --space {space}` makes them")
    vectors = list(dict.fromkeys(vector for column in found.values() for vector in column))
    columns = {title: ([column.get(v, np.nan) for v in vectors], "s") for title, column in found.items()}
    return table_of(space, vectors, columns, str(path))


def _medians(path: Path, space: str) -> dict[str, dict[Vector, float]]:
    """Seconds by title and vector; of architectures measured more than once the last counts."""
    found: dict[str, dict[Vector, float]] = {}
    with Store(path, create=False) as store:
        for run in sorted((store.load(r.id) for r in store.runs()), key=lambda r: r.created_unix_ns):
            if any(spaces.is_architecture(network.name) for network in run.networks):
                for table in architectures_of(run):
                    if table.space == space:
                        found.setdefault(table.title, {}).update(table.seconds("median"))
    return found


def _from_store(path: Path, space: str, device: str | None) -> tuple[str, dict[Vector, float]]:
    """Title and median latency, ns, of the store's architectures.

    Raises UsageError where several devices, runtimes or ways of running are mixed and `device` names none of them.
    """
    found = _medians(path, space)
    title = device or (next(iter(found)) if len(found) == 1 else None)
    if title is None or title not in found:
        there = ", ".join(found) or f"no architecture of {space}"
        raise UsageError(f"{path}: {f'no {title}' if title else 'name one with --device'}; there is {there}")
    return title, {vector: 1e9 * seconds for vector, seconds in found[title].items()}
