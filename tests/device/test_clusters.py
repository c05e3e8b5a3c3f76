"""Clusters of phones and boards, found in trees written after the kernel's documentation, and called by name."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from augur_edge import device
from augur_edge.cli import values
from augur_edge.device.cpu import Cluster, cluster_called
from augur_edge.errors import UsageError

CPU = "sys/devices/system/cpu"


@pytest.fixture
def pixel_6(tmp_path: Path) -> Path:
    """Google Tensor: 4 Cortex-A55, 2 Cortex-A76, 2 Cortex-X1."""
    kinds = [("0xd05", 124, 1803000)] * 4 + [("0xd0b", 427, 2253000)] * 2 + [("0xd44", 1024, 2802000)] * 2
    block = "processor\t: {}\nCPU implementer\t: 0x41\nCPU part\t: {}\n"
    files = {"proc/cpuinfo": "\n".join(block.format(n, part) for n, (part, _, _) in enumerate(kinds))}
    files[f"{CPU}/online"] = "0-7\n"
    for n, (_, capacity, khz) in enumerate(kinds):
        files[f"{CPU}/cpu{n}/cpu_capacity"] = f"{capacity}\n"
        files[f"{CPU}/cpu{n}/cpufreq/cpuinfo_max_freq"] = f"{khz}\n"
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_three_clusters_of_a_phone_have_names(pixel_6: Path) -> None:
    found = device.identify(pixel_6, {}).clusters
    assert [cluster_called(word, found).cpus for word in ("little", "mid", "big")] == [(0, 1, 2, 3), (4, 5), (6, 7)]
    assert [cluster_called(word, found).core for word in ("little", "big")] == ["Cortex-A55", "Cortex-X1"]


def test_two_clusters_have_no_middle_and_rank_by_clock_where_capacity_is_not_told(phone: Path) -> None:
    found = device.identify(phone, {}).clusters
    assert cluster_called("big", found).cpus == (3,)
    with pytest.raises(UsageError, match=r"2 clusters .*Cortex-A55: 0,1.*say big or little"):
        cluster_called("mid", found)
    by_clock = (Cluster((0,), "a", None, 2000), Cluster((1,), "b", None, 1500))
    assert cluster_called("little", by_clock).cpus == (1,)


@pytest.mark.parametrize("found", [(), (Cluster((0, 1), None, None, None),), (Cluster((0,), "a", None, None),) * 2])
def test_processors_of_one_speed_have_no_clusters_to_name(found: tuple[Cluster, ...]) -> None:
    with pytest.raises(UsageError, match="no clusters of different speed"):
        cluster_called("big", found)


def test_affinity_takes_a_cluster(pixel_6: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = device.identify(pixel_6, {})
    monkeypatch.setattr(device, "identify", lambda: phone)
    assert values.processors("big") == [6, 7]
    assert values.processors("0,2") == [0, 2]
    monkeypatch.setattr(device, "identify", lambda: device.Device)
    monkeypatch.setattr(device.Device, "clusters", (), raising=False)
    with pytest.raises(argparse.ArgumentTypeError, match="no clusters"):
        values.processors("little")
