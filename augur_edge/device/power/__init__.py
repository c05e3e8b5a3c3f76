"""Power sensors, one kind a file, behind `base.PowerSensor`; docs/energy.md describes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from augur_edge.device.power import battery, ina2xx, ina3221, meter, pmic, rapl, termux
from augur_edge.device.power.base import PowerSensor, Sampler, describe
from augur_edge.device.power.gauge import GaugeSensor
from augur_edge.device.power.trace import Trace, rows_of, trace_of
from augur_edge.errors import PowerError, UsageError

__all__ = [
    "KINDS", "GaugeSensor", "PowerSensor", "Sampler", "Trace", "choose", "describe", "find", "rows_of", "trace_of",
]  # fmt: skip

_FIND: dict[str, Callable[[Path, dict[str, str]], Sequence[PowerSensor]]] = {
    "ina3221": ina3221.find,
    "pmic": pmic.find,
    "rapl": rapl.find,
    "ina2xx": ina2xx.find,
    "battery": battery.find,
    "termux": termux.find,
}
KINDS = (*_FIND, "meter")
"""In the order in which `auto` tries them: what measures the computing part alone before what measures everything."""


def find(root: Path = Path("/")) -> tuple[list[PowerSensor], dict[str, str]]:
    """The sensors of the device whose files lie below `root`, best first, and for the other kinds why there is none.

    An external meter cannot be found; it is named.
    """
    sensors: list[PowerSensor] = []
    missing: dict[str, str] = {}
    for look in _FIND.values():
        sensors += look(root, missing)
    return sensors, missing


def choose(name: str, root: Path = Path("/"), preferred: Sequence[str] = ()) -> PowerSensor:
    """The sensor of a kind, or the best for `auto`: of the `preferred` kinds first. `meter:PATH` names a stream.

    Raises UsageError for an unknown kind, PowerError `absent` where there is none.
    """
    kind, _, rest = name.partition(":")
    if kind == "meter":
        return meter.parse(rest)
    if rest or kind not in (*_FIND, "auto"):
        raise UsageError(
            f"--energy {name}: unknown; there are auto, {', '.join(_FIND)} and meter:PATH; NET goes before --energy"
        )
    sensors, missing = find(root)
    if kind != "auto":
        sensors = [s for s in sensors if s.kind == kind]
    if not sensors:
        why = missing.get(kind) or "; ".join(missing.values())
        raise PowerError("absent", f"no power sensor {'here' if kind == 'auto' else kind}: {why}")
    order = [*preferred, *KINDS]
    return min(sensors, key=lambda s: order.index(s.kind))
