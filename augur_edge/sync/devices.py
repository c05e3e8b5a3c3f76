"""The file that lists a fleet: one table for each device, `[devices.NAME]`, over those of `[defaults]`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augur_edge.errors import DataError, MissingExtraError, UsageError
from augur_edge.sync.names import Target, device_name

DAY_S = 86400.0
_KEYS = ("ssh", "timeout_s", "program")


@dataclass(frozen=True)
class FleetDevice:
    """ssh: where it is, as `[user@]host`. program: how augur-edge is called there. timeout_s: for one job."""

    name: str
    ssh: Target
    program: str
    timeout_s: float


def read_devices(path: Path) -> list[FleetDevice]:
    """The devices in `path`, in its order. Raises UsageError where it is absent, DataError for what is wrong in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as err:
        raise UsageError(f"{path}: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise DataError(f"{path}: not UTF-8: {err.reason}") from err
    toml = _toml()
    try:
        data = toml.loads(text)
    except toml.TOMLDecodeError as err:
        raise DataError(f"{path}: not TOML: {err}") from err
    odd = sorted(set(data) - {"defaults", "devices"})
    devices = data.get("devices")
    if odd or not isinstance(devices, dict) or not devices:
        wrong = f"no key {odd[0]!r} is known" if odd else "no device"
        raise DataError(f"{path}: {wrong}; write [devices.NAME] with ssh = 'user@host'")
    defaults = _table(path, "defaults", data.get("defaults", {}))
    return [_device(path, name, {**defaults, **_table(path, name, table)}) for name, table in devices.items()]


def _toml() -> Any:
    for name in ("tomllib", "tomli"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise MissingExtraError("reading TOML before Python 3.11 needs tomli; pip install 'augur-edge[fleet]'")


def _table(path: Path, name: str, table: Any) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        raise DataError(f"{path}: {name}: not a table")
    for key in table:
        if key not in _KEYS:
            raise DataError(f"{path}: {name}: no key {key!r} is known; there are {', '.join(_KEYS)}")
    return table


def _device(path: Path, name: str, table: Mapping[str, Any]) -> FleetDevice:
    where, program, timeout_s = (
        table.get("ssh", name),
        table.get("program", "augur-edge"),
        table.get("timeout_s", DAY_S),
    )
    number = isinstance(timeout_s, (int, float)) and not isinstance(timeout_s, bool) and 0 < timeout_s <= 365 * DAY_S
    if not isinstance(where, str) or not isinstance(program, str) or not program or not number:
        raise DataError(f"{path}: {name}: ssh and program are texts, timeout_s a number of seconds above 0")
    return FleetDevice(device_name(name), Target.parse(where), program, float(timeout_s))
