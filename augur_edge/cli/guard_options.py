"""Options of `augur-edge measure` about the device's state: what to wait for, what to watch, and for how long."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augur_edge.cli import values

if TYPE_CHECKING:
    from augur_edge.measure.guard import Unguarded

KEPT = ("max_temp", "wait", "no_guard", "sustain")
CHANGEABLE = ("max_temp", "wait", "no_guard")
WAIT_S = 60.0


def add(parser: argparse.ArgumentParser) -> None:
    """--max-temp, --wait, --no-guard, --sustain, --sysroot."""
    group = parser.add_argument_group("device")
    group.add_argument("--max-temp", type=values.celsius, metavar="C", help="measure only while no zone is hotter")
    group.add_argument(
        "--wait",
        type=values.seconds,
        metavar="S",
        default=WAIT_S,
        help="wait so many seconds at a stretch for a cool and quiet device, then give up (exit code 4)",
    )
    group.add_argument(
        "--no-guard", action="store_true", help="measure whatever happens: no waiting, no pass repeated; judge only"
    )
    group.add_argument(
        "--sustain",
        type=values.seconds,
        metavar="S",
        help="then run each network for S seconds on end: latency, temperature and clock over time",
    )
    group.add_argument(
        "--sysroot", type=Path, metavar="DIR", default=Path("/"), help="read the device's files (/sys, /proc) below DIR"
    )


def guard_for(args: argparse.Namespace, context: dict[str, Any]) -> Unguarded:
    """The guard asked for. context: of the run, with its `device` and `process`."""
    from augur_edge.measure.guard import Guard, Limits, Unguarded
    from augur_edge.measure.process import REAL_TIME

    if args.no_guard:
        return Unguarded()
    return Guard(
        Limits(args.max_temp, args.wait),
        root=args.sysroot,
        cores=context["device"]["cores"],
        threads=max(args.threads),
        real_time=context["process"]["priority"] in REAL_TIME,
    )
