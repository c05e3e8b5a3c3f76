"""The section of a file of architectures: each pair of its figures, and which of them nothing beats in both."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from augur_edge.errors import DataError
from augur_edge.metrics import front_of, is_better_high
from augur_edge.report.figure import Figure, Section, Table, Trace, axis
from augur_edge.report.network import POINTS, ROWS


@dataclass(frozen=True, eq=False)
class Architectures:
    """names: n of them. figures: column -> float64[n], finite; accuracies and scores are the better the higher."""

    names: Sequence[str]
    figures: dict[str, npt.NDArray[np.float64]]


def read(path: Path) -> Architectures:
    """A CSV whose first column names architectures and whose others are figures, say latency_ms, energy_mj, accuracy.

    Raises DataError with the line of a figure that is no finite number, and for a file without figures.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except (UnicodeDecodeError, csv.Error) as e:
        raise DataError(f"{path}: not a CSV: {e}") from None
    if len(header) < 2 or not rows:
        raise DataError(f"{path}: a name and at least one figure a row are needed, such as name,latency_ms,accuracy")
    values = np.empty((len(rows), len(header) - 1))
    for i, row in enumerate(rows):
        if len(row) != len(header):
            raise DataError(f"{path}, line {i + 2}: {len(row)} cells, the header has {len(header)}")
        values[i] = [_number(cell, f"{path}, line {i + 2}, {name}") for cell, name in zip(row[1:], header[1:])]
    return Architectures([row[0] for row in rows], {name: values[:, j] for j, name in enumerate(header[1:])})


def _number(cell: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{where}: {cell!r} is no finite number")
    return value


def section(title: str, found: Architectures) -> Section:
    """A plot for each pair of figures, its front drawn as a line; of a single figure all values in their order."""
    figures = [_figure(found, a, b) for a, b in combinations(found.figures, 2)]
    figures = figures or [_ranked(found, name) for name in found.figures]
    return Section(title, [("architectures", str(len(found.names)))], (), figures)


def _figure(found: Architectures, a: str, b: str) -> Figure:
    x, y = found.figures[a], found.figures[b]
    front = front_of(np.stack([_cost(a, x), _cost(b, y)], axis=1)).tolist()
    others = sorted(set(range(len(x))) - set(front))
    step = -(-len(others) // POINTS) or 1
    hover = f"%{{customdata}}<br>{a} %{{x:.4g}}, {b} %{{y:.4g}}<extra></extra>"
    traces: list[Trace] = [
        {"type": "scatter", "mode": mode, "name": name, "series": series,
         "x": x[places].tolist(), "y": y[places].tolist(),
         "customdata": [found.names[i] for i in places], "hovertemplate": hover, "marker": {"size": size}}
        for mode, name, series, places, size in (
            ("markers", "beaten", 0, others[::step], 5), ("lines+markers", "front", 1, front, 8),
        )
    ]  # fmt: skip
    rows = [(found.names[i], f"{x[i]:.5g}", f"{y[i]:.5g}") for i in front]
    note = f"{len(front)} of {len(x)} are on the front." + (
        f" One in {step} of the others is drawn." if step > 1 else ""
    )
    layout = {"xaxis": axis(a), "yaxis": axis(b), "dragmode": "select"}
    table = Table(("on the front", a, b), rows[:ROWS], max(0, len(rows) - ROWS))
    return Figure(f"{b} over {a}", traces, layout, table, note, brush=True)


def _ranked(found: Architectures, name: str) -> Figure:
    """The best first: there is no front of one figure."""
    values = found.figures[name]
    order = np.argsort(_cost(name, values), kind="stable")
    drawn = order[:: -(-len(order) // POINTS)]
    trace: Trace = {
        "type": "scatter", "mode": "markers", "name": name, "series": 0,
        "x": [places + 1 for places in range(0, len(order), -(-len(order) // POINTS))], "y": values[drawn].tolist(),
        "customdata": [found.names[i] for i in drawn],
        "hovertemplate": f"%{{customdata}}<br>{name} %{{y:.4g}}<extra></extra>", "marker": {"size": 5},
    }  # fmt: skip
    rows = [(found.names[i], f"{values[i]:.5g}") for i in order[:ROWS].tolist()]
    table = Table(("best first", name), rows, max(0, len(order) - ROWS))
    note = (
        f"{len(values)} architectures by the only figure there is; a front needs two, as a search with a limit gives."
    )
    return Figure(f"{name}, best first", [trace], {"xaxis": axis("place"), "yaxis": axis(name)}, table, note)


def _cost(name: str, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The less the better."""
    return -values if is_better_high(name) else values
