"""`augur-edge fleet`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from augur_edge import console, schema
from augur_edge.cli.sync import add_ssh_arguments
from augur_edge.cli.values import seconds
from augur_edge.errors import AugurError, RemoteError, UsageError

if TYPE_CHECKING:
    from augur_edge.sync.devices import FleetDevice
    from augur_edge.sync.fleet import State


class FleetCommand:
    """Run one augur-edge command on many devices at once over SSH, or see how such jobs stand.

    `run` starts the command after -- as a job on each device of DEVICES (a TOML file: [devices.NAME] with
    ssh = "user@host", timeout_s and program, over [defaults]) and follows all of them; one that is gone holds up no
    other. Ctrl-C, or a connection that is lost, leaves the jobs running: `status` shows them, and each device's newest.
    What each printed goes to LOGS/NAME.log.

    examples:
      augur-edge fleet run devices.toml -- measure resnet18
      augur-edge fleet run devices.toml --retry
      augur-edge fleet status devices.toml
    """

    name = "fleet"
    passes_on = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("action", choices=("run", "status"), help="see above")
        parser.add_argument("devices", metavar="DEVICES", type=Path, help="the TOML file")
        parser.add_argument("--retry", action="store_true", help="the last command, where it did not end well")
        parser.add_argument("--all", action="store_true", help="status: of every job there was, not just the newest")
        parser.add_argument("--timeout", type=seconds, metavar="S", help="seconds for each device, over the file's own")
        parser.add_argument("--logs", type=Path, default=Path("fleet-logs"), metavar="DIR", help="of the devices")
        parser.add_argument("--json", action="store_true", help="how each device stands, as one JSON document")
        add_ssh_arguments(parser)

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.sync.devices import read_devices
        from augur_edge.sync.fleet import newest, status_all
        from augur_edge.sync.ssh import Ssh

        devices = read_devices(args.devices)
        if args.action == "status":
            if args.words or args.retry:
                raise UsageError("fleet status takes neither a command nor --retry")
            states = asyncio.run(status_all(devices, Ssh(args.ssh_config, args.accept_new_host_key)))
            states = states if args.all else newest(states)
        else:
            states = _run(devices, args)
        _show(states, args.json)
        return _code(states) if args.action == "run" else _status_code(states)


def _run(devices: Sequence[FleetDevice], args: argparse.Namespace) -> list[State]:
    from augur_edge.sync import fleet, jobs
    from augur_edge.sync.ssh import Ssh

    ssh, words = Ssh(args.ssh_config, args.accept_new_host_key), args.words
    known: dict[str, State] = {}
    if args.retry:
        words, known = fleet.not_ok(args.logs)
        devices = [device for device in devices if device.name in known]
    if args.all:
        raise UsageError("--all is for fleet status")
    if args.retry == bool(args.words) or not words:
        raise UsageError("name a command after --, as in `fleet run devices.toml -- measure resnet18`, or --retry")
    _make(args.logs)
    # a job whose end nobody has seen is still ours to follow; where it never began, it begins under its name
    running = {name: state.job for name, state in known.items() if state.state not in fleet.ENDED}
    states = [fleet.State(device.name, running.get(device.name) or jobs.new_job()) for device in devices]
    table = _Table(states)
    sessions = [
        (
            fleet.Session(device, state, ssh, args.logs / f"{device.name}.log", table.changed),
            args.timeout or device.timeout_s,
        )
        for device, state in zip(devices, states)
    ]
    try:
        asyncio.run(fleet.run_all(sessions, words))
    except KeyboardInterrupt:
        for state in states:
            state.state = fleet.LOST if state.state == fleet.RUNNING else state.state
        console.talk(f"jobs that were started go on; see `augur-edge fleet status {args.devices}`")
        raise
    finally:
        fleet.save(states, words, args.logs)
    return states


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise AugurError(f"{folder}: {err.strerror}; name another folder with --logs") from err


class _Table:
    """The states on stderr: redrawn in place on a terminal, elsewhere a line where one becomes another."""

    def __init__(self, states: Sequence[State]) -> None:
        self._states = states
        self._drawn = 0
        self._told: dict[str, str] = {}
        self._live = sys.stderr.isatty()

    def changed(self) -> None:
        """One of the states is not what it was."""
        if self._live:
            text = _table(self._states)
            console.talk(f"\x1b[{self._drawn}F\x1b[J{text}" if self._drawn else text)
            self._drawn = len(text.splitlines())
            return
        for state in self._states:
            if self._told.get(state.device, "waiting") != state.state:
                self._told[state.device] = state.state
                console.talk(f"{state.device}: {state.state}{f' ({state.note})' if state.note else ''}")


def _table(states: Sequence[State]) -> str:
    rows = [[s.device, s.job, s.state, "-" if s.code is None else str(s.code), s.note] for s in states]
    return console.table(["device", "job", "state", "exit code", "note"], rows, left=5)


def _show(states: Sequence[State], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"schema": schema.FLEET, "devices": [asdict(state) for state in states]}))
    else:
        print(_table(states))


def _code(states: Sequence[State]) -> int:
    from augur_edge.sync.fleet import FAILED, OK

    found = {state.state for state in states}
    return 0 if found <= {OK} else AugurError.exit_code if found <= {OK, FAILED} else RemoteError.exit_code


def _status_code(states: Sequence[State]) -> int:
    from augur_edge.sync.fleet import UNREACHABLE

    return RemoteError.exit_code if any(state.state == UNREACHABLE for state in states) else 0
