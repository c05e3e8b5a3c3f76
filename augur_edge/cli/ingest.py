"""`augur-edge ingest`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from augur_edge import console, schema
from augur_edge.errors import DataError


class IngestCommand:
    """Take the batches that devices have sent to a folder into the store.

    Each batch is taken in whole or not at all, and once, however often and in whatever order they come. A bad one is
    moved to DIR/.quarantine with its reason and holds up no other; the exit code is 5 then. Batches stay where they
    are; what is in the store may be removed from DIR.

    example:
      augur-edge ingest ~/results --store fleet.db
    """

    name = "ingest"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path, help="the folder that devices sync to")
        parser.add_argument("--json", action="store_true", help="what was done, as one JSON document")

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.store import Store
        from augur_edge.sync.ingest import ingest
        from augur_edge.sync.names import printable

        with Store(args.store) as store:
            done = ingest(store, args.folder)
        for name, reason in done.bad.items():
            console.warn(f"set aside: {printable(name)}: {reason}")
        for reason in done.newer.values():
            console.warn(f"left for a newer program: {reason}")
        total = done.total
        console.talk(
            f"{done.batches} batches taken in, {total.runs} runs with {total.measurements} measurements;"
            f" {done.seen} batches and {total.known} runs were here already"
        )
        if args.json:
            print(json.dumps({"schema": schema.INGEST, **asdict(done)}))
        return DataError.exit_code if done.bad or done.newer else 0
