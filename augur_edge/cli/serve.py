"""`augur-edge serve`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from augur_edge.errors import UsageError


class ServeCommand:
    """The restricted end of sync, on stdin and stdout; for `command=` in an authorized_keys file, not for people.

    With --restrict-to and --device, whoever has the key may add batches to DIR/NAME and read the predictors in
    DIR/NAME/predictors, and nothing else. With --pull, a device gives its own runs to the host that called it.

    example, one line of ~/.ssh/authorized_keys:
      restrict,command="augur-edge serve --restrict-to /srv/results --device board-7" ssh-ed25519 AAAA… board-7
    """

    name = "serve"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--restrict-to", type=Path, metavar="DIR", help="the host's folder of all devices")
        parser.add_argument("--device", metavar="NAME", help="the device whose key this is")
        parser.add_argument("--pull", action="store_true", help="give the runs of --store to the host that asks")

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.store import Store
        from augur_edge.sync.pull import serve_pull
        from augur_edge.sync.serve import Wire, serve

        wire = Wire(sys.stdin.buffer, sys.stdout.buffer)
        if args.pull:
            if args.restrict_to or args.device:
                raise UsageError("--pull gives the runs of --store; it goes with neither --restrict-to nor --device")
            with Store(args.store, create=False) as store:
                serve_pull(wire, store)
        elif args.restrict_to is None or args.device is None:
            raise UsageError("serve needs --restrict-to DIR and --device NAME, or --pull")
        else:
            serve(wire, args.restrict_to, args.device)
        return 0
