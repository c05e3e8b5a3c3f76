"""Keeps disturbed passes out: waits for a cool, quiet device, watches each pass, repeats it where something interfered.

What it watches is in `device.disturbance`. Passes that were not kept leave no trace in the samples, only in the run's
context, which says how many there were and why.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from augur_edge import console, timing
from augur_edge.device import Conditions, Reason, Watch, conditions, disturbances, lasting, leave_out, too_hot
from augur_edge.device.reading import Reader
from augur_edge.device.state import restamped
from augur_edge.errors import DeviceNotReadyError

T = TypeVar("T")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
TRIAL_S = 0.05  # of spinning, to see whether somebody else wants this processor; two turns of a busy neighbour
STALE_NS = 5_000_000  # the look after a pass serves the next one too, if that follows at once
ALL_THE_SAME = "`--wait` waits longer, `--no-guard` measures all the same"

OTHERS = ("neighbour", "pressure", "other_load", "steal")
_KNOWN = {"clocks": "clocks", "temperatures": "temperatures", "throttle": "throttling"}


class Unguarded:
    """Takes every pass as it comes (`--no-guard`)."""

    lost_ns = 0

    def ready(self) -> None:
        """Wait until the device is ready to be measured."""

    def settle(self) -> None:
        """The device is warm: its clocks now are those to be held."""

    def undisturbed(self, act: Callable[[], T]) -> T:
        """What `act` returns from a pass that nothing disturbed; `act` never sleeps and keeps nothing by itself."""
        return act()

    def since(self, start: Conditions) -> Conditions:
        """`start`, moved by all that happened in passes which were not kept."""
        return start

    def to_dict(self) -> dict[str, Any] | None:
        """What was done, for the run's context; None for nothing."""
        return None


@dataclass(frozen=True)
class Limits:
    """max_temp_c: no zone may be hotter; None for any. wait_s: how long at a stretch to wait before giving up."""

    max_temp_c: float | None
    wait_s: float


class Guard(Unguarded):
    """One run's. root: of the tree the device's files lie in; cores: physical ones; threads: of the runtime.

    Every method may raise DeviceNotReadyError once `limits.wait_s` have gone by without an undisturbed pass.
    """

    def __init__(
        self, limits: Limits, *, root: Path = Path("/"), cores: int | None = None, threads: int = 1,
        real_time: bool = False,
    ) -> None:  # fmt: skip
        self._limits = limits
        self._reader = Reader(root, {})
        self._first = self._last = self._look()
        max_mc = None if limits.max_temp_c is None else round(1000 * limits.max_temp_c)
        self._watch = Watch(self._last, timing.get_affinity(), cores, threads, real_time, max_mc)
        self._skipped: list[tuple[Conditions, Conditions]] = []
        self._seen: dict[str, dict[str, Any]] = {}
        self._blind: dict[str, str] = {}
        self._passes = self._repeated = self.lost_ns = 0

    def ready(self) -> None:
        """Wait until the device is cool, not slowed down, and nobody else wants the processor."""
        if self._watch.max_mc is not None and not self._last.temperatures:
            why = self._last.unavailable.get("temperatures", "no thermal zone")
            raise DeviceNotReadyError(f"--max-temp {self._limits.max_temp_c:g}: {why}; measure without --max-temp")
        self._repeat(_spin, lambda now: [*too_hot(now, self._watch.max_mc), *_slowed(now)], counts=False)

    def settle(self) -> None:
        """Take the clocks as they are now for those that passes are held to."""
        self._last = self._look()
        self._watch = replace(self._watch, reference=self._last)

    def undisturbed(self, act: Callable[[], T]) -> T:
        """`act`, again and again until nothing disturbed it."""
        return self._repeat(act, lambda now: lasting(now, self._watch), counts=True)

    def since(self, start: Conditions) -> Conditions:
        """`start`, moved by all that happened in passes which were not kept."""
        for lost_from, lost_to in self._skipped:
            start = leave_out(start, lost_from, lost_to)
        return start

    def to_dict(self) -> dict[str, Any]:
        """`passes`, `repeated`, `lost_s`, `disturbances` (each with its code, how often, and its first text)."""
        return {
            "max_temp_c": self._limits.max_temp_c,
            "wait_s": self._limits.wait_s,
            "passes": self._passes,
            "repeated": self._repeated,
            "lost_s": round(self.lost_ns / 1e9, 3),
            "disturbances": [{"code": code, **seen} for code, seen in self._seen.items()],
            "not_watched": dict(self._blind),
        }

    def _look(self) -> Conditions:
        return conditions(self._reader)

    def _repeat(self, act: Callable[[], T], blocked: Callable[[Conditions], list[Reason]], counts: bool) -> T:
        start_s, pause_s, countdown = time.monotonic(), FIRST_PAUSE_S, console.Countdown()
        lost_from: Conditions | None = None
        reasons = [] if counts else blocked(self._last)
        try:
            while True:
                if not reasons:
                    before = self._before()
                    result = act()
                    reasons = self._after(before, counts)
                    if not reasons:
                        self._leave_out(lost_from, before)
                        return result
                    lost_from = lost_from or before
                self._pause(reasons, start_s, pause_s, blocked, countdown)
                reasons, pause_s = [], min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            countdown.close()

    def _before(self) -> Conditions:
        if time.monotonic_ns() - self._last.at_ns > STALE_NS:
            self._last = self._look()
        return restamped(self._last, self._reader)

    def _after(self, before: Conditions, counts: bool) -> list[Reason]:
        """What disturbed the pass just ended; of a trial (not counts) only what others do, as its clock is rising."""
        self._last = self._look()
        self._check_sight(self._last)
        reasons = disturbances(before, self._last, self._watch)
        if not counts:
            return [r for r in reasons if r.code in OTHERS]
        self._count(reasons)
        return reasons

    def _pause(
        self, reasons: list[Reason], start_s: float, pause_s: float, blocked: Callable[[Conditions], list[Reason]],
        countdown: console.Countdown,
    ) -> None:  # fmt: skip
        """Sleep, and on while one look shows that trying again is no use."""
        while True:
            left_s = start_s + self._limits.wait_s - time.monotonic()
            if left_s <= 0:
                raise DeviceNotReadyError(self._farewell(reasons[0]))
            countdown.show(reasons[0].text, left_s)
            time.sleep(min(pause_s, left_s))
            self._last = self._look()
            still = blocked(self._last)
            if not still:
                return
            reasons, pause_s = still, min(2 * pause_s, LONGEST_PAUSE_S)

    def _farewell(self, reason: Reason) -> str:
        waited = f"{self._limits.wait_s:g} s"
        return f"{reason.text}, and that did not end within {waited}: {reason.advice}; {ALL_THE_SAME}"

    def _count(self, reasons: list[Reason]) -> None:
        self._passes += 1
        self._repeated += bool(reasons)
        for reason in reasons:
            if reason.code not in self._seen:
                self._seen[reason.code] = {"text": reason.text, "n": 0}
                console.talk(f"a pass is repeated ({reason.code}): {reason.text}")
            self._seen[reason.code]["n"] += 1

    def _leave_out(self, lost_from: Conditions | None, until: Conditions) -> None:
        if lost_from is not None:
            self._skipped.append((lost_from, until))
            self.lost_ns += until.at_ns - lost_from.at_ns

    def _check_sight(self, now: Conditions) -> None:
        """Files that vanish while measuring: what they told is no longer watched, and that is said once."""
        for name, words in _KNOWN.items():
            if getattr(self._first, name) and not getattr(now, name) and name not in self._blind:
                self._blind[name] = now.unavailable.get(name, "its files are gone")
                console.warn(f"{words} can no longer be read ({self._blind[name]}): changes are not noticed any more")
        if self._watch.max_mc is not None and not now.temperatures:
            raise DeviceNotReadyError(
                f"the temperature can no longer be read, so --max-temp {self._limits.max_temp_c:g} cannot be held: "
                f"look at /sys/class/thermal, or measure without --max-temp"
            )


def _slowed(now: Conditions) -> list[Reason]:
    return [r for r in lasting(now, Watch(now)) if r.code == "throttled"]


def _spin() -> None:
    until_s = time.monotonic() + TRIAL_S
    while time.monotonic() < until_s:
        pass
