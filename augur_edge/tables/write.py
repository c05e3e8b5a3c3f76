"""Tables of architectures written as HELP has them: vectors, and a column of milliseconds for each device."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import numpy as np

from augur_edge.errors import UsageError
from augur_edge.store.files import write_whole

Vector = tuple[int, ...]
Columns = Mapping[str, Mapping[Vector, float]]


def _rows(columns: Columns) -> tuple[list[Vector], dict[str, list[float]]]:
    """Every architecture that any column has, in the order met; NaN where a column lacks it. Seconds to ms."""
    if not columns:
        raise UsageError("nothing to write: no architecture was measured")
    vectors = list(dict.fromkeys(v for column in columns.values() for v in column))
    nan = float("nan")
    return vectors, {name: [1e3 * column.get(v, nan) for v in vectors] for name, column in columns.items()}


def write_npz(columns: Columns, path: Path) -> None:
    """`arch_vector` int8[n, length], and float64[n] ms for each column, of {vector: seconds}."""
    vectors, figures = _rows(columns)
    arrays = {name: np.array(values) for name, values in figures.items()}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, arch_vector=np.array(vectors, np.int8), **arrays)  # type: ignore[arg-type]

    write_whole(path, write)


def write_arch_csv(columns: Columns, stream: TextIO) -> None:
    """The same as text: `arch_vector` with blanks between, columns named `…_ms`, empty where there is no figure."""
    vectors, figures = _rows(columns)
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["arch_vector", *(name if name.endswith("_ms") else f"{name}_ms" for name in figures)])
    for i, vector in enumerate(vectors):
        cells = ["" if np.isnan(values[i]) else f"{values[i]:.9g}" for values in figures.values()]
        writer.writerow([" ".join(map(str, vector)), *cells])
