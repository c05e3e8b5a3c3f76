"""Architectures of one space with one column of figures for each device or target."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge.errors import DataError, UsageError

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int8]

TO_BASE = {
    "s": ("ns", 1e9), "ms": ("ns", 1e6), "us": ("ns", 1e3), "ns": ("ns", 1.0),
    "j": ("uj", 1e6), "mj": ("uj", 1e3), "uj": ("uj", 1.0), "percent": ("percent", 1.0),
}  # fmt: skip
_LEAST_OF_MEDIAN = 0.01  # a latency below this share of the column's median is a fault of the measurement


def device_of(column: str) -> str:
    """What a column is of: its name without the unit that it may end with, `board` of `board_ms`."""
    stem, _, last = column.rpartition("_")
    return stem if stem and last.lower() in TO_BASE else column


@dataclass(frozen=True, eq=False)
class Column:
    """Figures of one device. values: float64[n] in `unit` (ns, uj or percent), NaN where there is none.

    step: of the numbers as they stood in the file, in `unit`, where all are multiples of one unit of the file; else 0.
    """

    values: F64
    unit: str
    step: float = 0.0


@dataclass(frozen=True, eq=False)
class ArchTable:
    """vectors: int8[n, length], each row once. columns: by device, in the file's order. where: the file."""

    space: str
    vectors: I8
    columns: dict[str, Column] = field(default_factory=dict)
    where: str = ""

    def column(self, name: str | None = None) -> Column:
        """The column of a device; None for the only one. Raises UsageError with the nearest names."""
        if name is None and len(self.columns) == 1:
            return next(iter(self.columns.values()))
        if name not in self.columns:
            near = difflib.get_close_matches(name or "", self.columns, 3, 0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(self.columns)}"
            asked = f"no device {name!r}" if name else "several devices; name one with --device"
            raise UsageError(f"{self.where}: {asked}; {hint}")
        return self.columns[name]

    def usable(self, name: str | None = None) -> tuple[I64, F64, list[str]]:
        """Rows with a figure that can be one, their values, and remarks for people, with counts.

        Left out are unknown ones (NaN), zeros and below, and latencies under a hundredth of the median.
        """
        column = self.column(name)
        values = column.values
        known = np.isfinite(values)
        positive = known & (values > 0)
        median = float(np.median(values[positive])) if positive.any() else 0.0
        good = positive & ((column.unit == "percent") | (values >= _LEAST_OF_MEDIAN * median))
        label = f"{self.where}{', ' + name if name else ''}"
        counts = (
            (int((~known).sum()), "have no figure"),
            (int((known & ~positive).sum()), "are zero or less"),
            (int((positive & ~good).sum()), f"are below {_LEAST_OF_MEDIAN:.0%} of the median"),
        )
        remarks = [f"{label}: {n} of {len(values)} {what} and are left out" for n, what in counts if n]
        distinct = len(np.unique(values[good]))
        if column.step and distinct < 0.5 * good.sum():
            remarks.append(
                f"{label}: whole numbers only, {distinct} different ones in {int(good.sum())} rows; a step is "
                f"{100 * column.step / median:.1f} % of the median, no predictor can be more exact than that"
            )
        rows = np.flatnonzero(good)
        return rows, values[rows], remarks


def table_of(space: str, vectors: Any, columns: dict[str, tuple[Any, str]], where: str) -> ArchTable:
    """An ArchTable of raw figures. vectors: whole numbers [n, length]; columns: figures [n] and their unit (`ms`, …).

    Raises DataError for what is no architecture of the space, an architecture that is there twice, a unit that is
    unknown, and columns of another length.
    """
    from augur_edge import spaces

    known = spaces.get(space)
    found = np.asarray(vectors)
    if found.ndim != 2 or found.shape[1] != len(known.choices) or found.dtype.kind not in "iu":
        raise DataError(f"{where}: vectors of {space} are whole numbers [n, {len(known.choices)}], not {found.shape}")
    bad = np.flatnonzero(((found < 0) | (found >= known.sizes)).any(axis=1))
    if len(bad):
        try:
            known.validate(found[bad[0]].tolist())
        except UsageError as err:
            raise DataError(f"{where}: architecture {bad[0]}: {err}") from None
    distinct, counts = np.unique(found, axis=0, return_counts=True)
    if len(distinct) < len(found):
        raise DataError(
            f"{where}: the architecture {distinct[np.argmax(counts)].tolist()} is there {counts.max()} times "
            f"({len(found) - len(distinct)} rows too many); keep one of each"
        )
    return ArchTable(
        space, found.astype(np.int8), {k: _column(k, *v, len(found), where) for k, v in columns.items()}, where
    )


def _column(name: str, values: Any, unit: str, n: int, where: str) -> Column:
    if unit not in TO_BASE:
        raise UsageError(f"{where}: unit {unit!r} of {name} is none of {', '.join(TO_BASE)}")
    base, factor = TO_BASE[unit]
    figures = np.asarray(values, np.float64)
    if figures.shape != (n,):
        raise DataError(f"{where}: column {name} has {figures.shape} figures for {n} architectures")
    known = figures[np.isfinite(figures)]
    whole = len(known) > 0 and bool((known == np.rint(known)).all())
    return Column(figures * factor, base, factor if whole else 0.0)
