from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from augur_edge.device import identify
from augur_edge.device.identity import Device

NOTHING: dict[str, str] = {}


def test_a_raspberry_pi_is_told_by_its_device_tree(raspberry_pi: Path) -> None:
    device = identify(raspberry_pi, NOTHING)
    assert device.model == "Raspberry Pi 4 Model B Rev 1.4"
    assert device.compatible == ("raspberrypi,4-model-b", "brcm,bcm2711")
    assert (device.arch, device.cpu, device.cores) == ("aarch64", "4x Cortex-A72", 4)
    assert [(c.cpus, c.max_mhz) for c in device.clusters] == [((0, 1, 2, 3), 1500)]
    assert device.memory_bytes == 3884312 * 1024
    assert (device.os, device.kernel) == ("Debian GNU/Linux 12 (bookworm)", "6.6.31+rpt-rpi-v8")
    assert device.id.startswith("raspberry-pi-4-model-b-rev-1-4-")
    assert not device.virtual
    assert device.unavailable == {}


def test_a_phone_has_clusters_of_the_processors_that_are_online(phone: Path) -> None:
    device = identify(phone, NOTHING)
    assert (device.model, device.os) == ("Maker Pocket 7", "Android 14")
    assert device.cpu == "2x Cortex-A55 + 1x Cortex-A78 + 1x implementer 0x41 part 0xfff"
    assert [(c.cpus, c.capacity, c.max_mhz) for c in device.clusters] == [((0, 1), 300, 1800), ((3,), 1024, 2400)]
    assert device.clusters[0].core == "Cortex-A55"
    assert device.memory_bytes is None and device.unavailable["memory"] == "this system has no /proc/meminfo"
    assert device.cores is None and "topology" in device.unavailable["cores"]
    assert "AUGUR_EDGE_DEVICE" in device.unavailable["machine_id"]


def test_a_laptop_counts_cores_apart_from_processors(laptop: Path) -> None:
    device = identify(laptop, NOTHING)
    assert (device.model, device.cpu, device.cores) == ("Maker Inc. Slim 14", "4x Some CPU @ 2.80GHz", 2)


def test_a_jetson_tells_its_linux_for_tegra(jetson: Path) -> None:
    device = identify(jetson, NOTHING)
    assert device.os == "Ubuntu 22.04.5 LTS, L4T 36.4.3"
    assert device.compatible[1] == "nvidia,tegra234"
    assert device.cpu == "6x Cortex-A78AE"


def test_the_id_is_stable_differs_between_machines_and_hides_the_machine_id(raspberry_pi: Path) -> None:
    first = identify(raspberry_pi, NOTHING).id
    assert identify(raspberry_pi, NOTHING).id == first
    secret = (raspberry_pi / "etc/machine-id").read_text().strip()
    plain = hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in first and first.rpartition("-")[2] not in (secret[:8], plain[:8])
    (raspberry_pi / "etc/machine-id").write_text("fedcba9876543210fedcba9876543210\n")
    assert identify(raspberry_pi, NOTHING).id != first


def test_without_a_machine_id_the_serial_number_serves(raspberry_pi: Path) -> None:
    (raspberry_pi / "etc/machine-id").write_text("")
    first = identify(raspberry_pi, NOTHING)
    assert "machine_id" not in first.unavailable
    (raspberry_pi / "proc/device-tree/serial-number").write_text("10000000feedface\0")
    assert identify(raspberry_pi, NOTHING).id != first.id


def test_the_environment_names_the_device(raspberry_pi: Path) -> None:
    assert identify(raspberry_pi, {"AUGUR_EDGE_DEVICE": "kitchen"}).id == "kitchen"


def test_an_empty_tree_is_described_with_reasons(tmp_path: Path) -> None:
    device = identify(tmp_path, NOTHING)
    assert (device.model, device.cpu, device.clusters, device.memory_bytes) == (None, None, (), None)
    assert {"model", "cpuinfo", "cpus", "memory", "machine_id"} <= set(device.unavailable)


@pytest.mark.parametrize("missing", ["proc/cpuinfo", "sys/devices/system/cpu/online", "etc/os-release"])
def test_any_one_file_may_be_missing(raspberry_pi: Path, missing: str) -> None:
    (raspberry_pi / missing).unlink()
    assert isinstance(identify(raspberry_pi, NOTHING), Device)


def test_this_machine_is_described() -> None:
    device = identify()
    assert device.arch and device.kernel and device.id
    assert device.memory_bytes is None or device.memory_bytes > 1 << 26
