"""What is known beforehand about a kind of device: how to recognise it, and how it is best measured.

docs/device-profiles.md describes the file's keys; `profile_parts` has the dataclasses they become.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import augur_edge
from augur_edge import schema
from augur_edge.device import profile_parts as parts
from augur_edge.device import profile_schema as kinds
from augur_edge.device.identity import Device
from augur_edge.errors import DataError, UsageError

SCHEMA = "augur-edge/device-profile/1"
RUNTIMES = ("onnxruntime", "litert", "tflite_runtime", "tensorrt", "edgetpu")
SENSORS = ("ina3221", "ina2xx", "rapl", "pmic", "battery", "termux", "meter")
TIMERS = ("CLOCK_MONOTONIC_RAW", "CLOCK_MONOTONIC")
SIGNS = ("above_zero", "rises", "bits", "falls")
KINDS = ("board", "accelerator")

# A device tree's name is one board, a phone's codename one phone; a model's text is a family of them, an operating
# system or an architecture fits half the world.
_WEIGHTS = {"compatible": 8, "codename": 8, "usb": 8, "soc": 4, "model": 4, "os": 2, "arch": 1}


@dataclass(frozen=True)
class Profile:
    """One file of device_profiles/. digest: sha256 of its bytes, so that a run says which one it was measured under.

    match: lists of texts; a device fits when each key has one that does: contained for `model` and `os`, equal for the
    others. kind: `board`, of which a device is one, or `accelerator`, of which it may have some. delegates: runtime ->
    its delegates, best first. python: None where the system's own is new enough. What is None or empty is not known.
    """

    name: str
    title: str
    match: dict[str, tuple[str, ...]]
    runtimes: tuple[str, ...]
    timer: str
    protocol: parts.Protocol
    tested: bool
    sources: tuple[str, ...]
    digest: str = ""
    schema: str = SCHEMA
    kind: str = "board"
    cores: tuple[parts.CoreCluster, ...] = ()
    delegates: dict[str, tuple[str, ...]] | None = None
    power: parts.PowerSensors | None = None
    clocks: parts.Controls | None = None
    fan: parts.Controls | None = None
    thermal: parts.Thermal | None = None
    python: parts.OldPython | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and the store."""
        return asdict(self)


def folder() -> Path:
    """Where the profiles lie: in the installed package, or beside it in a source checkout."""
    package = Path(augur_edge.__file__).parent
    installed = package / "device_profiles"
    return installed if installed.is_dir() else package.parent / "device_profiles"


def pick(device: Device, path: Path | None = None, environ: Mapping[str, str] | None = None) -> Profile:
    """The profile in `path`, else in `AUGUR_EDGE_PROFILE`, else the most specific one that fits; ties go by name.

    Raises DataError for a malformed profile, UsageError for one that is not there or is for another device, and where
    none fits.
    """
    named = path or (os.environ if environ is None else environ).get("AUGUR_EDGE_PROFILE")
    if named:
        return _checked(read(Path(named)), device, Path(named))
    fitting = [p for p in shipped() if p.kind == "board" and fits(p, device)]
    if not fitting:
        raise UsageError(f"no device profile fits {device.arch}; draft one with `augur-edge probe -o my.json`")
    return min(fitting, key=lambda p: (-sum(_WEIGHTS[k] for k in p.match), p.name))


def accelerators(device: Device) -> list[Profile]:
    """Profiles of the accelerators that are plugged into the device."""
    return [p for p in shipped() if p.kind == "accelerator" and fits(p, device)]


def shipped() -> list[Profile]:
    """All profiles of `folder()`, by name."""
    return [read(path) for path in sorted(folder().glob("*.json"))]


def fits(profile: Profile, device: Device) -> bool:
    """Whether each key of the profile's `match` has a text that fits the device."""
    return not misfits(profile, device)


def misfits(profile: Profile, device: Device) -> list[str]:
    """What of the profile's `match` the device is not, in words; empty if it fits."""
    contained = {"model": (device.model or "").lower(), "os": device.os.lower()}
    equal = {
        "arch": (device.arch,),
        "compatible": device.compatible,
        "codename": (device.codename,),
        "soc": device.soc,
        "usb": device.usb,
    }
    out = []
    for key, texts in profile.match.items():
        whole = contained.get(key)
        if not any(t.lower() in whole if whole is not None else t in equal[key] for t in texts):
            here = whole if whole is not None else ", ".join(filter(None, equal[key]))
            out.append(f"its {key} is {' or '.join(texts)}, here it is {here or 'not told'}")
    return out


def _checked(profile: Profile, device: Device, path: Path) -> Profile:
    wrong = misfits(profile, device)
    if wrong:
        raise UsageError(
            f"device profile {path} is for another device: {'; '.join(wrong)}; "
            "leave it away, or draft one for this device with `augur-edge probe -o my.json`"
        )
    return profile


def draft(device: Device, base: Profile, runtimes: Sequence[str]) -> str:
    """A profile for this device as JSON text, to be completed by hand: `base`, narrowed to this board."""
    if device.compatible:
        match = {"compatible": [device.compatible[0]]}
    elif device.codename:
        match = {"codename": [device.codename]}
    else:
        match = {"model": [device.model], "arch": [device.arch]} if device.model else {"arch": [device.arch]}
    data = {
        **base.to_dict(),
        "name": device.id.rpartition("-")[0] or device.id,
        "title": device.model or f"A device with {device.cpu or device.arch}",
        "match": match,
        "cores": [_drafted(c) for c in device.clusters],
        "runtimes": list(runtimes) or list(base.runtimes),
        "tested": False,
        "sources": [
            f"match, cores, runtimes: read by `augur-edge probe` on {device.os}, kernel {device.kernel}",
            f"all else: taken over from the profile {base.name}; check it",
        ],
    }
    del data["digest"]
    order = ("schema", *(f.name for f in fields(Profile) if f.name in data and f.name != "schema"))
    return json.dumps({key: data[key] for key in order}, indent=2) + "\n"


def _drafted(cluster: Any) -> dict[str, Any]:
    cpus = ",".join(map(str, cluster.cpus))
    return {"core": cluster.core or "unknown", "count": len(cluster.cpus), "cpus": cpus, "max_mhz": cluster.max_mhz}


def read(path: Path) -> Profile:
    """One profile file. Raises UsageError where it is absent, DataError, naming line and key, where it is malformed."""
    where = f"device profile {path}"
    try:
        raw = path.read_bytes()
    except OSError as err:
        raise UsageError(f"{where}: {err.strerror}") from err
    text = raw.decode("utf-8", "replace")
    try:
        data = json.loads(text, object_pairs_hook=kinds.no_key_twice)
        if not isinstance(data, dict):
            raise DataError(f"{where}: not a JSON object")
        schema.require(data, SCHEMA, where)
        return _profile(data, hashlib.sha256(raw).hexdigest())
    except kinds.MalformedError as err:
        raise DataError(f"{where}: {err.told(text)}") from err
    except ValueError as err:  # with the line in its text
        raise DataError(f"{where}: not JSON: {err}") from err
    except RecursionError as err:
        raise DataError(f"{where}: lists or objects too deep inside each other") from err


def _profile(data: dict[str, Any], digest: str) -> Profile:
    def made(**values: Any) -> Profile:
        return Profile(digest=digest, **values)

    profile: Profile = kinds.record(made, optional=_OPTIONAL, **_KEYS)(data, ())
    return profile


_TEXTS = kinds.list_of(kinds.text)
_COMMANDS = kinds.list_of(kinds.list_of(kinds.text, least=1))
_MAYBE = kinds.or_null(kinds.number)
_CONTROLS = kinds.record(
    parts.Controls,
    governor=kinds.or_null(kinds.text),
    files=kinds.map_of(kinds.text),
    show=_COMMANDS,
    tune=_COMMANDS,
    reset=_COMMANDS,
    note=kinds.text,
)
_KEYS: dict[str, kinds.Kind] = {
    "schema": kinds.text,
    "name": kinds.text,
    "title": kinds.text,
    "kind": kinds.one_of(KINDS),
    "match": kinds.map_of(kinds.list_of(kinds.text, least=1), _WEIGHTS, least=1),
    "cores": kinds.list_of(
        kinds.record(
            parts.CoreCluster,
            core=kinds.text,
            count=kinds.count,
            cpus=kinds.or_null(kinds.text),
            max_mhz=kinds.or_null(kinds.count),
        )
    ),
    "runtimes": kinds.list_of(kinds.one_of(RUNTIMES), least=1),
    "delegates": kinds.or_null(kinds.map_of(_TEXTS, RUNTIMES)),
    "power": kinds.or_null(
        kinds.record(
            parts.PowerSensors,
            sensors=kinds.list_of(kinds.one_of(SENSORS)),
            rails=kinds.list_of(
                kinds.record(parts.PowerRail, name=kinds.text, includes=kinds.text, is_total=kinds.flag)
            ),
            not_included=kinds.text,
        )
    ),
    "clocks": kinds.or_null(_CONTROLS),
    "fan": kinds.or_null(_CONTROLS),
    "thermal": kinds.or_null(
        kinds.record(
            parts.Thermal,
            zones=kinds.list_of(
                kinds.record(parts.ThermalZone, zone=kinds.text, part=kinds.text, throttle_c=_MAYBE, shutdown_c=_MAYBE)
            ),
            throttle_signs=kinds.list_of(
                kinds.record(parts.ThrottleSign, path=kinds.text, sign=kinds.one_of(SIGNS), meaning=kinds.text)
            ),
        )
    ),
    "timer": kinds.one_of(TIMERS),
    "protocol": kinds.record(
        parts.Protocol,
        optional=("warmup_s", "cooldown_s", "max_temp_c"),
        threads=kinds.count,
        precision=kinds.number,
        max_time_s=kinds.number,
        warmup_s=_MAYBE,
        cooldown_s=_MAYBE,
        max_temp_c=_MAYBE,
    ),
    "python": kinds.or_null(kinds.record(parts.OldPython, system=kinds.text, newer=kinds.text)),
    "tested": kinds.flag,
    "sources": kinds.list_of(kinds.text, least=1),
}
_OPTIONAL = ("kind", "cores", "delegates", "power", "clocks", "fan", "thermal", "python")
