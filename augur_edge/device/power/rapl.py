"""RAPL, the energy counters of x86 processors.

Source: Documentation/power/powercap/powercap.rst of the kernel: energy_uj counts uJ and begins again at zero after
max_energy_range_uj; the hardware renews it about once in a millisecond (Intel SDM 3B, 15.10).
"""

from __future__ import annotations

from pathlib import Path

from augur_edge.device.power.base import MS_NS, FileSensor, Floats
from augur_edge.device.reading import Reader

KIND = "rapl"


def find(root: Path, missing: dict[str, str]) -> list[FileSensor]:
    """The whole platform's counter where there is one, else the packages, summed; at most one sensor."""
    reader = Reader(root)
    zones = [z for z in reader.paths("sys/class/powercap/intel-rapl:*") if z.count(":") == 1]
    named = [(reader.text(f"{zone}/name") or zone.rpartition("/")[2], zone) for zone in zones]
    chosen = [n for n in named if n[0] == "psys"] or [n for n in named if n[0].startswith("package")]
    if not chosen:
        missing[KIND] = "this system has no /sys/class/powercap/intel-rapl:* (usual in a virtual machine)"
        return []
    ranges = tuple(reader.integer(f"{zone}/max_energy_range_uj") or 0 for _, zone in chosen)
    if not all(ranges):
        missing[KIND] = f"/{chosen[0][1]}/max_energy_range_uj cannot be read, so a wrapped counter could not be told"
        return []
    names = tuple(name for name, _ in chosen)
    covers = "the whole platform" if names == ("psys",) else "the processor packages; memory and board are not included"
    paths = tuple(root / zone / "energy_uj" for _, zone in chosen)
    return [
        FileSensor(
            KIND, names, covers, names, paths, _none, refresh_ns=MS_NS, most_mw=2_000_000.0, counter_range=ranges
        )
    ]


def _none(values: Floats) -> Floats:
    raise AssertionError("a counter of energy has no power of its own")
