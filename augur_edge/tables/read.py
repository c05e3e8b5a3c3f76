"""Files of architectures and figures: LatBench pickles, HELP's arrays (.npz), and CSV, gzipped or not."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from augur_edge.errors import DataError, UsageError
from augur_edge.store.files import opened
from augur_edge.tables.archtable import TO_BASE, ArchTable, table_of
from augur_edge.tables.pickles import read_plain

_VECTOR = "arch_vector"
_SUFFIXES = {".pickle": "latbench", ".pkl": "latbench", ".npz": "npz", ".csv": "csv", ".gz": "csv"}
_LENGTHS = {6: "nasbench201", 22: "fbnet"}
_MAX_CSV_BYTES = 1 << 30


def read_table(
    path: Path, space: str | None = None, unit: str | None = None, where: Mapping[str, str] | None = None
) -> ArchTable:
    """The file's architectures and columns, in base units.

    space: told from the length of the vectors if None. unit: of columns whose name does not end in one (`_ms`, `_mj`);
    None: ms, and for LatBench pickles s. where: rows of a CSV to take, by the text in other columns.
    Raises UsageError (no such file, unknown format) and DataError (damaged, malformed, twice the same architecture).
    """
    kind = _SUFFIXES.get(path.suffix)
    if kind is None:
        raise UsageError(f"{path}: not a file of architectures; known are {', '.join(_SUFFIXES)}")
    if where and kind != "csv":
        raise UsageError(f"{path}: rows are picked by text in CSV files only")
    if kind == "latbench":
        return _latbench(path, space, unit or "s")
    return _npz(path, space, unit or "ms") if kind == "npz" else _csv(path, space, unit or "ms", where or {})


def _space(space: str | None, length: int, path: Path) -> str:
    found = space or _LENGTHS.get(length)
    if found is None:
        raise UsageError(f"{path}: vectors of {length} numbers could be of any space; name it with --space")
    return found


def _latbench(path: Path, space: str | None, unit: str) -> ArchTable:
    """{vector: seconds}; the device is the file's name."""
    data = read_plain(path)
    if not isinstance(data, dict) or not data:
        raise DataError(f"{path}: not a LatBench pickle, which is a dict of vector and latency")
    lengths = {len(k) if isinstance(k, tuple) else -1 for k in data}
    whole = all(type(v) is int for k in data if isinstance(k, tuple) for v in k)
    if len(lengths) > 1 or -1 in lengths or not whole:
        raise DataError(f"{path}: its keys are not all tuples of whole numbers of one length")
    values = [v if isinstance(v, (int, float)) else None for v in data.values()]
    if None in values:
        raise DataError(f"{path}: the latency of {list(data)[values.index(None)]} is no number")
    vectors = np.array(list(data), np.int64)
    return table_of(_space(space, lengths.pop(), path), vectors, {path.stem: (values, unit)}, str(path))


def _npz(path: Path, space: str | None, unit: str) -> ArchTable:
    """`arch_vector` [n, length] and a column for each device."""
    try:
        with opened(path) as stream:
            if not zipfile.is_zipfile(stream):
                raise DataError(f"{path}: not the .npz file that its name says")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as file:
                arrays: dict[str, Any] = {name: file[name] for name in file.files}
    except (ValueError, zipfile.BadZipFile, EOFError, KeyError, MemoryError) as err:
        raise DataError(f"{path}: no arrays to be read: {' '.join(str(err).split())}") from None
    if _VECTOR not in arrays:
        raise DataError(f"{path}: no {_VECTOR} among {', '.join(arrays) or 'no arrays'}")
    vectors = arrays.pop(_VECTOR)
    wrong = [name for name, a in arrays.items() if a.dtype.kind not in "fiu" or a.ndim != 1]
    if vectors.ndim != 2 or wrong:
        raise DataError(f"{path}: {wrong[0] if wrong else _VECTOR} is no {'column of numbers' if wrong else 'matrix'}")
    return table_of(
        _space(space, vectors.shape[1], path), vectors, {k: (v, _unit(k, unit)) for k, v in arrays.items()}, str(path)
    )


def _unit(name: str, otherwise: str) -> str:
    """The unit a column's name ends with (`latency_ms`), or the one of the file."""
    last = name.rpartition("_")[2].lower()
    return "percent" if last == "accuracy" else last if "_" in name and last in TO_BASE else otherwise


def _csv(path: Path, space: str | None, unit: str, where: Mapping[str, str]) -> ArchTable:
    """`arch_vector` as numbers with blanks (or an architecture's own text), and columns of numbers."""
    rows = csv.DictReader(io.StringIO(_text(path), newline=""))
    names = list(rows.fieldnames or [])
    if _VECTOR not in names:
        raise DataError(f"{path}: no column {_VECTOR} among {', '.join(names) or 'none'}")
    for key in where:
        if key not in names:
            raise UsageError(f"{path}: no column {key!r}; it has {', '.join(names)}")
    vectors: list[list[int]] = []
    texts: list[dict[str, str]] = []
    for line, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise DataError(f"{path}:{line}: not as many fields as the header's {len(names)}")
        if all(row[k] == v for k, v in where.items()):
            vectors.append(_vector(row[_VECTOR], space, f"{path}:{line}"))
            texts.append(row)
    if not vectors:
        raise DataError(f"{path}: no rows{' of ' + ', '.join(map('='.join, where.items())) if where else ''}")
    if len({len(v) for v in vectors}) > 1:
        raise DataError(f"{path}: vectors of different lengths: {sorted({len(v) for v in vectors})}")
    columns = {name: _numbers([row[name] for row in texts]) for name in names if name not in (_VECTOR, "arch_idx")}
    figures = {name: (values, _unit(name, unit)) for name, values in columns.items() if values is not None}
    return table_of(_space(space, len(vectors[0]), path), np.array(vectors, np.int64), figures, str(path))


def _text(path: Path) -> str:
    """The file's text, unpacked where it is gzipped."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(_MAX_CSV_BYTES + 1)
    except (gzip.BadGzipFile, EOFError) as err:
        raise DataError(f"{path}: damaged: {err}") from None
    except OSError as err:
        raise UsageError(f"{path}: {err.strerror or err}") from err
    if len(data) > _MAX_CSV_BYTES:
        raise DataError(f"{path}: more than {_MAX_CSV_BYTES} bytes of text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise DataError(f"{path}: not UTF-8 text at byte {err.start}") from None


def _vector(text: str, space: str | None, where: str) -> list[int]:
    try:
        return [int(part) for part in text.replace(",", " ").strip("()[] ").split()]
    except ValueError:
        pass
    from augur_edge import spaces

    try:
        return list(spaces.get(space or "nasbench201").encode(text))
    except UsageError as err:
        raise DataError(f"{where}: {err}") from None


def _numbers(texts: list[str]) -> list[float] | None:
    """The column as numbers, NaN for empty fields; None where it holds text."""
    try:
        return [float(text) if text.strip() else float("nan") for text in texts]
    except ValueError:
        return None
