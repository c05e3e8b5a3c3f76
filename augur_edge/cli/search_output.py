"""What `augur-edge search` prints and writes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augur_edge import console, schema

if TYPE_CHECKING:
    from augur_edge.search import Found
    from augur_edge.spaces import Space

SHOWN = 10

Row = tuple[str, dict[str, tuple[float, str]]]


def nothing(space: Space, found: Found) -> str:
    """Why there is nothing, with the nearest."""
    asked = ", ".join(limit.text for limit in found.problem.limits)
    if found.nearest is None:
        return f"nothing of {space.name} is known to be within {asked or 'any limit'}"
    vector, _ = found.nearest
    values = ", ".join(
        f"{limit.figure.name} {value_text(limit.figure.bound(vector[None])[0], limit.figure.unit)}"
        for limit in found.problem.limits
    )
    nearest = space.title(vector.tolist())
    return f"nothing of {found.asked} architectures is within {asked}; the nearest, {nearest}, has {values}"


def rows_of(space: Space, found: Found) -> Iterator[Row]:
    """Name, and each figure of objectives and limits with its unit; the best first."""
    order = (found.scores[:, 0] * found.problem.signs[0]).argsort(kind="stable")
    vectors, scores = found.vectors[order], found.scores[order]
    columns = {f.name: (scores[:, i], f.unit) for i, f in enumerate(found.problem.objectives)}
    for limit in found.problem.limits:  # objectives are not asked again: they may be slow, or what ended the search
        if limit.figure.name not in columns:
            columns[limit.figure.name] = (limit.figure(vectors), limit.figure.unit)
    for i, vector in enumerate(vectors.tolist()):
        yield space.title(vector), {name: (float(values[i]), unit) for name, (values, unit) in columns.items()}


def write(path: Path, rows: list[Row]) -> None:
    """A CSV for `report --front`."""
    import csv

    from augur_edge.store.files import text_output

    with text_output(path) as stream:
        out = csv.writer(stream, lineterminator="\n")
        out.writerow(["name", *(column(name, unit) for name, (_, unit) in rows[0][1].items())])
        out.writerows([name, *(f"{value:.9g}" for value, _ in figures.values())] for name, figures in rows)


def column(name: str, unit: str) -> str:
    """A figure's name with its unit, where that is one of cost."""
    return f"{name}_{unit}" if unit in {"ns", "uj"} and not name.endswith(f"_{unit}") else name


def document(args: argparse.Namespace, found: Found, rows: list[Row]) -> dict[str, Any]:
    """What `--json` prints."""
    keys = ("space", "objective", "constraint", "confidence", "predictor", "table", "call", "method", "seed", "islands")
    best = [{"name": name, **{column(k, u): v for k, (v, u) in figures.items()}} for name, figures in rows]
    return {
        "schema": schema.SEARCH,
        "context": {key: getattr(args, key) for key in keys},
        "complete": found.complete,
        "asked": found.asked,
        "evaluations": found.evaluations,
        "left_out": found.left_out,
        "found": best,
    }


def text(found: Found, rows: list[Row], space: Space) -> str:
    """The best, for people."""
    shown = [(name, *(value_text(v, unit) for v, unit in figures.values())) for name, figures in rows[:SHOWN]]
    header = ("architecture", *rows[0][1])
    what = "on the front" if len(found.problem.objectives) > 1 else "kept"
    return (
        f"{console.table(header, shown)}\n\n{len(rows)} {what}, best first; "
        f"{found.evaluations} evaluated{_looked_at(found, space)}"
    )


def _looked_at(found: Found, space: Space) -> str:
    """How many more were met: a search may meet an architecture again, and does not evaluate it twice."""
    again = ", some more than once" if found.asked > space.combinations else ""
    if found.problem.limits:
        return f" of {found.asked} whose limits were looked at{again}"
    return f"; {found.asked} looked at{again}" if found.asked > found.evaluations else ""


def value_text(value: float, unit: str) -> str:
    """With its unit."""
    from augur_edge.units import time_text

    return time_text(value, 3) if unit == "ns" else f"{value:.5g} {unit}".replace("percent", "%").rstrip()
