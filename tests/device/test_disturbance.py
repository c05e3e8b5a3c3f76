"""What one pass shows: by figures, each sign alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from augur_edge.device import Conditions, Watch, disturbances, lasting, leave_out
from augur_edge.device.disturbance import waited_share
from augur_edge.device.state import RASPBERRY_PI, Clock, Temperature

pytestmark = pytest.mark.quiet

CALM = Conditions(
    at_ns=0,
    clocks=(Clock(0, "performance", 1500, 1500), Clock(1, "performance", 1500, 1500)),
    temperatures=(Temperature("cpu", 50_000, 80_000),),
    throttle={"cpu0 core_throttle_count": 7, "cooling 0 cpufreq": 0, RASPBERRY_PI: 0x50000},
    psi_total_us=1000,
    cpus=2,
    busy_jiffies=1000,
    steal_jiffies=5,
    all_jiffies=9000,
    own_jiffies=100,
    wait_ns=10,
    all_wait_ns=20,
    thread_ns=5,
    involuntary=3,
    controls={"nvpmodel": "0 MAXN", "jetson_clocks": "on", "fan pwmfan pwm1": "90 of 255"},
)
PASS_NS = 250_000_000
LATER = replace(
    CALM, at_ns=PASS_NS, thread_ns=5 + PASS_NS, busy_jiffies=1025, own_jiffies=125, all_jiffies=9050, involuntary=4
)
UNCOUNTED = {"wait_ns": None, "all_wait_ns": None}


def codes(after: Conditions, before: Conditions = CALM, **watch: Any) -> list[str]:
    return [r.code for r in disturbances(before, after, Watch(**{"reference": CALM, "cores": 2, **watch}))]


def test_a_calm_pass_is_kept() -> None:
    assert codes(LATER) == []
    assert codes(replace(LATER, controls={**CALM.controls, "fan pwmfan pwm1": "255 of 255"})) == []


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("clock", {"clocks": (Clock(0, "performance", 1200, 1500),)}),
        ("governor", {"clocks": (Clock(0, "powersave", 1500, 1500),)}),
        ("throttled", {"throttle": {"cpu0 core_throttle_count": 8}}),
        ("throttled", {"throttle": {"cooling 0 cpufreq": 1}}),
        ("throttled", {"throttle": {RASPBERRY_PI: 0x50004}}),
        ("mode", {"controls": {"nvpmodel": "1 15W"}}),
        ("mode", {"controls": {"jetson_clocks": "off"}}),
        ("neighbour", {"wait_ns": 10 + PASS_NS // 10}),
        ("steal", {"steal_jiffies": 8}),
        ("hot", {"temperatures": (Temperature("cpu", 60_001, 80_000),)}),
    ],
)
def test_each_sign_is_named_once(code: str, change: dict[str, Any]) -> None:
    (reason,) = disturbances(CALM, replace(LATER, **change), Watch(CALM, cores=2, max_mc=60_000))
    assert reason.code == code
    assert reason.text and reason.advice


def test_clocks_are_held_to_the_reference_not_to_the_pass_before() -> None:
    low = (Clock(0, "performance", 1000, 1000),)
    slow = replace(CALM, clocks=low)
    assert codes(replace(LATER, clocks=low), before=slow) == ["clock", "clock"]
    assert [r.code for r in lasting(slow, Watch(CALM))] == ["clock"], "the limit; a resting clock says nothing"


@pytest.mark.parametrize(
    ("threads", "before", "after", "share"),
    [
        (1, {}, {"wait_ns": 10 + PASS_NS // 4}, 0.25),
        (1, {}, {"all_wait_ns": 20 + PASS_NS // 4}, 0.0),  # a sampler's thread that waits for this one
        (2, {}, {"all_wait_ns": 20 + PASS_NS // 4}, 0.25),
        (1, UNCOUNTED, {**UNCOUNTED, "thread_ns": 5 + PASS_NS * 3 // 4}, 0.25),
        (2, UNCOUNTED, {**UNCOUNTED, "thread_ns": 5 + PASS_NS * 3 // 4}, None),
    ],
)
def test_waiting_is_told_by_the_best_sign_there_is(
    threads: int, before: dict[str, Any], after: dict[str, Any], share: float | None
) -> None:
    found = waited_share(replace(CALM, **before), replace(LATER, **after), threads)
    assert found == (None if share is None else pytest.approx(share, abs=1e-6))


@pytest.mark.parametrize(
    ("change", "watch", "expected"),
    [
        ({"psi_total_us": 26_000}, {}, ["pressure"]),
        ({"psi_total_us": 6_000}, {}, []),
        ({"psi_total_us": 26_000}, {"real_time": True}, []),
        ({"psi_total_us": None, "involuntary": 40}, {}, ["neighbour"]),
        ({"psi_total_us": None, "involuntary": 6}, {}, []),
    ],
)
def test_several_threads_without_a_count_go_by_pressure_or_interruptions(
    change: dict[str, Any], watch: dict[str, Any], expected: list[str]
) -> None:
    before = replace(CALM, **UNCOUNTED)
    if "psi_total_us" in change and change["psi_total_us"] is None:
        before = replace(before, psi_total_us=None)
    assert codes(replace(LATER, **UNCOUNTED, **change), before, threads=2, **watch) == expected


@pytest.mark.parametrize(("cores", "expected"), [(2, []), (1, ["other_load"]), (None, [])])
def test_a_load_beside_counts_where_it_shares_the_core(cores: int | None, expected: list[str]) -> None:
    beside = replace(LATER, busy_jiffies=1050)  # 25 of ours, 25 of somebody else on the other processor
    assert codes(beside, cores=cores) == expected


def test_a_short_interruption_does_not_count() -> None:
    short = replace(CALM, at_ns=10_000_000, thread_ns=5 + 9_100_000, wait_ns=10 + 900_000)
    assert codes(short) == []


def test_left_out_time_is_gone_from_every_counter() -> None:
    lost_to = replace(
        CALM, at_ns=70, psi_total_us=1700, busy_jiffies=1500, steal_jiffies=9, all_jiffies=9900, own_jiffies=150,
        wait_ns=60, all_wait_ns=90, thread_ns=25, involuntary=9,
        throttle={"cpu0 core_throttle_count": 9, "cooling 0 cpufreq": 2, RASPBERRY_PI: 0x70002},
    )  # fmt: skip
    moved = leave_out(CALM, CALM, lost_to)
    counters = ("at_ns", "psi_total_us", "busy_jiffies", "steal_jiffies", "wait_ns", "thread_ns", "involuntary")
    assert [getattr(moved, name) for name in counters] == [getattr(lost_to, name) for name in counters]
    assert moved.throttle == {"cpu0 core_throttle_count": 9, "cooling 0 cpufreq": 0, RASPBERRY_PI: 0x70000}
    assert leave_out(CALM, lost_to, lost_to).busy_jiffies == CALM.busy_jiffies
    unknown = replace(CALM, psi_total_us=None)
    assert leave_out(unknown, unknown, lost_to).psi_total_us is None
