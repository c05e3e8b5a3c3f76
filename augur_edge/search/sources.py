"""Where figures come from: predictors, tables of measured architectures, and functions in Python."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable

import numpy as np

from augur_edge import console
from augur_edge.errors import DataError, UsageError
from augur_edge.predict import Predictor
from augur_edge.search.goals import F64, SCALES, U8, Figure
from augur_edge.spaces import Space
from augur_edge.tables.archtable import ArchTable

_INDEXABLE = 1 << 26
_TARGETS = {"ns": "latency", "uj": "energy"}


def from_predictor(path: str | Path, space: Space, confidence: float | None = None) -> Figure:
    """The figure that a predictor of the space answers, `latency` in ns or `energy` in uj.

    confidence: limits are held against the upper end of the least stored interval that is not below it, say 0.9.
    Raises UsageError for a predictor of something else than this space, or one without such an interval.
    """
    from augur_edge.predict.files import read_predictor

    return from_predictor_bytes(read_predictor(Path(path)), str(path), space, confidence)


def from_predictor_bytes(data: bytes, where: str, space: Space, confidence: float | None = None) -> Figure:
    """`from_predictor` of a file's bytes; where: its name, for errors."""
    try:
        predictor = Predictor(data)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    name, _, unit = predictor.target.rpartition("_")
    name, unit = (name, unit) if unit == predictor.unit else (predictor.target, predictor.unit)
    if predictor.encoder.partition("/")[0] != space.name:
        raise UsageError(f"{where}: a predictor of {predictor.encoder}, not of the space {space.name}")
    upper = None if confidence is None else _upper(predictor, data, where, confidence)

    def interval(vectors: U8, level: float) -> F64:
        found = [predictor.interval(*vector, level=level) for vector in vectors.tolist()]
        return np.array([(one.low, one.high) for one in found]).reshape(-1, 2)

    return Figure(name, unit, predictor.predict_many, upper, interval=interval, about=predictor.training)


def _upper(predictor: Predictor, data: bytes, where: str, confidence: float) -> Callable[[U8], Any]:
    """The interval's upper end, which is a factor or an offset of the answer, whichever the file's link makes it."""
    from augur_edge.predict.format import loads

    if not 0 < confidence < 1:
        raise UsageError(f"--confidence {confidence:g}: give a share between 0 and 1, such as 0.9")
    model = loads(data)
    levels = [level for level in model.levels if level.level >= confidence]
    if not levels:
        held = ", ".join(f"{level.level:g}" for level in model.levels) or "none"
        raise UsageError(f"{where}: stores no interval for --confidence {confidence:g}; it has {held}")
    high = levels[0].high
    if model.link == "exp":
        return lambda vectors: predictor.predict_many(vectors).astype(np.float64) * np.exp(high)
    return lambda vectors: predictor.predict_many(vectors).astype(np.float64) + high


def from_table(
    table: ArchTable, column: str | None, space: Space, warn: Callable[[str], None] = console.warn
) -> Figure:
    """A column of measured architectures; NaN for those it lacks. Raises UsageError.

    It is called as the column, without its unit, or where that names a device, by what is in it: latency or energy.
    Figures that cannot be one (zero, below a hundredth of the median) are left out, which is said with counts.
    """
    if table.space != space.name:
        raise UsageError(f"{table.where}: architectures of {table.space}, not of {space.name}")
    unit = table.column(column).unit
    rows, measured, remarks = table.usable(column)
    for remark in remarks:
        warn(remark)
    column = column or next(iter(table.columns))
    stem, _, suffix = column.rpartition("_")
    stem = stem if suffix in SCALES else column
    target = _TARGETS.get(unit, stem)
    name = stem if target in stem else target
    sizes = np.array(space.sizes, object)
    steps = np.array([1, *np.cumprod(sizes[:-1])], object)
    about = {"device": stem} if name == target and stem != target else {}
    if space.combinations <= _INDEXABLE:
        steps = steps.astype(np.int64)
        values = np.full(space.combinations, np.nan)
        values[table.vectors[rows].astype(np.int64) @ steps] = measured
        return Figure(name, unit, lambda vectors: values[vectors.astype(np.int64) @ steps], partial=True, about=about)
    known = dict(zip(map(bytes, table.vectors[rows].astype(np.uint8)), measured.tolist()))
    return Figure(name, unit, lambda vectors: [known.get(bytes(v), np.nan) for v in vectors], partial=True, about=about)


def from_callable(text: str) -> Figure:
    """`NAME=MODULE:FUNCTION` or `NAME=FILE.py:FUNCTION`; it takes uint8[n, length] and gives n numbers.

    The user's own code, named on the command line, is run. Raises UsageError where it is not there.
    """
    name, equals, where = text.partition("=")
    module_name, colon, attribute = where.rpartition(":")
    if not (equals and colon and name and module_name and attribute):
        raise UsageError(f"--call {text}: write NAME=MODULE:FUNCTION or NAME=FILE.py:FUNCTION")
    module = _module(module_name, text)
    function = getattr(module, attribute, None)
    if not callable(function):
        there = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise UsageError(f"--call {text}: {module_name} has no function {attribute!r}; it has {_some(there)}")
    return Figure(name, "", function, slow=True)


def _module(name: str, text: str) -> Any:
    path = Path(name)
    try:
        if path.suffix != ".py":
            return importlib.import_module(name)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None or not path.is_file():
            raise UsageError(f"--call {text}: no file {path}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        return module
    except ImportError as e:
        raise UsageError(f"--call {text}: {e}") from None


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) or "none"
