"""Trees of files of each board that has a profile, written after the documents its profile cites; none is a capture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trees import CPU, THERMAL, cpufreq, proc, processors, write_tree

Files = dict[str, str]


def tree(model: str, *compatible: str, arch: str = "aarch64") -> Files:
    """What names a board with a device tree."""
    return {
        "proc/device-tree/model": f"{model}\0",
        "proc/device-tree/compatible": "".join(f"{name}\0" for name in compatible),
        "proc/sys/kernel/arch": f"{arch}\n",
        "proc/sys/kernel/osrelease": "5.10.0\n",
        "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    }


def cores(*clusters: tuple[str, int, int]) -> Files:
    """Clusters of (part number, how many, highest clock in kHz), all at half of it."""
    parts = [(part, khz) for part, n, khz in clusters for _ in range(n)]
    files = {"proc/cpuinfo": processors([part for part, _ in parts]), f"{CPU}/online": f"0-{len(parts) - 1}\n"}
    for cpu, (_, khz) in enumerate(parts):
        files.update(cpufreq(cpu, "schedutil", khz // 2, khz, khz))
        files[f"{CPU}/cpu{cpu}/topology/thread_siblings_list"] = f"{cpu}\n"
    return {**proc(len(parts)), **files}


def zones(*names: str) -> Files:
    """Thermal zones at 41, 42, … C."""
    out = {}
    for i, name in enumerate(names):
        out[f"{THERMAL}/thermal_zone{i}/type"] = f"{name}\n"
        out[f"{THERMAL}/thermal_zone{i}/temp"] = f"{41_000 + 1000 * i}\n"
    return {**out, f"{THERMAL}/cooling_device0/type": "cpufreq-cpu0\n", f"{THERMAL}/cooling_device0/cur_state": "0\n"}


def iio(*rails: str) -> Files:
    """NVIDIA's own INA3221 driver, JetPack 4."""
    out = {}
    for i, name in enumerate(rails):
        base = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
        out[f"{base}/rail_name_{i}"] = f"{name}\n"
        out[f"{base}/in_power{i}_input"] = f"{500 + i}\n"
    return out


def hwmon(address: str, *rails: str) -> Files:
    """The kernel's INA3221 driver, JetPack 5 and 6, with the sum it shows as a seventh channel."""
    base = f"sys/bus/i2c/devices/1-00{address}/hwmon/hwmon{address[-1]}"
    out = {f"{base}/name": "ina3221\n", f"{base}/in7_label": "sum of shunt voltages\n", f"{base}/in7_input": "200\n"}
    for i, name in enumerate(rails, 1):
        out[f"{base}/in{i}_label"] = f"{name}\n"
        out[f"{base}/in{i}_input"] = "5000\n"
        out[f"{base}/curr{i}_input"] = f"{300 + i}\n"
    return out


def release(l4t: str) -> Files:
    """What Linux for Tegra calls itself."""
    major, minor = l4t.split(".", 1)
    system = {"32": "Ubuntu 18.04.6 LTS", "35": "Ubuntu 20.04.6 LTS", "36": "Ubuntu 22.04.5 LTS"}[major]
    text = f"# R{major} (release), REVISION: {minor}, GCID: 1, BOARD: generic, EABI: aarch64\n"
    return {"etc/nv_tegra_release": text, "etc/os-release": f'PRETTY_NAME="{system}"\n'}


def phone(maker: str, model: str, codename: str, platform: str) -> Files:
    """What `getprop` prints there, and a battery that apps may read."""
    properties = {
        "ro.product.manufacturer": maker, "ro.product.model": model, "ro.product.device": codename,
        "ro.board.platform": platform, "ro.build.version.release": "14",
    }  # fmt: skip
    battery = "sys/class/power_supply/battery"
    return {
        "getprop.txt": "".join(f"[{name}]: [{value}]\n" for name, value in properties.items()),
        "proc/sys/kernel/arch": "aarch64\n",
        f"{battery}/type": "Battery\n",
        f"{battery}/status": "Discharging\n",
        f"{battery}/current_now": "-231000\n",
        f"{battery}/voltage_now": "3912000\n",
    }


def jetson_nano() -> Files:
    board = tree(
        "NVIDIA Jetson Nano Developer Kit",
        "nvidia,p3449-0000-b00+p3448-0000-b00",
        "nvidia,jetson-nano",
        "nvidia,tegra210",
    )
    heat = zones("AO-therm", "CPU-therm", "GPU-therm", "PLL-therm", "PMIC-Die", "thermal-fan-est")
    return {
        **board,
        **cores(("0xd07", 4, 1479000)),
        **heat,
        **iio("POM_5V_IN", "POM_5V_GPU", "POM_5V_CPU"),
        **release("32.7.5"),
    }


def jetson_xavier_nx() -> Files:
    board = tree(
        "NVIDIA Jetson Xavier NX Developer Kit", "nvidia,p3509-0000+p3668-0000", "nvidia,p3668-0000", "nvidia,tegra194"
    )
    heat = zones("AO-therm", "AUX-therm", "CPU-therm", "GPU-therm", "PMIC-Die")
    rails = hwmon("40", "VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC")
    carmel = cores(("0x004", 6, 1900000))
    carmel["proc/cpuinfo"] = carmel["proc/cpuinfo"].replace("0x41", "0x4e")
    return {**board, **carmel, **heat, **rails, **release("35.6.0")}


def jetson_orin_nano() -> Files:
    board = tree(
        "NVIDIA Jetson Orin Nano Developer Kit", "nvidia,p3768-0000+p3767-0005", "nvidia,p3767-0005", "nvidia,tegra234"
    )
    rails = hwmon("40", "VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC")
    return {
        **board,
        **cores(("0xd42", 6, 1510400)),
        **zones("cpu-thermal", "gpu-thermal", "tj-thermal"),
        **rails,
        **release("36.4.3"),
    }


def jetson_agx_orin() -> Files:
    board = tree(
        "NVIDIA Jetson AGX Orin Developer Kit", "nvidia,p3737-0000+p3701-0005", "nvidia,p3701-0005", "nvidia,tegra234"
    )
    rails = {**hwmon("40", "VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"), **hwmon("41", "NC", "VDDQ_VDD2_1V8AO", "NC")}
    return {
        **board,
        **cores(("0xd42", 12, 2201600)),
        **zones("cpu-thermal", "gpu-thermal", "tj-thermal"),
        **rails,
        **release("36.4.3"),
    }


def coral_dev_board() -> Files:
    board = tree("Freescale i.MX8MQ Phanbell", "fsl,imx8mq-phanbell", "fsl,imx8mq")
    system = {"etc/os-release": 'PRETTY_NAME="Mendel GNU/Linux 5 (Eagle)"\n', "sys/class/apex/apex_0/temp": "45050\n"}
    return {**board, **cores(("0xd03", 4, 1500000)), **zones("cpu-thermal"), **system}


def raspberry_pi_4() -> Files:
    board = tree("Raspberry Pi 4 Model B Rev 1.4", "raspberrypi,4-model-b", "brcm,bcm2711")
    flags = {"sys/devices/platform/soc/soc:firmware/get_throttled": "0\n"}
    return {**board, **cores(("0xd08", 4, 1500000)), **zones("cpu-thermal"), **flags}


def raspberry_pi_5() -> Files:
    board = tree("Raspberry Pi 5 Model B Rev 1.0", "raspberrypi,5-model-b", "brcm,bcm2712")
    flags = {"sys/devices/platform/soc/soc:firmware/get_throttled": "0\n"}
    return {**board, **cores(("0xd0b", 4, 2400000)), **zones("cpu-thermal"), **flags}


def pixel_6() -> Files:
    clusters = cores(("0xd05", 4, 1803000), ("0xd0b", 2, 2253000), ("0xd44", 2, 2802000))
    return {**phone("Google", "Pixel 6", "oriole", "gs101"), **clusters, **zones("BIG", "MID", "LITTLE", "battery")}


def generic_android() -> Files:
    clusters = cores(("0xd05", 4, 1800000), ("0xd41", 4, 2400000))
    return {**phone("Google", "Pixel 6 Pro", "raven", "gs101"), **clusters, **zones("battery")}


def generic_aarch64() -> Files:
    return {**tree("Some Board", "maker,board", "maker,chip"), **cores(("0xd0c", 4, 2000000)), **zones("soc-thermal")}


def generic_x86_64() -> Files:
    rapl = "sys/class/powercap/intel-rapl:0"
    files = cores(("0", 4, 3000000))
    files["proc/cpuinfo"] = "\n".join(f"processor\t: {n}\nmodel name\t: Some CPU\nflags\t\t: avx2\n" for n in range(4))
    return {
        **files, **zones("acpitz", "x86_pkg_temp"), "proc/sys/kernel/arch": "x86_64\n",
        "sys/class/dmi/id/sys_vendor": "Maker\n", "sys/class/dmi/id/product_name": "Slim 14\n",
        f"{rapl}/name": "package-0\n", f"{rapl}/energy_uj": "1000\n", f"{rapl}/max_energy_range_uj": "262143328850\n",
        f"{rapl}:0/name": "core\n", f"{rapl}:0/energy_uj": "500\n", f"{rapl}:0/max_energy_range_uj": "262143328850\n",
    }  # fmt: skip


def coral_usb() -> Files:
    stick = "sys/bus/usb/devices/2-1"
    return {**generic_x86_64(), f"{stick}/idVendor": "1a6e\n", f"{stick}/idProduct": "089a\n"}


BOARDS: dict[str, Callable[[], Files]] = {
    made.__name__.replace("_", "-"): made
    for made in (
        jetson_nano, jetson_xavier_nx, jetson_orin_nano, jetson_agx_orin, coral_dev_board, raspberry_pi_4,
        raspberry_pi_5, pixel_6, generic_android, generic_aarch64, generic_x86_64, coral_usb,
    )
}  # fmt: skip
BOARDS["generic-x86-64"] = generic_x86_64


def board(root: Path, name: str) -> Path:
    """The tree of the board whose profile has this name."""
    return write_tree(root / name, BOARDS[name]())
