"""The INA3221 of Jetson boards: NVIDIA's own driver (JetPack 4) and the kernel's hwmon driver (JetPack 5 and 6).

Sources: Documentation/hwmon/ina3221.rst of the kernel (in*_input mV, curr*_input mA, update_interval ms); NVIDIA's
Jetson developer guides, "Software-Based Power Consumption Modeling" (rail_name_N, in_powerN_input in mW).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from augur_edge.device.power.base import MS_NS, FileSensor, Floats
from augur_edge.device.reading import Reader

KIND = "ina3221"
TOTALS = ("VDD_IN", "POM_5V_IN")
"""Rails that feed all others of the module; where there is none, the sum of all rails is taken."""
_UNUSED = re.compile(r"^(nc|not connected|)$|^sum of", re.IGNORECASE)
_REFRESH_NS = 10 * MS_NS
_COVERS = "the module; a carrier board's own power is not included"


def find(root: Path, missing: dict[str, str]) -> list[FileSensor]:
    """The total rail, or the sum of all; empty, with the reason in `missing`, where there is none."""
    reader = Reader(root)
    old, new = _of_jetpack_4(reader), _of_hwmon(reader)
    rails = old or new
    if not rails:
        missing[KIND] = "no INA3221 with a labelled rail below /sys/bus/i2c"
        return []
    whole = next(([r] for r in rails if r[0] in TOTALS), rails)
    names = tuple(name for name, _ in whole)
    notes = (f"rails here: {', '.join(name for name, _ in rails)}",)
    paths = tuple(root / path for _, files in whole for path in files)
    return [
        FileSensor(
            KIND, names, _COVERS, tuple(p.name for p in paths), paths, _milliwatts if old else _products,
            refresh_ns=_refresh_ns(reader), step_mw=1.0 if old else 5.0, notes=notes,
        )
    ]  # fmt: skip


def _of_jetpack_4(reader: Reader) -> list[tuple[str, list[str]]]:
    found = []
    for path in reader.paths("sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_*"):
        label = reader.text(path) or ""
        power = path.replace("rail_name_", "in_power") + "_input"
        if not _UNUSED.match(label) and (reader.root / power).exists():
            found.append((label, [power]))
    return found


def _of_hwmon(reader: Reader) -> list[tuple[str, list[str]]]:
    found = []
    for folder in _folders(reader):
        for path in reader.paths(f"{folder}/in*_label"):
            label = reader.text(path) or ""
            channel = re.findall(r"in(\d+)_label", path)[0]
            files = [f"{folder}/in{channel}_input", f"{folder}/curr{channel}_input"]
            if not _UNUSED.match(label) and all((reader.root / f).exists() for f in files):
                found.append((label, files))
    return found


def _folders(reader: Reader) -> list[str]:
    """Of hwmon, without those of other chips on the bus."""
    folders = reader.paths("sys/bus/i2c/devices/*/hwmon/hwmon*")
    return [folder for folder in folders if reader.text(f"{folder}/name") == "ina3221"]


def _refresh_ns(reader: Reader) -> int:
    told = [reader.integer(f"{folder}/update_interval") for folder in _folders(reader)]
    return max((ms * MS_NS for ms in told if ms), default=_REFRESH_NS)


def _milliwatts(values: Floats) -> Floats:
    return np.asarray(values.sum(axis=1), np.float64)


def _products(values: Floats) -> Floats:
    """mV times mA, pair by pair, is uW."""
    return np.asarray((values[:, 0::2] * values[:, 1::2]).sum(axis=1) / 1000, np.float64)
