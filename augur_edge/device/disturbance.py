"""What disturbed one pass, a few hundred ms long: narrower questions than `compare` asks of a whole run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from augur_edge.device.compare import (
    PRESSURE_SHARE,
    Reason,
    compare_conditions,
    elapsed_jiffies,
    other_share,
    pressure_share,
)
from augur_edge.device.state import RASPBERRY_PI, Conditions

WAIT_SHARE = 0.03  # of a pass spent waiting for a processor; timer ticks and kernel threads take well below 1 %
LEAST_WAIT_NS = 1_000_000  # less is one short interruption, which a median does not feel
SWITCHES_PER_S = 50  # where waiting is not counted; a quiet machine has a few
STEAL_SHARE = 0.05
MIN_JIFFIES = 20  # a tick of 10 ms is then 5 % at most
SLACK = 0.15  # of a processor: what a quiet system's daemons use
_WATCHED = {"clock", "governor", "throttled", "mode"}
_NEIGHBOUR = "stop them (`top` names them), or keep them away with --affinity or --priority fifo"
_COUNTERS = (
    "at_ns", "psi_total_us", "busy_jiffies", "steal_jiffies", "all_jiffies", "own_jiffies", "wait_ns",
    "all_wait_ns", "thread_ns", "involuntary",
)  # fmt: skip


@dataclass(frozen=True)
class Watch:
    """What to hold passes to. reference: a look at the warm device, whose clocks are to stay; cpus: in use.

    cores: physical ones, None for unknown; real_time: others wait for this process; max_mc: highest temperature.
    """

    reference: Conditions
    cpus: Collection[int] = ()
    cores: int | None = None
    threads: int = 1
    real_time: bool = False
    max_mc: int | None = None


def disturbances(before: Conditions, after: Conditions, watch: Watch) -> list[Reason]:
    """Why the pass between two looks is not to be kept; none if nothing known was seen. A pass never sleeps."""
    since = replace(before, clocks=watch.reference.clocks, controls=watch.reference.controls)
    reasons = [r for r in compare_conditions(since, after, watch.cpus) if r.code in _WATCHED]
    return [*reasons, *too_hot(after, watch.max_mc), *_neighbour(before, after, watch), *_host(before, after, watch)]


def lasting(now: Conditions, watch: Watch) -> list[Reason]:
    """Of the disturbances those that one look shows: while one is there, trying again is no use."""
    since = replace(now, clocks=watch.reference.clocks, controls=watch.reference.controls)
    limits = tuple(replace(c, mhz=None) for c in now.clocks)  # a resting processor's clock says nothing
    found = compare_conditions(since, replace(now, clocks=limits), watch.cpus)
    return [*too_hot(now, watch.max_mc), *(r for r in found if r.code in _WATCHED)]


def too_hot(now: Conditions, max_mc: int | None) -> list[Reason]:
    """The hottest zone, if it is above the limit."""
    hottest = max(now.temperatures, key=lambda t: t.mc, default=None)
    if max_mc is None or hottest is None or hottest.mc <= max_mc:
        return []
    text = f"{hottest.zone} is at {hottest.mc / 1000:.1f} C, above {max_mc / 1000:g} C"
    advice = "cool the device (fan, heat sink, a cooler room)"
    return [Reason("hot", text, advice, hottest.mc / 1000, max_mc / 1000)]


def waited_share(before: Conditions, after: Conditions, threads: int) -> float | None:
    """Share of the time between two looks, never sleeping, in which this process waited for a processor.

    By the kernel's count; else, of one thread, by what it did not run; None where neither can tell.
    """
    elapsed_ns = after.at_ns - before.at_ns
    if elapsed_ns <= 0:
        return None
    # Of one thread only its own waiting: a sampler's thread that waits behind this one disturbs nobody.
    waits = [(side.wait_ns if threads == 1 else side.all_wait_ns) for side in (before, after)]
    if waits[0] is not None and waits[1] is not None:
        return max(waits[1] - waits[0], 0) / elapsed_ns
    if threads == 1 and before.thread_ns is not None and after.thread_ns is not None:
        return max(elapsed_ns - (after.thread_ns - before.thread_ns), 0) / elapsed_ns
    return None


def _neighbour(before: Conditions, after: Conditions, watch: Watch) -> list[Reason]:
    """Others on the processors in use, by the best sign there is; else others on all that share a core with them."""
    elapsed_ns = after.at_ns - before.at_ns
    waited, pressure = waited_share(before, after, watch.threads), pressure_share(before, after)
    if waited is not None:
        disturbed, limit = waited > WAIT_SHARE and waited * elapsed_ns >= LEAST_WAIT_NS, WAIT_SHARE
        code, text = "neighbour", f"other processes had the processor in {100 * waited:.0f} % of a pass"
    elif pressure is not None and not watch.real_time:
        disturbed, limit = pressure > PRESSURE_SHARE, PRESSURE_SHARE
        code, text = "pressure", f"tasks waited for a processor in {100 * pressure:.0f} % of a pass"
    else:
        return _interrupted(before, after) or _beside(before, after, watch)
    if not disturbed:
        return _beside(before, after, watch)
    return [Reason(code, text, _NEIGHBOUR, round(100 * (waited or pressure or 0), 1), 100 * limit)]


def _interrupted(before: Conditions, after: Conditions) -> list[Reason]:
    elapsed_ns = after.at_ns - before.at_ns
    if before.involuntary is None or after.involuntary is None or elapsed_ns <= 0:
        return []
    rate = (after.involuntary - before.involuntary) * 1e9 / elapsed_ns
    text = f"other processes interrupted this one {rate:.0f} times a second"
    found = Reason("neighbour", text, _NEIGHBOUR, round(rate, 1), SWITCHES_PER_S)
    return [found] if rate > SWITCHES_PER_S else []


def _beside(before: Conditions, after: Conditions, watch: Watch) -> list[Reason]:
    """Others with more than the cores this process leaves free: they share a core's units with it."""
    share = other_share(before, after, MIN_JIFFIES)
    if share is None or after.cpus is None or watch.cores is None:
        return []
    used, free = share * after.cpus, max(watch.cores - watch.threads, 0)
    if used <= free + SLACK or after.cpus <= watch.threads:
        return []
    text = f"other processes kept {used:.1f} processors busy beside this one, and {free} cores are free"
    return [Reason("other_load", text, _NEIGHBOUR, round(used, 2), free + SLACK)]


def _host(before: Conditions, after: Conditions, watch: Watch) -> list[Reason]:
    elapsed = elapsed_jiffies(before, after)
    if elapsed < MIN_JIFFIES or before.steal_jiffies is None or after.steal_jiffies is None or after.cpus is None:
        return []
    # All processors' ticks together; what was stolen may have come from one, and that one may be ours.
    share = (after.steal_jiffies - before.steal_jiffies) / (elapsed / after.cpus)
    if share <= STEAL_SHARE:
        return []
    text = f"the virtual machine's host took a processor away in {100 * share:.0f} % of a pass"
    return [Reason("steal", text, "measure on hardware of its own", round(100 * share, 1), 100 * STEAL_SHARE)]


def leave_out(start: Conditions, lost_from: Conditions, lost_to: Conditions) -> Conditions:
    """`start`, moved so that what happened between the other two looks does not count from it on."""
    moved = {}
    for name in _COUNTERS:
        old, a, b = (getattr(side, name) for side in (start, lost_from, lost_to))
        if None not in (old, a, b):
            moved[name] = old + b - a
    throttle = dict(start.throttle)
    for name, value in throttle.items():
        if name == RASPBERRY_PI:
            throttle[name] = value | lost_to.throttle.get(name, 0) & 0xF0000  # the bits that say "has been"
        elif not name.startswith("cooling"):
            throttle[name] = value + max(lost_to.throttle.get(name, 0) - lost_from.throttle.get(name, 0), 0)
    return replace(start, throttle=throttle, **moved)
