"""`augur-edge compare`."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from augur_edge import console, schema
from augur_edge.cli.show import add_charts, charts_wanted, terminal_width
from augur_edge.errors import UsageError

if TYPE_CHECKING:
    from augur_edge.store import RunRecord


class CompareCommand:
    """Compare two runs: which layers became faster, which slower, and which only look so.

    The samples of each layer are put to a rank test (Mann-Whitney), corrected for many layers (Holm). It speaks of
    these two runs: a change of the build is one reason for a difference, heat and memory's layout are others, so repeat
    both in turn. A network may have been run in another setting, such as --threads; the heading says which.

    examples:
      augur-edge compare
      augur-edge compare last~2 last
      augur-edge compare 0657a1 0657b2 --threshold 0.03 --json
    """

    name = "compare"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "a", metavar="A", nargs="?", default="last~1",
            help="the run to compare with: `last`, `last~1`, an id or how one begins; the one before last if left out",
        )  # fmt: skip
        parser.add_argument("b", metavar="B", nargs="?", default="last", help="the run judged; last if left out")
        parser.add_argument(
            "--threshold", type=float, default=0.01, metavar="SHARE", help="least difference of medians that counts"
        )
        add_charts(parser)
        parser.add_argument("--json", action="store_true", help=f"print one JSON document ({schema.COMPARE})")

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.store import Store
        from augur_edge.store.comparison import compare_runs
        from augur_edge.store.comparison_table import comparison_text

        if not 0 <= args.threshold < 1:
            raise UsageError(f"--threshold {args.threshold:g}: give a share from 0 to 1, 0.01 for 1 %")
        with Store(args.store, create=False) as store:
            ids = [store.resolve(name) for name in (args.a, args.b)]
            if ids[0] == ids[1]:
                raise UsageError(f"{args.a} and {args.b} are one run, {ids[0]}; the one before last is last~1")
            a, b = map(store.load, ids)
        document = compare_runs(a, b, args.threshold)
        _warn(a, b)
        charts = charts_wanted(args.charts)
        print(json.dumps(document, indent=2) if args.json else comparison_text(document, terminal_width(), charts))
        return 0


def _warn(a: RunRecord, b: RunRecord) -> None:
    """What makes the comparison mean less than it seems to."""
    from augur_edge.store.document import verdict_of

    for run in (a, b):
        verdict = verdict_of(run)
        if not verdict["steady"]:
            why = "; ".join(reason["text"] for reason in verdict["reasons"])
            console.warn(f"run {run.id} was not steady: {why}")
    if a.device != b.device:
        console.warn(f"two devices: {a.device or 'unknown'} and {b.device or 'unknown'}")
    if {n.mode for n in a.networks} != {n.mode for n in b.networks}:
        console.warn("the runs were measured in different modes, which find the caches in different states")
