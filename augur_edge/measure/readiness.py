"""Whether the device could be measured now, and what stands in the way: for `system show`."""

from __future__ import annotations

import time
from pathlib import Path

from augur_edge import timing
from augur_edge.device import Conditions, Reason, Watch, conditions, disturbances, lasting
from augur_edge.device.reading import Reader
from augur_edge.device.state import restamped
from augur_edge.measure.guard import OTHERS

LOOK_S = 0.3  # so that 20 ticks of 10 ms go by on a machine of one processor


def readiness(root: Path = Path("/"), cores: int | None = None, max_mc: int | None = None) -> tuple[
    Conditions, list[Reason]
]:  # fmt: skip
    """The conditions after a third of a second of spinning, and all that would disturb a pass of one thread."""
    reader = Reader(root, {})
    watch = Watch(conditions(reader), timing.get_affinity(), cores, max_mc=max_mc)
    before = restamped(watch.reference, reader)
    until_s = time.monotonic() + LOOK_S
    while time.monotonic() < until_s:
        pass
    now = conditions(reader)
    others = [r for r in disturbances(before, now, watch) if r.code in OTHERS]
    return now, [*lasting(now, Watch(now, max_mc=max_mc)), *others, *_free_clocks(now)]


def _free_clocks(now: Conditions) -> list[Reason]:
    free = sorted({c.governor for c in now.clocks if c.governor not in {None, "performance"}})
    fixed = all(c.floor_mhz is not None and c.floor_mhz == c.limit_mhz for c in now.clocks)
    if not free or fixed:
        return []
    text = f"governor {', '.join(map(str, free))} lets the clock vary"
    return [Reason("governor", text, "fix it with `sudo augur-edge system tune`")]
