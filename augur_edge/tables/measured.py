"""Measured architectures of a device, from tables of them and from stores that `measure` wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable

import numpy as np

from augur_edge import spaces
from augur_edge.errors import DataError
from augur_edge.stats import summarise
from augur_edge.store import Store
from augur_edge.store.files import opened
from augur_edge.tables.archtable import F64, I64, ArchTable


def measured(
    paths: Sequence[Path], space: str, read: Callable[[Path], ArchTable], device: str | None, warn: Callable[[str], Any]
) -> tuple[I64, F64, str]:
    """Vectors int64[n, length], figures float64[n] and their unit, of tables and of stores that `measure` wrote."""
    vectors: list[list[int]] = []
    values: list[float] = []
    units = set()
    for path in paths:
        if _is_store(path):
            found = _from_store(path, space)
            units |= {"ns"} if found else set()
            vectors += [list(v) for v in found]
            values += list(found.values())
            continue
        table = read(path)
        rows, y, remarks = table.usable(device)
        for remark in remarks:
            warn(remark)
        units.add(table.column(device).unit)
        vectors += table.vectors[rows].tolist()
        values += y.tolist()
    if not vectors or len(units) != 1:
        raise DataError("no measured architecture in the samples" if not vectors else f"samples in {sorted(units)}")
    return np.array(vectors, np.int64), np.array(values), units.pop()


def _is_store(path: Path) -> bool:
    with opened(path) as file:
        return file.read(15) == b"SQLite format 3"


def _from_store(path: Path, space: str) -> dict[tuple[int, ...], float]:
    """Median latency, ns, of every whole network in a store that is an architecture of the space; the last counts."""
    found = {}
    with Store(path, create=False) as store:
        for run in store.runs():
            for network in store.load(run.id).networks:
                if not spaces.is_architecture(network.name):
                    continue
                known, vector = spaces.resolve(network.name)
                whole = next((m for m in network.measurements if m.kind == "whole" and len(m.samples_ns)), None)
                if known.name == space and whole is not None:
                    found[vector] = summarise(whole.samples_ns, whole.loops).median
    return found
