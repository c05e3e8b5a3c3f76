"""Devices as trees of files, written by hand after the kernel's and the boards' documentation; none is a capture."""

from __future__ import annotations

from pathlib import Path

import pytest
from trees import CPU, THERMAL, cpufreq, proc, processors, write_tree


@pytest.fixture
def raspberry_pi(tmp_path: Path) -> Path:
    files = {
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
        "proc/device-tree/compatible": "raspberrypi,4-model-b\0brcm,bcm2711\0",
        "proc/device-tree/serial-number": "10000000deadbeef\0",
        "proc/sys/kernel/arch": "aarch64\n",
        "proc/sys/kernel/osrelease": "6.6.31+rpt-rpi-v8\n",
        "proc/cpuinfo": processors(["0xd08"] * 4),
        "proc/pressure/cpu": "some avg10=1.25 avg60=0.50 avg300=0.10 total=250000\n",
        "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
        "etc/os-release": 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        f"{CPU}/online": "0-3\n",
        f"{THERMAL}/thermal_zone0/type": "cpu-thermal\n",
        f"{THERMAL}/thermal_zone0/temp": "48199\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "50000\n",
        **proc(4),
    }
    for cpu in range(4):
        files.update(cpufreq(cpu, "ondemand", 600000 + cpu, 1500000, 1500000))
        files[f"{CPU}/cpu{cpu}/topology/thread_siblings_list"] = f"{cpu}\n"
    return write_tree(tmp_path / "pi", files)


@pytest.fixture
def phone(tmp_path: Path) -> Path:
    """Two clusters, one processor asleep; /proc/stat, machine-id and DMI are not for apps to see."""
    getprop = "[ro.product.manufacturer]: [Maker]\n[ro.product.model]: [Pocket 7]\n"
    files = {
        "getprop.txt": getprop + "[ro.build.version.release]: [14]\n",
        "proc/sys/kernel/arch": "aarch64\n",
        "proc/cpuinfo": processors(["0xd05", "0xd05", "0xd41", "0xfff"]),
        f"{CPU}/online": "0-1,3\n",
        f"{THERMAL}/cooling_device0/type": "cpufreq-cpu0\n",
        f"{THERMAL}/cooling_device0/cur_state": "0\n",
        f"{THERMAL}/cooling_device1/type": "battery\n",
        f"{THERMAL}/cooling_device1/cur_state": "3\n",
    }
    for cpu, capacity, khz in ((0, 300, 1800000), (1, 300, 1800000), (3, 1024, 2400000)):
        files[f"{CPU}/cpu{cpu}/cpu_capacity"] = f"{capacity}\n"
        files.update(cpufreq(cpu, "schedutil", 500000, khz, khz))
    return write_tree(tmp_path / "phone", files)


@pytest.fixture
def laptop(tmp_path: Path) -> Path:
    """Two cores of two processors each; two thermal zones of one name, one of them unreadable."""
    block = "processor\t: {}\nmodel name\t: Some CPU @ 2.80GHz\nflags\t\t: fpu avx2\n"
    files = {
        "sys/class/dmi/id/sys_vendor": "Maker Inc.\n",
        "sys/class/dmi/id/product_name": "Slim 14\n",
        "proc/sys/kernel/arch": "x86_64\n",
        "proc/cpuinfo": "\n".join(block.format(n) for n in range(4)),
        f"{CPU}/online": "0-3\n",
        f"{CPU}/cpu0/thermal_throttle/core_throttle_count": "7\n",
        f"{THERMAL}/thermal_zone0/type": "acpitz\n",
        f"{THERMAL}/thermal_zone0/temp": "51000\n",
        f"{THERMAL}/thermal_zone0/trip_point_0_type": "critical\n",
        f"{THERMAL}/thermal_zone0/trip_point_0_temp": "105000\n",
        f"{THERMAL}/thermal_zone0/trip_point_1_type": "passive\n",
        f"{THERMAL}/thermal_zone0/trip_point_1_temp": "95000\n",
        f"{THERMAL}/thermal_zone1/type": "acpitz\n",
        f"{THERMAL}/thermal_zone1/temp": "no sensor\n",
        **proc(4),
    }
    for cpu in range(4):
        files[f"{CPU}/cpu{cpu}/topology/thread_siblings_list"] = f"{cpu % 2},{cpu % 2 + 2}\n"
    return write_tree(tmp_path / "laptop", files)


@pytest.fixture
def jetson(tmp_path: Path) -> Path:
    files = {
        "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
        "proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0005\0nvidia,tegra234\0",
        "proc/sys/kernel/arch": "aarch64\n",
        "proc/cpuinfo": processors(["0xd42"] * 6),
        "etc/os-release": 'PRETTY_NAME="Ubuntu 22.04.5 LTS"\n',
        "etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64\n",
        f"{CPU}/online": "0-5\n",
    }
    return write_tree(tmp_path / "jetson", files)
