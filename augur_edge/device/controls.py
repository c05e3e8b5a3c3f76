"""Which mode of power, clocks and fan a board is in, where files tell it; no command is run for it.

Sources: NVIDIA's Jetson Linux Developer Guide, "Platform Power and Performance" (nvpmodel, its conf file of power
models, jetson_clocks, which sets the lowest clock to the highest); nvpmodel keeps the mode in use in
/var/lib/nvpmodel/status as `pmode:0002`; the kernel's Documentation/hwmon/sysfs-interface.rst (pwmN of 0 to 255, fanN
in rpm) and NVIDIA's /sys/devices/pwm-fan of JetPack 4. Never tried on such a board.
"""

from __future__ import annotations

import re

from augur_edge.device.cpu import CPU_DIR
from augur_edge.device.reading import Reader

NVPMODEL = "nvpmodel"
JETSON_CLOCKS = "jetson_clocks"
_STATUS = re.compile(r"pmode:0*(\d+)")
_MODEL = r"^<\s*POWER_MODEL\s+ID={}\s+NAME=(\S+)\s*>"


def controls(reader: Reader) -> dict[str, str]:
    """State by control: `{"nvpmodel": "2 MAXN_SUPER", "jetson_clocks": "on", "fan pwmfan pwm1": "128 of 255"}`."""
    return {**_jetson(reader), **_fans(reader)}


def nvpmodel_id(state: dict[str, str]) -> str | None:
    """The number of the power mode in what `controls` returned; None where there is none."""
    return state[NVPMODEL].split()[0] if NVPMODEL in state else None


def _jetson(reader: Reader) -> dict[str, str]:
    if reader.text("etc/nv_tegra_release") is None and "tegra" not in (
        reader.text("proc/device-tree/compatible") or ""
    ):
        return {}
    out = {}
    mode = _STATUS.search(reader.text("var/lib/nvpmodel/status") or "")
    if mode:
        name = re.search(_MODEL.format(mode.group(1)), reader.text("etc/nvpmodel.conf") or "", re.MULTILINE)
        out[NVPMODEL] = f"{mode.group(1)} {name.group(1)}" if name else mode.group(1)
    else:
        reader.missing[NVPMODEL] = "no power mode in /var/lib/nvpmodel/status; `sudo nvpmodel -q` may tell it"
    fixed = [_is_fixed(reader, *pair) for pair in _ranges(reader)]
    if fixed and None not in fixed:
        out[JETSON_CLOCKS] = "on" if all(fixed) else "off"
    else:
        reader.missing[JETSON_CLOCKS] = "the lowest and highest clocks, which it makes equal, cannot be read"
    return out


def _ranges(reader: Reader) -> list[tuple[str, str]]:
    """Files with the lowest and the highest clock, of the processors and of the GPU."""
    cpus = reader.paths(f"{CPU_DIR}/cpu[0-9]*/cpufreq")
    gpus = [p for p in reader.paths("sys/class/devfreq/*") if re.search(r"gpu|gv11b|ga10b|gm20b|gp10b", p)]
    return [
        *((f"{p}/scaling_min_freq", f"{p}/scaling_max_freq") for p in cpus),
        *((f"{p}/min_freq", f"{p}/max_freq") for p in gpus),
    ]


def _is_fixed(reader: Reader, low: str, high: str) -> bool | None:
    least, most = reader.integer(low), reader.integer(high)
    return None if least is None or most is None else least == most


def _fans(reader: Reader) -> dict[str, str]:
    out = {}
    for path in reader.paths("sys/class/hwmon/hwmon*/pwm[0-9]"):
        folder, _, channel = path.rpartition("/")
        name = reader.text(f"{folder}/name") or folder.rpartition("/")[2]
        duty, rpm = reader.integer(path), reader.integer(f"{folder}/fan{channel[3:]}_input")
        rpm = reader.integer(f"{folder}/rpm") if rpm is None else rpm  # JetPack's own name for it
        if duty is not None:
            out[f"fan {name} {channel}"] = f"{duty} of 255" + ("" if rpm is None else f", {rpm} rpm")
    for which in ("target", "cur"):
        duty = reader.integer(f"sys/devices/pwm-fan/{which}_pwm")
        if duty is not None:
            out[f"fan pwm-fan {which}"] = f"{duty} of 255"
    return out
