"""Options that pick one device, runtime and number of threads out of a store with several."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from augur_edge.errors import UsageError

if TYPE_CHECKING:
    from augur_edge.dataset.setting import Setting


def add(parser: argparse.ArgumentParser) -> None:
    """Those of `train`, `evaluate` and `adapt`; `--device` is there already."""
    group = parser.add_argument_group("of a store with several settings (--device picks the device)")
    group.add_argument("--runtime", metavar="NAME", help="only what was measured with this runtime")
    group.add_argument("--threads", type=int, metavar="N", help="only what was measured with so many threads")


def refuse(args: argparse.Namespace) -> None:
    """Raises UsageError where one is given for architectures: a column there is of one setting, and has its name."""
    given = [name for name in ("runtime", "threads") if getattr(args, name, None) is not None]
    if given:
        raise UsageError(f"--{given[0]} is for layers; --device names the column of architectures to use")


def wanted(args: argparse.Namespace) -> Setting:
    """What the options ask for."""
    from augur_edge.dataset.setting import Setting

    return Setting(args.device, args.runtime, args.threads)
