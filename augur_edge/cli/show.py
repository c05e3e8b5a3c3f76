"""`augur-edge show`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augur_edge import console, schema

if TYPE_CHECKING:
    from augur_edge.store import RunRecord


class ShowCommand:
    """Show a run: every layer's latency, spread and share, the network as a whole, and the verdict.

    examples:
      augur-edge show
      augur-edge show --sort latency
      augur-edge show --list
      augur-edge show 0657 --json
    """

    name = "show"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "run", nargs="?", default="last", help="`last`, `last~1`, an id or how one begins; last if left out"
        )
        parser.add_argument("--list", action="store_true", help="show the runs there are, the newest at the bottom")
        parser.add_argument(
            "--sort", choices=("order", "latency"), default="order", help="of execution, or slowest first"
        )
        add_charts(parser)
        parser.add_argument("--json", action="store_true", help=f"print one JSON document ({schema.MEASURE})")

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.store import Store, measure_document
        from augur_edge.store.table import run_text

        with Store(args.store, create=False) as store:
            if args.list:
                _show_list(store.runs()[::-1], args.store, args.json)
                return 0
            run = store.load(store.resolve(args.run))
        if args.json:
            print(json.dumps(measure_document(run), indent=2))
        else:
            print(run_text(run, terminal_width(), args.sort, charts_wanted(args.charts)))
        return 0


def add_charts(parser: argparse.ArgumentParser) -> None:
    """The option that says when pictures are drawn, of `show` and `compare`."""
    parser.add_argument(
        "--charts",
        choices=("auto", "always", "never"),
        default="auto",
        help="bars below the table; auto: on a terminal",
    )


def charts_wanted(when: str) -> bool:
    """Whether to draw; `auto` is for people, so not into a pipe or a file."""
    return when == "always" or (when == "auto" and sys.stdout.isatty())


def terminal_width() -> int:
    """Columns of the terminal ($COLUMNS wins); 100 where there is none."""
    return shutil.get_terminal_size((100, 24)).columns


def _show_list(runs: list[RunRecord], path: Path, as_json: bool) -> None:
    if as_json:
        document = {"schema": schema.RUNS, "context": {"store": str(path)}, "runs": [_entry(run) for run in runs]}
        print(json.dumps(document, indent=2))
    elif runs:
        print(_list_text(runs, terminal_width()))
    else:
        console.talk(f"{path}: no runs yet; `augur-edge measure resnet18` makes the first")


def _list_text(runs: list[RunRecord], width: int) -> str:
    """A line for each run; of networks' names as much as the width has room for."""
    header = ("run", "when", "status", "steady", "device", "networks")
    rows = [_row(run) for run in runs]
    room = width - sum(max(map(len, (title, *cells))) + 2 for title, cells in zip(header, zip(*rows)))
    full = [(*row, _networks(run, max(40, room))) for run, row in zip(runs, rows)]
    return console.table(header, full, left=6)


def _networks(run: RunRecord, room: int) -> str:
    """Up to three networks as far as there is room; of one that is too long the name's middle is left out."""
    from augur_edge.store.settings import split_name
    from augur_edge.store.table import clean, shorten

    names = [(clean(n.name), f" ({n.runtime}, {n.mode})") for n in run.networks]
    for shown in (3, 2, 1):
        more = f", and {len(names) - shown} more" if len(names) > shown else ""
        text = ", ".join(name + how for name, how in names[:shown]) + more
        if len(text) <= room or not names:
            return text
    (name, setting), how = split_name(names[0][0]), names[0][1]
    return shorten(name, max(14, room - len(setting) - len(how) - len(more))) + setting + how + more


def _entry(run: RunRecord) -> dict[str, Any]:
    from augur_edge.store.document import verdict_of

    return {
        "run": run.id,
        "created_unix_ns": run.created_unix_ns,
        "finished_unix_ns": run.finished_unix_ns,
        "device": run.device,
        "status": run.status,
        "steady": verdict_of(run)["steady"],
        "networks": [{"name": n.name, "runtime": n.runtime, "mode": n.mode} for n in run.networks],
    }


def _row(run: RunRecord) -> tuple[str, ...]:
    entry = _entry(run)
    when = datetime.fromtimestamp(run.created_unix_ns / 1e9).strftime("%Y-%m-%d %H:%M")
    return run.id, when, run.status, "yes" if entry["steady"] else "no", run.device
