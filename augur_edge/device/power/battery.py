"""The battery of an Android phone, or of any device, through /sys/class/power_supply (root, or an older Android)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from augur_edge import timing
from augur_edge.device.power.base import MS_NS, SECONDS_KEPT, Sampler
from augur_edge.device.power.gauge import GaugeSensor
from augur_edge.device.reading import Reader
from augur_edge.errors import PowerError

KIND = "battery"
_REFRESH_NS = 1000 * MS_NS
_PERIOD_NS = 7_300_000  # no divisor of the periods of mains and converters, so that their ripple averages out


def find(root: Path, missing: dict[str, str]) -> list[GaugeSensor]:
    """The first supply of type Battery that can be read and tells its current and voltage."""
    reader = Reader(root)
    for folder in reader.paths("sys/class/power_supply/*"):
        files = [root / folder / "current_now", root / folder / "voltage_now"]
        if reader.text(f"{folder}/type") != "Battery" or not all(f.exists() for f in files):
            continue
        if any(reader.integer(f.relative_to(root).as_posix()) is None for f in files):
            missing[KIND] = f"/{folder}/current_now cannot be read, as on newer Androids; termux-battery-status can"
            return []
        status = f"{folder}/status"
        return [GaugeSensor(KIND, partial(_sampler, files), partial(reader.text, status), _PERIOD_NS, _REFRESH_NS)]
    missing[KIND] = "no battery with current_now and voltage_now below /sys/class/power_supply"
    return []


def _sampler(files: list[Path], period_ns: int) -> Sampler:
    try:
        capacity = SECONDS_KEPT * 1000 * MS_NS // period_ns
        sampler: Sampler = timing.FileSampler([str(f) for f in files], period_ns, capacity)
    except RuntimeError as e:
        raise PowerError("unreadable", str(e)) from e
    return sampler
