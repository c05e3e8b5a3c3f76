"""`augur-edge sync`."""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from augur_edge import console, schema
from augur_edge.cli.values import bytes_per_s, seconds
from augur_edge.errors import DataError, RemoteError, UsageError
from augur_edge.units import size_text

if TYPE_CHECKING:
    from augur_edge.store import Store
    from augur_edge.sync.names import Target

_FIRST_WAIT_S = 5.0
_LONGEST_WAIT_S = 900.0


class SyncCommand:
    """Send measured runs to a host over SSH, each once and whole; or fetch them from a device with --pull.

    The host needs sshd with sftp, or a key that is tied to `augur-edge serve`; nothing runs there. Interrupted
    anywhere, the next call goes on. ssh asks nothing here: keys and known hosts are set up beforehand (docs/sync.md).
    On the host, `augur-edge ingest DIR` takes what has come into its store.

    examples:
      augur-edge sync me@host:results
      augur-edge sync me@host:results --watch --bwlimit 500k
      augur-edge sync --pull pi@board-7:.local/share/augur-edge/store.db
    """

    name = "sync"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "target",
            metavar="[USER@]HOST[:PATH]",
            help="a folder on the host (augur-edge, if left out); --pull: a store",
        )
        parser.add_argument("--pull", action="store_true", help="take runs from the device's store there into ours")
        parser.add_argument("--watch", action="store_true", help="again and again, waiting longer while nobody answers")
        parser.add_argument("--every", type=seconds, default=60.0, metavar="S", help="seconds between, under --watch")
        parser.add_argument("--bwlimit", type=bytes_per_s, metavar="RATE", help="bytes a second at most: 500k, 2M")
        parser.add_argument("--dry-run", action="store_true", help="say what would be sent, and connect to nobody")
        parser.add_argument(
            "--predictors", type=Path, metavar="DIR", help="also fetch this device's predictors into DIR"
        )
        parser.add_argument(
            "--program", default="augur-edge", help="what augur-edge is called on the device, for --pull"
        )
        parser.add_argument("--json", action="store_true", help="what was done, as one JSON document")
        add_ssh_arguments(parser)

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.store import Store
        from augur_edge.sync.names import Target

        if args.pull and (args.dry_run or args.predictors):
            raise UsageError("--pull goes with neither --dry-run nor --predictors")
        default = ".local/share/augur-edge/store.db" if args.pull else "augur-edge"
        target = Target.parse(args.target, default)
        with Store(args.store, create=args.pull) as store:
            if args.dry_run:
                return _preview(store, target, args)
            if args.watch:
                _watch(store, target, args)
            return _once(store, target, args, set())


def add_ssh_arguments(parser: argparse.ArgumentParser) -> None:
    """What every command that calls ssh has."""
    parser.add_argument(
        "--ssh-config", type=Path, metavar="FILE", help="in place of ~/.ssh/config: port, user, key, known hosts"
    )
    parser.add_argument(
        "--accept-new-host-key", action="store_true", help="trust a host that was never seen; a changed key never"
    )


def _once(store: Store, target: Target, args: argparse.Namespace, told: set[str]) -> int:
    """told: runs that the user knows to be too large."""
    from augur_edge.store.table import clean
    from augur_edge.sync.channel import Pace
    from augur_edge.sync.names import printable
    from augur_edge.sync.pull import pull
    from augur_edge.sync.push import alone, push
    from augur_edge.sync.ssh import Ssh

    ssh, pace = Ssh(args.ssh_config, args.accept_new_host_key), Pace(args.bwlimit)
    with alone(store.path):
        if args.pull:
            taken = pull(store, target, ssh, pace, args.program)
            refused = taken.refused
            facts = {"batches": taken.batches, **asdict(taken.total), "refused": refused}
            console.talk(f"{target.host}: runs pulled: {taken.total.runs}; here already: {taken.total.known}")
        else:
            pushed = push(store, target, ssh, pace, args.predictors)
            facts, refused = asdict(pushed), pushed.refused
            if pushed.runs or pushed.found:
                console.talk(
                    f"{target}: runs sent: {pushed.runs}, {size_text(pushed.bytes)}; batches: {pushed.batches},"
                    f" there already: {pushed.found}"
                )
            elif not args.watch and not refused:
                console.talk(f"{target}: up to date")
    for run in sorted(set(refused) - told):
        console.warn(
            f"run {printable(run)} stays where it is: {clean(refused[run])}; take it there with"
            f" `augur-edge export {printable(run)} -o run.jsonl` and `augur-edge import`"
        )
        told.add(run)
    if args.json:
        print(json.dumps({"schema": schema.SYNC, "target": str(target), **facts}))
    return DataError.exit_code if refused else 0


def _watch(store: Store, target: Target, args: argparse.Namespace) -> None:
    """Until interrupted; only faults of the connection and the host are waited out, with growing patience."""
    wait_s, told = _FIRST_WAIT_S, set[str]()
    every = console.duration_text(args.every)
    console.talk(f"{target}: looking every {every} for runs to {'fetch' if args.pull else 'send'}, until Ctrl-C")
    while True:
        try:
            _once(store, target, args, told)
        except RemoteError as err:
            console.warn(f"{err}; again in {console.duration_text(wait_s)}")
            time.sleep(wait_s * random.uniform(0.8, 1.2))
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        else:
            wait_s = _FIRST_WAIT_S
            time.sleep(args.every)


def _preview(store: Store, target: Target, args: argparse.Namespace) -> int:
    from augur_edge.sync.push import waiting

    groups = {device: len(unsent) for device, unsent in waiting(store, target).items()}
    if args.json:
        print(json.dumps({"schema": schema.SYNC, "target": str(target), "dry_run": True, "runs": groups}))
        return 0
    for device, count in groups.items():
        print(f"{device}: {count} run{'s' if count > 1 else ''} to send to {target}")
    if not groups:
        print(f"nothing to send to {target}")
    return 0
