"""`augur-edge search`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augur_edge import console, schema
from augur_edge.errors import AugurError, UsageError

if TYPE_CHECKING:
    from augur_edge.search import Figure, Found, Problem
    from augur_edge.spaces import Space

METHODS = ("auto", "evolution", "random", "exhaustive", "nsga2")
SMALL = 1 << 18
SHOWN = 10


class SearchCommand:
    """Find the best architectures of a search space within limits, by predictors, tables or a function of yours.

    Figures come from predictors of the space (`latency`, `energy`), columns of tables, and functions. An objective is
    better the less it is, but for names with accuracy or score in them. One evaluation asks for an architecture's
    objectives; limits are looked at before, and cost none. Ctrl-C ends the search with what was found.

    examples:
      augur-edge search --space nasbench201 --table accuracy.csv --predictor cells.augpred \\
          --objective accuracy --constraint 'latency_ms<=5' --confidence 0.9
      augur-edge search --space fbnet --predictor fbnet.augpred --call score=mine.py:score --objective score \\
          --constraint 'latency_ms<=20' --evaluations 100000 --batch 4096 -o found.csv
    """

    name = "search"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        what = parser.add_argument_group("what")
        what.add_argument("--space", required=True, metavar="NAME", help="the search space, as nasbench201")
        what.add_argument("--objective", nargs="+", required=True, metavar="NAME", help="figures to be best in")
        what.add_argument("--constraint", nargs="+", default=[], metavar="LIMIT", help="as 'latency_ms<=5'")
        what.add_argument(
            "--confidence", type=float, metavar="SHARE", help="limits hold for the upper end of intervals of this level"
        )
        figures = parser.add_argument_group("figures")
        figures.add_argument("--predictor", nargs="+", default=[], metavar="FILE", help="predictors of the space")
        figures.add_argument(
            "--table", nargs="+", default=[], metavar="FILE[#COLUMN]", help="measured architectures: CSV, npz, pickle"
        )
        figures.add_argument(
            "--call", nargs="+", default=[], metavar="NAME=FILE.py:FUNCTION", help="a function of vectors, which is run"
        )
        how = parser.add_argument_group("how")
        how.add_argument(
            "--method", choices=METHODS, default="auto",
            help="auto: all of a small space, if no --call is there; else evolution, for several objectives nsga2",
        )  # fmt: skip
        how.add_argument("--evaluations", type=int, default=1000, metavar="N", help="architectures to evaluate")
        how.add_argument("--batch", type=int, default=1, metavar="N", help="children of evolution made at a time")
        how.add_argument("--population", type=int, default=50, metavar="N", help="of evolution")
        how.add_argument("--seed", type=int, default=0)
        out = parser.add_argument_group("output")
        out.add_argument(
            "-o", "--output", type=Path, metavar="CSV", help="write all that was found, for `report --front`"
        )
        out.add_argument("--json", action="store_true", help=f"print one JSON document ({schema.SEARCH})")

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge import spaces

        space = spaces.parse(args.space)
        problem = _problem(args, space)
        found, interrupted = _search(args, space, problem)
        if not len(found.vectors):
            raise AugurError(_nothing(space, found))
        rows = list(_rows(space, found))
        if args.output:
            _write(args.output, rows)
        if args.json:
            print(json.dumps(_document(args, found, rows), indent=1))
        else:
            print(_text(found, rows))
        return 130 if interrupted else 0


def _problem(args: argparse.Namespace, space: Space) -> Problem:
    from augur_edge.search import Problem
    from augur_edge.search.goals import check_together, find, limit_of

    figures: dict[str, Figure] = {}
    for figure in _figures(args, space):
        if figure.name in figures:
            raise UsageError(f"two figures are called {figure.name}; leave one of the files away")
        figures[figure.name] = figure
    limits = [limit_of(text, figures) for text in args.constraint]
    check_together(limits)
    return Problem([find(name, figures, f"--objective {name}") for name in args.objective], limits)


def _figures(args: argparse.Namespace, space: Space) -> Iterator[Figure]:
    from augur_edge.search import from_callable, from_predictor, from_table
    from augur_edge.tables.read import read_table

    for path in args.predictor:
        yield from_predictor(path, space, args.confidence)
    for text in args.table:
        path, _, column = text.partition("#")
        yield from_table(read_table(Path(path), space.name), column or None, space)
    for text in args.call:
        yield from_callable(text)


def _search(args: argparse.Namespace, space: Space, problem: Problem) -> tuple[Found, bool]:
    """What was found, and whether Ctrl-C ended it. An error half-way says so; what was found till then is kept."""
    latest: list[Found] = []
    with console.Progress(args.evaluations, "searching", "architectures") as progress:

        def told(found: Found) -> None:
            latest[:] = [found]
            progress.update(min(found.evaluations, args.evaluations))

        try:
            return _method(args, space, problem, told), False
        except KeyboardInterrupt:
            if not latest:
                raise
            console.talk("stopped: this is what was found until then")
            return latest[0], True
        except AugurError as e:
            if not latest or not len(latest[0].vectors) or args.output is None:
                raise
            _write(args.output, list(_rows(space, latest[0])))
            raise type(e)(f"{e}; what was found before is in {args.output}") from e


def _method(args: argparse.Namespace, space: Space, problem: Problem, told: Any) -> Found:
    from augur_edge.search import evolve, exhaustive, random_search
    from augur_edge.search.nsga2 import nsga2

    several = len(problem.objectives) > 1
    method = args.method
    if method == "auto":
        cheap = space.combinations <= SMALL and not args.call  # a function may take minutes
        method = "exhaustive" if cheap else "nsga2" if several else "evolution"
    if several and method in {"evolution", "random"}:
        raise UsageError(f"--method {method}: for one objective; several need nsga2 or exhaustive")
    if method == "exhaustive":
        if "evaluations" in args.given:
            console.warn(f"--evaluations {args.evaluations}: all of the space is tried; --method evolution keeps to it")
        return exhaustive(space, problem, progress=told)
    how = {"evaluations": args.evaluations, "seed": args.seed, "progress": told}
    if method == "nsga2":
        return nsga2(space, problem.objectives, problem.limits, **how)
    if method == "random":
        return random_search(space, problem.objectives[0], problem.limits, **how)
    more = {"batch": args.batch, "population": args.population}
    return evolve(space, problem.objectives[0], problem.limits, **how, **more)


def _nothing(space: Space, found: Found) -> str:
    asked = ", ".join(limit.text for limit in found.problem.limits)
    if found.nearest is None:
        return f"nothing of {space.name} is known to be within {asked or 'any limit'}"
    vector, _ = found.nearest
    values = ", ".join(
        f"{limit.figure.name} {_value(limit.figure.bound(vector[None])[0], limit.figure.unit)}"
        for limit in found.problem.limits
    )
    nearest = space.title(vector.tolist())
    return f"nothing of {found.asked} architectures is within {asked}; the nearest, {nearest}, has {values}"


def _rows(space: Space, found: Found) -> Iterator[tuple[str, dict[str, tuple[float, str]]]]:
    """Name, and each figure of objectives and limits with its unit; the best first."""
    order = (found.scores[:, 0] * found.problem.signs[0]).argsort(kind="stable")
    vectors, scores = found.vectors[order], found.scores[order]
    columns = {f.name: (scores[:, i], f.unit) for i, f in enumerate(found.problem.objectives)}
    for limit in found.problem.limits:  # objectives are not asked again: they may be slow, or what ended the search
        if limit.figure.name not in columns:
            columns[limit.figure.name] = (limit.figure(vectors), limit.figure.unit)
    for i, vector in enumerate(vectors.tolist()):
        yield space.title(vector), {name: (float(values[i]), unit) for name, (values, unit) in columns.items()}


def _write(path: Path, rows: list[tuple[str, dict[str, tuple[float, str]]]]) -> None:
    import csv

    from augur_edge.store.files import text_output

    with text_output(path) as stream:
        out = csv.writer(stream, lineterminator="\n")
        out.writerow(["name", *(_column(name, unit) for name, (_, unit) in rows[0][1].items())])
        out.writerows([name, *(f"{value:.9g}" for value, _ in figures.values())] for name, figures in rows)


def _column(name: str, unit: str) -> str:
    return f"{name}_{unit}" if unit in {"ns", "uj"} and not name.endswith(f"_{unit}") else name


def _document(args: argparse.Namespace, found: Found, rows: list[Any]) -> dict[str, Any]:
    keys = ("space", "objective", "constraint", "confidence", "predictor", "table", "call", "method", "seed")
    best = [{"name": name, **{_column(k, u): v for k, (v, u) in figures.items()}} for name, figures in rows]
    return {
        "schema": schema.SEARCH,
        "context": {key: getattr(args, key) for key in keys},
        "complete": found.complete,
        "asked": found.asked,
        "evaluations": found.evaluations,
        "left_out": found.left_out,
        "found": best,
    }


def _text(found: Found, rows: list[tuple[str, dict[str, tuple[float, str]]]]) -> str:
    shown = [(name, *(_value(v, unit) for v, unit in figures.values())) for name, figures in rows[:SHOWN]]
    header = ("architecture", *rows[0][1])
    what = "on the front" if len(found.problem.objectives) > 1 else "kept"
    return (
        f"{console.table(header, shown)}\n\n{len(rows)} {what}, best first; "
        f"{found.evaluations} evaluated of {found.asked} whose limits were looked at"
    )


def _value(value: float, unit: str) -> str:
    from augur_edge.units import time_text

    return time_text(value, 3) if unit == "ns" else f"{value:.5g} {unit}".replace("percent", "%").rstrip()
