"""Options that pick one device, runtime and number of threads out of a store with several."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from augur_edge.dataset.setting import Setting


def add(parser: argparse.ArgumentParser) -> None:
    """Those of `train`, `evaluate` and `adapt`; `--device` is there already."""
    group = parser.add_argument_group("of a store with several settings (--device picks the device)")
    group.add_argument("--runtime", metavar="NAME", help="only what was measured with this runtime")
    group.add_argument("--threads", type=int, metavar="N", help="only what was measured with so many threads")


def wanted(args: argparse.Namespace) -> Setting:
    """What the options ask for."""
    from augur_edge.dataset.setting import Setting

    return Setting(args.device, args.runtime, args.threads)
