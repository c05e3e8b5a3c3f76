"""`augur-edge report`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from augur_edge import console
from augur_edge.errors import UsageError

if TYPE_CHECKING:
    from augur_edge.report.figure import Section
    from augur_edge.store import RunRecord


class ReportCommand:
    """Write one HTML page about runs: layers, roofline, spread, and what two runs or a predictor say of each other.

    RUN is `last`, a run's id or how one begins, or the path of another store, which stands for its last run. The page
    needs no network and nothing beside it. Of two runs with a network in common it compares the layers.

    examples:
      augur-edge report
      augur-edge report 0657a1 last -o compared.html
      augur-edge report last --predictor device.augpred --front searched.csv
    """

    name = "report"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("runs", nargs="*", metavar="RUN", help="runs or stores (default: the last run)")
        parser.add_argument(
            "-o", "--output", type=Path, default=Path("report.html"), metavar="FILE", help="the page to write"
        )
        parser.add_argument(
            "--predictor", type=Path, nargs="+", default=[], metavar="FILE", help="compare predictors with the runs"
        )
        parser.add_argument(
            "--front", type=Path, nargs="+", default=[], metavar="CSV", help="architectures: name and figures a row"
        )

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.report.page import page
        from augur_edge.store.files import text_output

        names = args.runs or ([] if args.front and not args.predictor else ["last"])
        runs = [_load(name, args.store) for name in names]
        sections = _sections(args, runs)
        title = ", ".join(dict.fromkeys(n.name for run in runs for n in run.networks)) or "architectures"
        with text_output(args.output) as stream:
            stream.write(page(f"augur-edge: {title[:120]}", sections))
        console.talk(f"{args.output}: written, {args.output.stat().st_size / 1e6:.1f} MB; open it in a browser")
        return 0


def _load(name: str, own: Path) -> RunRecord:
    """A run of the store in use, or the last one of another store."""
    from augur_edge.store import Store

    path = Path(name)
    with Store(path if path.is_file() else own, create=False) as store:
        run = store.load(store.resolve("last" if path.is_file() else name))
    if not any(n.measurements for n in run.networks):
        raise UsageError(f"run {run.id} has no measurements yet; `augur-edge measure --resume` goes on with it")
    return run


def _sections(args: argparse.Namespace, runs: list[RunRecord]) -> list[Section]:
    from augur_edge.predict import Predictor
    from augur_edge.report import comparison, front, network, quality
    from augur_edge.store.comparison import network_pairs

    found = [network.section(run, record) for run in runs for record in run.networks]
    for a, b in zip(runs, runs[1:]):
        if network_pairs(a, b):
            found += comparison.sections(a, b)
        else:
            console.warn(f"{a.id} and {b.id} have no network in common and are not compared")
    found += [quality.section(path.name, Predictor.load(path), runs) for path in args.predictor]
    return found + [front.section(path.name, front.read(path)) for path in args.front]
