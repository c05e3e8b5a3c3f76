"""`augur-edge deploy`."""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Any

from augur_edge import console
from augur_edge.cli.sync import add_ssh_arguments
from augur_edge.errors import AugurError, DataError, UsageError


class DeployCommand:
    """Bring a predictor to devices over SSH: looked at there, put in place in one step, the one before it kept.

    A device takes it only where its own kernel can run it and it says that it was trained for that kind of device;
    --any-device leaves the latter out. Without a device it is put in place here; FILE may be - for stdin, with --name.
    Each device is done for itself; the exit code is that of the first that failed, 5 for one that would not take it.

    examples:
      augur-edge deploy board.augpred pi@board-7 pi@board-8
      augur-edge deploy --rollback board.augpred pi@board-7
    """

    name = "deploy"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="an .augpred file; with --rollback, its name is enough")
        parser.add_argument("devices", metavar="[USER@]DEVICE", nargs="*", help="where to; here, if left out")
        parser.add_argument("--rollback", action="store_true", help="swap the predictor and the one before it")
        parser.add_argument(
            "--any-device",
            action="store_true",
            help="even one that was trained for another device, or does not say for which",
        )
        parser.add_argument("--name", help="what to call it; the file's name if left out")
        parser.add_argument("--sha256", metavar="HEX", help="what FILE must have; checked before anything is done")
        parser.add_argument("--folder", type=Path, metavar="DIR", help="of predictors; beside the store if left out")
        parser.add_argument("--program", default="augur-edge", help="what augur-edge is called on the devices")
        add_ssh_arguments(parser)

    def run(self, args: argparse.Namespace) -> int:
        name = args.name or Path(args.file).name
        if args.file == "-" and not args.name:
            raise UsageError("deploy - needs --name, such as board.augpred")
        data = b"" if args.rollback else _read(args.file)
        digest = hashlib.sha256(data).hexdigest()
        if args.sha256 not in (None, digest):
            raise DataError(
                f"{args.file}: its SHA-256 is {digest[:12]}…, not {args.sha256[:12]}…: cut short on the way?"
            )
        if not args.devices:
            return _here(name, data, args)
        words = [args.program, "deploy", "-", "--name", name, "--quiet"]
        words += ["--rollback"] if args.rollback else ["--sha256", digest]
        words += ["--any-device"] if args.any_device else []
        words += ["--folder", str(args.folder)] if args.folder else []
        return _everywhere(words, data, args)


def _read(file: str) -> bytes:
    from augur_edge.predict.files import read_predictor

    return sys.stdin.buffer.read() if file == "-" else read_predictor(Path(file))


def _here(name: str, data: bytes, args: argparse.Namespace) -> int:
    from augur_edge.sync.names import predictor_name
    from augur_edge.sync.predictors import folder_here, install, rollback

    path = (args.folder or folder_here()) / predictor_name(name)
    if args.rollback:
        rollback(path)
        console.talk(f"{path}: the one before it is back")
    elif install(data, path, args.any_device):
        console.talk(f"{path}: in place, {len(data)} bytes")
    else:
        console.talk(f"{path}: is there already")
    return 0


def _everywhere(words: list[str], data: bytes, args: argparse.Namespace) -> int:
    from augur_edge.sync.names import Target, predictor_name
    from augur_edge.sync.predictors import remote
    from augur_edge.sync.ssh import Ssh

    predictor_name(words[words.index("--name") + 1])
    ssh, failed = Ssh(args.ssh_config, args.accept_new_host_key), []
    targets: list[Any] = [Target.parse(device) for device in args.devices]
    for target in targets:
        try:
            remote(ssh, target, words, data)
            console.talk(f"{target.host}: {'rolled back' if args.rollback else 'in place'}")
        except AugurError as err:
            if len(targets) == 1:
                raise
            console.warn(str(err))
            failed.append(err.exit_code)
    return failed[0] if failed else 0
