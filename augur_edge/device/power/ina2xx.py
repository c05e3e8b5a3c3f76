"""INA219, INA226 and their kin on a supply line, through the kernel's hwmon driver `ina2xx`.

Source: Documentation/hwmon/ina2xx.rst of the kernel: power1_input in uW, update_interval in ms.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from augur_edge.device.power.base import MS_NS, FileSensor, Floats
from augur_edge.device.reading import Reader

KIND = "ina2xx"
CHIPS = ("ina209", "ina219", "ina220", "ina226", "ina230", "ina231", "ina260")
_REFRESH_NS = 2 * MS_NS  # 16 samples of 2 x 140 us to 1.1 ms in the driver's default setting


def find(root: Path, missing: dict[str, str]) -> list[FileSensor]:
    """One for each chip, as the kernel numbers them."""
    reader = Reader(root)
    out = []
    for folder in reader.paths("sys/class/hwmon/hwmon*"):
        chip = reader.text(f"{folder}/name") or ""
        path = f"{folder}/power1_input"
        if chip not in CHIPS or not (root / path).exists():
            continue
        refresh_ms = reader.integer(f"{folder}/update_interval")
        label = reader.text(f"{folder}/label") or chip
        out.append(
            FileSensor(
                KIND, (label,), f"what flows through the {chip}'s shunt", ("power1_input",), (root / path,),
                _milliwatts, refresh_ns=refresh_ms * MS_NS if refresh_ms else _REFRESH_NS,
            )
        )  # fmt: skip
    if not out:
        missing[KIND] = f"no hwmon device is one of {', '.join(CHIPS)}"
    return out


def _milliwatts(values: Floats) -> Floats:
    return np.asarray(values[:, 0] / 1000, np.float64)
