"""`augur-edge search`."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augur_edge import console, schema
from augur_edge.cli import search_output as output
from augur_edge.cli import values
from augur_edge.errors import AugurError, UsageError

if TYPE_CHECKING:
    from augur_edge.search import Checkpoint, Found
    from augur_edge.search.recipe import Recipe
    from augur_edge.search.work import Job, Workers

METHODS = ("auto", "evolution", "random", "exhaustive", "nsga2")
SMALL = 1 << 18
KEPT = ("space", "method", "evaluations", "batch", "population", "seed", "islands")


class SearchCommand:
    """Find the best architectures of a search space within limits, by predictors, tables or a function of yours.

    Figures come from predictors of the space (`latency`, `energy`), columns of tables, and functions. An objective is
    better the less it is, but for names with accuracy or score in them. One evaluation asks for an architecture's
    objectives; limits are looked at before, and cost none. Ctrl-C ends the search with what was found; with -o it
    leaves OUT.partial, too, and --resume goes on to the very end that it would have come to. --verify measures the best
    on this device, by default as `measure --mode whole` does; options of `measure` follow `--`.

    examples:
      augur-edge search --space nasbench201 --table accuracy.csv --predictor cells.augpred \\
          --objective accuracy --constraint 'latency_ms<=5' --confidence 0.9
      augur-edge search --space fbnet --predictor fbnet.augpred --call score=mine.py:score --objective score \\
          --constraint 'latency_ms<=20' --evaluations 100000 --batch 4096 -o found.csv
      augur-edge search --space nasbench201 --predictor cells.augpred --objective latency --verify 5 -- --max-time 2
      augur-edge search --space fbnet --predictor fbnet.augpred --objective latency --method random \\
          --evaluations 1000000000 -o found.csv --scheduler tcp://10.0.0.1:8786
    """

    name = "search"
    passes_on = True

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
        how.add_argument("--islands", type=int, default=1, metavar="N", help="populations that share the evaluations")
        how.add_argument("--seed", type=values.seed, default=0)
        how.add_argument("--jobs", type=int, metavar="N", help="threads (default: one a processor; with --call one)")
        how.add_argument(
            "--scheduler", metavar="ADDRESS", help="work on a Dask cluster, as tcp://10.0.0.1:8786; the same is found"
        )
        out = parser.add_argument_group("output")
        out.add_argument(
            "-o", "--output", type=Path, metavar="CSV", help="write all that was found, for `report --front`"
        )
        out.add_argument("--resume", action="store_true", help="go on with OUT.partial of an interrupted search")
        out.add_argument(
            "--verify", type=int, metavar="N", help="measure the N best here, and rank them by what was measured"
        )
        out.add_argument("--json", action="store_true", help=f"print one JSON document ({schema.SEARCH})")

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.cli import search_verify

        recipe = _recipe(args)
        job = recipe.job()
        args.method = _method(args, job)
        plan = search_verify.planned(args, job)
        checkpoint = _checkpoint(args, recipe)
        with _workers(args, recipe) as workers:
            found, interrupted = _search(args, job, workers, checkpoint)
        if not len(found.vectors):
            raise AugurError(output.nothing(job.space, found))
        rows = list(output.rows_of(job.space, found))
        if args.output:
            output.write(args.output, rows)
        if checkpoint and not interrupted:
            checkpoint.drop()
        verified = None if plan is None or interrupted else search_verify.verify(plan, job, found)
        if args.json:
            print(
                json.dumps(
                    {**output.document(args, found, rows), **(verified.document() if verified else {})}, indent=1
                )
            )
        else:
            print("\n\n".join([output.text(found, rows, job.space), *([verified.text()] if verified else [])]))
        if verified and verified.error:
            raise verified.error
        return 130 if interrupted or (verified and verified.interrupted) else 0


def _recipe(args: argparse.Namespace) -> Recipe:
    """What is searched, all files read."""
    from augur_edge.predict.files import read_predictor
    from augur_edge.search.recipe import Recipe
    from augur_edge.tables.read import read_table

    tables = []
    for text in args.table:
        path, _, column = text.partition("#")
        tables.append((read_table(Path(path), args.space.partition("@")[0]), column or None))
    return Recipe(
        args.space, tuple(args.objective), tuple(args.constraint), args.confidence,
        tuple((path, read_predictor(Path(path))) for path in args.predictor), tuple(tables),
        tuple(_absolute(text) for text in args.call),
    )  # fmt: skip


def _absolute(call: str) -> str:
    """Workers may run elsewhere: a file is named by its whole path."""
    name, _, where = call.partition("=")
    module, colon, function = where.rpartition(":")
    return f"{name}={Path(module).resolve()}{colon}{function}" if module.endswith(".py") else call


def _checkpoint(args: argparse.Namespace, recipe: Recipe) -> Checkpoint | None:
    from augur_edge.search import Checkpoint
    from augur_edge.store.partial import partial_of

    if args.output is None:
        if args.resume:
            raise UsageError("--resume goes on with OUT.partial: name OUT with -o, as when the search was begun")
        return None
    key = recipe.key({name: getattr(args, name) for name in KEPT})
    return Checkpoint(partial_of(args.output), key, args.resume, recipe.code())


@contextmanager
def _workers(args: argparse.Namespace, recipe: Recipe) -> Iterator[Workers]:
    from augur_edge.search import Here

    if args.jobs is not None and args.jobs < 1:
        raise UsageError(f"--jobs {args.jobs}: at least 1")
    if args.scheduler is None:
        yield Here(args.jobs or (1 if args.call else len(os.sched_getaffinity(0))))
        return
    if args.method == "nsga2":
        raise UsageError("--scheduler spreads exhaustive, random and evolution; nsga2 runs here, without it")
    if args.jobs is not None:
        raise UsageError("--jobs are threads of this machine; with --scheduler the cluster has its own")
    if args.method == "evolution" and args.islands == 1:
        console.warn("one island is done by one worker; --islands N spreads evolution over N")
    from augur_edge.host.cluster import Cluster

    with Cluster(args.scheduler, recipe) as cluster:
        yield cluster


def _search(args: argparse.Namespace, job: Job, workers: Workers, checkpoint: Checkpoint | None) -> tuple[Found, bool]:
    """What was found, and whether Ctrl-C ended it. An error half-way says so; what was found till then is kept."""
    latest: list[Found] = []
    total = job.space.combinations if args.method == "exhaustive" else args.evaluations
    with console.Progress(total, "searching", "architectures") as progress:

        def told(found: Found) -> None:
            latest[:] = [found]
            progress.update(min(found.asked if args.method == "exhaustive" else found.evaluations, total))

        try:
            found = _run(args, job, told, workers, checkpoint)
            if found.evaluations < total and args.method in {"evolution", "random"} and len(found.vectors):
                console.warn(f"it ended after {found.evaluations} evaluations: no more were found within the limits")
            return found, False
        except KeyboardInterrupt:
            if not latest or not len(latest[0].vectors):
                raise
            how = "; go on with the same command and --resume" if checkpoint else ", which -o would keep for --resume"
            console.talk(f"stopped: this is what was found until then{how}")
            return latest[0], True
        except AugurError as e:
            if not latest or not len(latest[0].vectors) or args.output is None:
                raise
            output.write(args.output, list(output.rows_of(job.space, latest[0])))
            kept = f"{e}; what was found before is in {args.output}, and --resume goes on there"
            raise type(e)(kept) from e


def _method(args: argparse.Namespace, job: Job) -> str:
    """The one asked for, or what suits; UsageError for one that does not."""
    several, method = len(job.problem.objectives) > 1, args.method
    if method == "auto":
        cheap = job.space.combinations <= SMALL and not args.call  # a function may take minutes
        method = "exhaustive" if cheap else "nsga2" if several else "evolution"
    if several and method in {"evolution", "random"}:
        raise UsageError(f"--method {method}: for one objective; several need nsga2 or exhaustive")
    if args.islands != 1 and method != "evolution":
        raise UsageError(f"--islands are of --method evolution, this is {method}")
    if method == "exhaustive" and "evaluations" in args.given:
        console.warn(f"--evaluations {args.evaluations}: all of the space is tried; --method evolution keeps to it")
    for name in sorted(args.given & {"batch", "population"}) if method != "evolution" else ():
        console.warn(f"--{name} is of --method evolution; this is {method}, which does without")
    return str(method)


def _run(args: argparse.Namespace, job: Job, told: Any, workers: Workers, checkpoint: Checkpoint | None) -> Found:
    from augur_edge.search import evolve, exhaustive, random_search
    from augur_edge.search.nsga2 import nsga2

    space, problem = job.space, job.problem
    how: dict[str, Any] = {"progress": told, "checkpoint": checkpoint}
    if args.method == "exhaustive":
        return exhaustive(space, problem, workers=workers, **how)
    how.update(evaluations=args.evaluations, seed=args.seed)
    if args.method == "nsga2":
        return nsga2(space, problem.objectives, problem.limits, **how)
    how.update(workers=workers)
    if args.method == "random":
        return random_search(space, problem.objectives[0], problem.limits, **how)
    more = {"batch": args.batch, "population": args.population, "islands": args.islands}
    return evolve(space, problem.objectives[0], problem.limits, **how, **more)
