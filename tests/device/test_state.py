from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augur_edge.device import conditions
from augur_edge.device.reading import cpu_list


def test_a_raspberry_pi_tells_clocks_heat_flags_and_pressure(raspberry_pi: Path) -> None:
    now = conditions(raspberry_pi)
    assert [(c.cpu, c.governor, c.mhz, c.limit_mhz) for c in now.clocks] == [
        (n, "ondemand", 600, 1500) for n in range(4)
    ]
    assert [(t.zone, t.mc, t.passive_mc) for t in now.temperatures] == [("cpu-thermal", 48199, None)]
    assert now.throttle == {"raspberry pi firmware": 0x50000}
    assert (now.psi_avg10, now.psi_total_us, now.load1) == (1.25, 250000, 0.52)
    assert (now.cpus, now.busy_jiffies, now.all_jiffies, now.steal_jiffies) == (4, 1000, 10000, 0)
    assert now.own_jiffies == 100
    assert now.unavailable == {}


def test_a_laptop_tells_where_it_slows_down_and_how_often_it_did(laptop: Path) -> None:
    now = conditions(laptop)
    assert [(t.zone, t.mc, t.passive_mc) for t in now.temperatures] == [("acpitz", 51000, 95000)]
    assert now.throttle == {"cpu0 core_throttle_count": 7}
    assert now.unavailable["pressure"] == "this system has no /proc/pressure/cpu"


def test_what_a_phone_hides_is_unknown_not_zero(phone: Path) -> None:
    now = conditions(phone)
    assert now.throttle == {"cooling 0 cpufreq-cpu0": 0}, "a battery's state is no throttling"
    assert now.busy_jiffies is None and now.steal_jiffies is None and now.own_jiffies is None
    assert now.psi_avg10 is None and now.load1 is None and now.temperatures == ()
    assert set(now.unavailable) == {"temperatures", "pressure", "load", "cpu_time", "own_time"}


def test_an_empty_tree_has_a_reason_for_everything(tmp_path: Path) -> None:
    now = conditions(tmp_path)
    assert set(now.unavailable) == {"clocks", "temperatures", "throttle", "pressure", "load", "cpu_time", "own_time"}
    assert all(reason.startswith("this system has no ") for reason in now.unavailable.values())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_forbidden_file_is_told_from_an_absent_one(raspberry_pi: Path) -> None:
    (raspberry_pi / "proc/stat").chmod(0)
    assert conditions(raspberry_pi).unavailable["cpu_time"] == "not allowed to read /proc/stat"


@pytest.mark.parametrize("text", ["", "garbage", "cpu 1 2\n", "\0\0"])
def test_a_foreign_proc_file_is_unknown(raspberry_pi: Path, text: str) -> None:
    (raspberry_pi / "proc/stat").write_text(text)
    (raspberry_pi / "proc/pressure/cpu").write_text(text)
    now = conditions(raspberry_pi)
    assert now.all_jiffies is None and now.psi_total_us is None
    assert {"cpu_time", "pressure"} <= set(now.unavailable)


def test_a_quota_of_the_control_group_counts(raspberry_pi: Path) -> None:
    (raspberry_pi / "proc/self/cgroup").write_text("0::/box\n")
    stat = raspberry_pi / "sys/fs/cgroup/box/cpu.stat"
    stat.parent.mkdir(parents=True)
    stat.write_text("usage_usec 1\nnr_periods 10\nnr_throttled 3\nthrottled_usec 9\n")
    assert conditions(raspberry_pi).throttle["cgroup nr_throttled"] == 3


def test_this_machine_s_time_of_its_own_grows_with_work() -> None:
    before = conditions()
    end_s = time.process_time() + 0.15
    while time.process_time() < end_s:
        pass
    after = conditions()
    assert after.at_ns > before.at_ns
    if before.own_jiffies is not None and after.own_jiffies is not None:
        assert 10 <= after.own_jiffies - before.own_jiffies <= 40


@given(st.sets(st.integers(0, 300)))
def test_cpu_lists_are_read_as_the_kernel_writes_them(cpus: set[int]) -> None:
    ordered, parts = sorted(cpus), []
    while ordered:
        n = next((i for i in range(1, len(ordered)) if ordered[i] != ordered[0] + i), len(ordered))
        parts.append(str(ordered[0]) if n == 1 else f"{ordered[0]}-{ordered[n - 1]}")
        ordered = ordered[n:]
    assert cpu_list(",".join(parts) + "\n") == sorted(cpus)
