from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augur_edge.device import Conditions, compare_conditions, conditions, other_share
from augur_edge.device.state import Clock, Temperature

CALM = Conditions(
    at_ns=0,
    clocks=(Clock(0, "performance", 1500, 1500), Clock(1, "performance", 1500, 1500)),
    temperatures=(Temperature("cpu", 50_000, 80_000), Temperature("acpitz", 40_000, None)),
    throttle={"cpu0 core_throttle_count": 7, "cooling 0 cpufreq": 0, "raspberry pi firmware": 0x50000},
    psi_avg10=0.0,
    psi_total_us=1000,
    load1=0.1,
    cpus=4,
    busy_jiffies=1000,
    steal_jiffies=5,
    all_jiffies=9000,
    own_jiffies=100,
)
LATER = replace(CALM, at_ns=10**10, all_jiffies=13_000, busy_jiffies=2010, own_jiffies=1100)


def codes(after: Conditions, before: Conditions = CALM, cpus: tuple[int, ...] = ()) -> list[str]:
    return [reason.code for reason in compare_conditions(before, after, cpus)]


def test_a_calm_device_gives_no_reason() -> None:
    assert codes(LATER) == []


@pytest.mark.parametrize(
    ("code", "change", "words"),
    [
        ("clock", {"clocks": (Clock(0, "performance", 1200, 1500),)}, "clock went from 1500 to 1200 MHz"),
        ("clock", {"clocks": (Clock(0, "performance", None, 1000),)}, "highest allowed clock went from 1500 to 1000"),
        ("governor", {"clocks": (Clock(0, "powersave", 1500, 1500),)}, "cpu0 went from performance to powersave"),
        ("temperature", {"temperatures": (Temperature("cpu", 62_000, 80_000),)}, "cpu warmed by 12 C to 62 C"),
        ("hot", {"temperatures": (Temperature("cpu", 78_000, 80_000),)}, "slows down from 80 C"),
        ("throttled", {"throttle": {"cpu0 core_throttle_count": 9}}, "rose by 2"),
        ("throttled", {"throttle": {"cooling 0 cpufreq": 2}}, "state 2"),
        ("throttled", {"throttle": {"raspberry pi firmware": 0x50001}}, "under-voltage"),
        ("throttled", {"throttle": {"raspberry pi firmware": 0x70000}}, "the clock is capped"),
        ("pressure", {"psi_total_us": 1_001_000}, "10 % of the time"),
        ("steal", {"steal_jiffies": 105}, "2.5 %"),
        ("other_load", {"busy_jiffies": 2500}, "12 %"),
    ],
)
def test_each_disturbance_is_told_once_with_its_figures(code: str, change: dict[str, Any], words: str) -> None:
    (reason,) = compare_conditions(CALM, replace(LATER, **change))
    assert reason.code == code
    assert words in reason.text
    assert reason.advice


def test_only_the_processors_in_use_are_judged() -> None:
    other = replace(LATER, clocks=(Clock(0, "performance", 1500, 1500), Clock(1, "powersave", 300, 300)))
    assert codes(other, cpus=(0,)) == []
    assert codes(other, cpus=(1,)) == ["clock", "clock", "governor"]


def test_an_old_flag_of_the_firmware_is_no_news() -> None:
    assert CALM.throttle["raspberry pi firmware"] == 0x50000
    assert codes(LATER) == []


def test_zones_of_one_name_are_told_apart() -> None:
    before = replace(CALM, temperatures=(Temperature("acpitz", 40_000, None), Temperature("acpitz", 70_000, None)))
    after = replace(LATER, temperatures=(Temperature("acpitz", 41_000, None), Temperature("acpitz", 71_000, None)))
    assert codes(after, before) == []


@pytest.mark.parametrize(
    "field", ["clocks", "temperatures", "throttle", "psi_total_us", "steal_jiffies", "all_jiffies", "own_jiffies"]
)
def test_the_unknown_is_not_judged(field: str) -> None:
    noisy = replace(LATER, psi_total_us=9_000_000, steal_jiffies=900, busy_jiffies=5000)
    unknown = replace(noisy, **{field: type(getattr(noisy, field))() if field in {"clocks", "temperatures"} else None})
    if field == "throttle":
        unknown = replace(noisy, throttle={})
    assert set(codes(unknown)) <= set(codes(noisy))
    assert set(codes(noisy, replace(CALM, **{field: getattr(unknown, field)}))) <= set(codes(noisy))


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 64))
def test_the_share_of_others_is_a_share(busy: int, own: int, cpus: int) -> None:
    after = replace(LATER, busy_jiffies=1000 + busy, own_jiffies=100 + own, all_jiffies=9000 + busy + 100, cpus=cpus)
    share = other_share(CALM, after)
    assert share is not None and 0 <= share <= 1
    assert (share == 0) == (busy <= own)


def test_a_short_time_tells_no_share() -> None:
    assert other_share(CALM, replace(CALM, all_jiffies=9010, busy_jiffies=1010)) is None


def test_two_looks_at_a_tree_that_did_not_change(raspberry_pi: Path) -> None:
    assert compare_conditions(conditions(raspberry_pi), conditions(raspberry_pi)) == []
