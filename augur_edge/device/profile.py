"""What is known beforehand about a kind of device: how to recognise it, and how it is best measured.

docs/device-profiles.md describes the file's keys.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import augur_edge
from augur_edge import schema
from augur_edge.device.identity import Device
from augur_edge.errors import DataError, UsageError

SCHEMA = "augur-edge/device-profile/1"
RUNTIMES = ("onnxruntime", "litert", "tflite_runtime")
TIMERS = ("CLOCK_MONOTONIC_RAW", "CLOCK_MONOTONIC")

# A device tree's name is one board; a model's text is a family of them; an architecture fits half the world.
_WEIGHTS = {"compatible": 4, "model": 2, "arch": 1}
_KEYS = {"schema": str, "name": str, "title": str, "match": dict, "runtimes": list, "timer": str, "protocol": dict,
         "tested": bool, "sources": list}  # fmt: skip
_PROTOCOL = {"threads": int, "precision": float, "max_time_s": float}


@dataclass(frozen=True)
class Profile:
    """One file of device_profiles/. digest: sha256 of its bytes, so that a run says which one it was measured under.

    match: lists of texts; a device fits when each key has one that does: equal for `arch` and `compatible`, contained
    for `model`.
    """

    name: str
    title: str
    match: dict[str, tuple[str, ...]]
    runtimes: tuple[str, ...]
    timer: str
    protocol: dict[str, float]
    tested: bool
    sources: tuple[str, ...]
    digest: str

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

    Raises DataError for a malformed profile, UsageError for one that is not there or where none fits.
    """
    named = path or (os.environ if environ is None else environ).get("AUGUR_EDGE_PROFILE")
    if named:
        return read(Path(named))
    fitting = [p for p in map(read, sorted(folder().glob("*.json"))) if fits(p, device)]
    if not fitting:
        raise UsageError(f"no device profile fits {device.arch}; draft one with `augur-edge probe -o my.json`")
    return min(fitting, key=lambda p: (-sum(_WEIGHTS[k] for k in p.match), p.name))


def fits(profile: Profile, device: Device) -> bool:
    """Whether each key of the profile's `match` has a text that fits the device."""
    model = (device.model or "").lower()
    checks = {
        "arch": lambda text: text == device.arch,
        "model": lambda text: text.lower() in model,
        "compatible": lambda text: text in device.compatible,
    }
    return all(any(map(checks[key], texts)) for key, texts in profile.match.items())


def draft(device: Device, base: Profile, runtimes: Sequence[str]) -> str:
    """A profile for this device as JSON text, to be completed by hand: `base`, narrowed to this board."""
    if device.compatible:
        match = {"compatible": [device.compatible[0]]}
    else:
        match = {"model": [device.model], "arch": [device.arch]} if device.model else {"arch": [device.arch]}
    data = {
        "schema": SCHEMA,
        "name": device.id.rpartition("-")[0] or device.id,
        "title": device.model or f"A device with {device.cpu or device.arch}",
        "match": match,
        "runtimes": list(runtimes) or list(base.runtimes),
        "timer": base.timer,
        "protocol": base.protocol,
        "tested": False,
        "sources": [f"drafted by `augur-edge probe` on {device.os}, kernel {device.kernel}"],
    }
    return json.dumps(data, indent=2) + "\n"


def read(path: Path) -> Profile:
    """One profile file. Raises UsageError where it is absent, DataError, naming the key, where it is malformed."""
    try:
        raw = path.read_bytes()
    except OSError as err:
        raise UsageError(f"device profile {path}: {err.strerror}") from err
    try:
        data = json.loads(raw)
    except ValueError as err:
        raise DataError(f"device profile {path}: not JSON: {err}") from err
    if not isinstance(data, dict):
        raise DataError(f"device profile {path}: not a JSON object")
    schema.require(data, SCHEMA, f"device profile {path}")
    try:
        return _profile(data, hashlib.sha256(raw).hexdigest())
    except DataError as err:
        raise DataError(f"device profile {path}: {err}") from err


def _profile(data: dict[str, Any], digest: str) -> Profile:
    _check_keys(data, _KEYS, "")
    _check_keys(data["match"], dict.fromkeys(data["match"], list), "match.", known=_WEIGHTS)
    _check_keys(data["protocol"], _PROTOCOL, "protocol.")
    _check_values(data)
    match = {key: tuple(texts) for key, texts in data["match"].items()}
    rest = {key: data[key] for key in ("name", "title", "timer", "protocol", "tested")}
    return Profile(match=match, runtimes=tuple(data["runtimes"]), sources=tuple(data["sources"]), digest=digest, **rest)


def _check_keys(data: dict[str, Any], kinds: dict[str, type], where: str, known: Any = None) -> None:
    for key in data:
        if key not in (kinds if known is None else known):
            raise DataError(f"{where}{key}: no such key")
    for key, kind in kinds.items():
        if key not in data:
            raise DataError(f"{where}{key}: missing")
        value = data[key]
        right = isinstance(value, (int, float)) if kind is float else isinstance(value, kind)
        if not right or (isinstance(value, bool) and kind is not bool):
            raise DataError(f"{where}{key}: {value!r} is not a {kind.__name__}")


def _check_values(data: dict[str, Any]) -> None:
    texts = [("match." + k, v) for k, v in data["match"].items()]
    for key, values in [*texts, ("runtimes", data["runtimes"]), ("sources", data["sources"])]:
        if not values or not all(isinstance(v, str) and v for v in values):
            raise DataError(f"{key}: not a list of texts with at least one in it")
    if not data["match"]:
        raise DataError("match: empty, so it would fit every device")
    for runtime in data["runtimes"]:
        if runtime not in RUNTIMES:
            raise DataError(f"runtimes: {runtime!r} is none of {', '.join(RUNTIMES)}")
    if data["timer"] not in TIMERS:
        raise DataError(f"timer: {data['timer']!r} is none of {', '.join(TIMERS)}")
    for key, value in data["protocol"].items():
        if value <= 0:
            raise DataError(f"protocol.{key}: {value!r} is not above 0")
