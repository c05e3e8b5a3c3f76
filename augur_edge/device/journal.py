"""What `system tune` changed and how it was before: one JSON file, written and synced before the first change.

So whatever ends the program - an error, a kill, a power cut - `system reset` finds what to put back.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from augur_edge import schema
from augur_edge.device.reading import Reader
from augur_edge.errors import AugurError, DataError, DeviceNotReadyError, UsageError

SCHEMA = "augur-edge/tuned/1"
# Who resets may be root, so a journal that names any other file is refused.
_CPUFREQ = r"sys/devices/system/cpu/cpu\d+/cpufreq/scaling_(governor|min_freq|max_freq)"
_SETTABLE = re.compile(rf"{_CPUFREQ}|proc/irq/\d+/smp_affinity_list")
_VALUE = re.compile(r"[\w,-]{1,256}")
_KEYS = {"schema", "created_unix_ns", "boot", "profile", "controls", "nvpmodel", "settings"}


@dataclass(frozen=True)
class Setting:
    """One file of the kernel. path: below the root; before, after: its whole content without blanks."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class Journal:
    """boot: the kernel's id of that boot, None where unknown. profile: whose commands were run; controls: which.

    nvpmodel: number of the power mode before, None where there is none.
    """

    created_unix_ns: int
    boot: str | None
    profile: str | None
    controls: tuple[str, ...]
    nvpmodel: str | None
    settings: tuple[Setting, ...]


def default_path(root: Path = Path("/"), environ: Mapping[str, str] | None = None) -> Path:
    """Where the journal of the device below `root` lies: one for the machine, as its settings are; else the user's."""
    if root != Path("/") or os.geteuid() == 0:
        return root / "var/lib/augur-edge/tuned.json"
    env = os.environ if environ is None else environ
    base = env.get("XDG_STATE_HOME") or (env.get("HOME", "") and f"{env['HOME']}/.local/state")
    if not base or not os.path.isabs(base):  # noqa: PTH117
        raise UsageError("no home directory for the journal of what is changed: set HOME, or run it as root")
    return Path(base) / "augur-edge/tuned.json"


def boot_id(root: Path) -> str | None:
    """The kernel's id of this boot; None where it is not told."""
    return Reader(root).text("proc/sys/kernel/random/boot_id")


def write(path: Path, journal: Journal) -> None:
    """Whole or not at all, and on the disk when this returns. Raises AugurError, of rights DeviceNotReadyError."""
    new = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        with new.open("w", encoding="utf-8") as file:
            json.dump({"schema": SCHEMA, **asdict(journal)}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        _sync_folder(path.parent)
    except PermissionError as err:
        raise DeviceNotReadyError(
            f"{path}: not allowed to keep there what was before, so nothing was changed; run it as root: "
            "`sudo augur-edge system tune`"
        ) from err
    except OSError as err:
        raise AugurError(f"{path}: cannot keep what was before ({err.strerror}), so nothing was changed") from err


def remove(path: Path) -> None:
    """All is as it was: forget it."""
    path.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> Journal | None:
    """The journal, None where there is none. Raises DataError for what is none of ours, AugurError if unreadable."""
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as err:
        raise AugurError(f"{path}: {err.strerror}; run it as root: `sudo augur-edge system reset`") from err
    try:
        return _parsed(json.loads(raw), path)
    except (ValueError, KeyError, TypeError, DataError) as err:
        words = str(err) if isinstance(err, DataError) else f"{path}: not a journal of `system tune`: {err}"
        raise DataError(f"{words}; set by hand what it was to put back, then remove it") from err


def _parsed(data: Any, path: Path) -> Journal:
    if not isinstance(data, dict):
        raise TypeError("not a JSON object")
    schema.require(data, SCHEMA, str(path))
    if set(data) != _KEYS:
        raise KeyError(f"keys {sorted(set(data) ^ _KEYS)} are missing or unknown")
    settings = tuple(Setting(**entry) for entry in data["settings"])
    for s in settings:
        if not all(isinstance(v, str) for v in (s.path, s.before, s.after)) or not _SETTABLE.fullmatch(s.path):
            raise ValueError(f"{s.path!r} is not a file that tuning sets")
        if not _VALUE.fullmatch(s.before):
            raise ValueError(f"{s.path}: {s.before!r} is not a value it can have")
    for name in ("boot", "profile", "nvpmodel"):
        if data[name] is not None and not isinstance(data[name], str):
            raise TypeError(f"{name}: {data[name]!r} is not a text")
    if data["nvpmodel"] is not None and not data["nvpmodel"].isdigit():
        raise ValueError(f"nvpmodel: {data['nvpmodel']!r} is not a number")
    if not isinstance(data["created_unix_ns"], int) or not all(isinstance(c, str) for c in data["controls"]):
        raise TypeError("created_unix_ns or controls are not as written")
    rest = {name: data[name] for name in ("created_unix_ns", "boot", "profile", "nvpmodel")}
    return Journal(controls=tuple(data["controls"]), settings=settings, **rest)
