"""Sets clocks and interrupts for measuring, and puts them back: governor, lowest and highest clock, IRQ affinity.

Sources: the kernel's Documentation/admin-guide/pm/cpufreq.rst (policies, scaling_governor, scaling_min_freq,
scaling_max_freq) and core-api/irq/irq-affinity.rst. Commands of a profile (nvpmodel, jetson_clocks, fans) are in
`device.commands`.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from augur_edge.device import journal as journals
from augur_edge.device.cpu import CPU_DIR, online
from augur_edge.device.journal import Journal, Setting
from augur_edge.device.reading import Reader, cpu_list
from augur_edge.errors import DeviceNotReadyError, UsageError

GOVERNOR = "performance"

Write = Callable[[Path, str], None]


@dataclass
class Outcome:
    """What came of it. refused: what it was about -> the system's reason; gone: files no longer there."""

    done: list[Setting] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)


def changes(settings: Sequence[Setting]) -> list[Setting]:
    """Those that are not as they should be already."""
    return [s for s in settings if s.before != s.after]


def plan(reader: Reader, governor: str = GOVERNOR, mhz: int | None = None, cpus: Collection[int] = ()) -> list[Setting]:
    """What has to be set so that the clock stays, each with its value now.

    mhz: the clock to stay at; None for the highest the system allows. cpus: to be measured on, all if empty; interrupts
    are sent to the others. Raises UsageError for a governor, clock or processor there is none of.
    """
    there = online(reader)
    missing = sorted(set(cpus) - set(there))
    if missing and there:
        raise UsageError(f"--affinity {missing[0]}: there are processors {there[0]} to {there[-1]} here")
    settings = []
    for folder in _policies(reader, cpus):
        settings += _policy(reader, folder, governor, mhz)
    return [*settings, *_interrupts(reader, there, cpus)]


def _policies(reader: Reader, cpus: Collection[int]) -> list[str]:
    """One folder a policy: processors that share a clock have the same one behind their links."""
    found: dict[Path, str] = {}
    for path in reader.paths(f"{CPU_DIR}/cpu[0-9]*/cpufreq"):
        if not cpus or int(path.split("/")[4][3:]) in cpus:
            found.setdefault((reader.root / path).resolve(), path)
    return list(found.values())


def _policy(reader: Reader, folder: str, governor: str, mhz: int | None) -> list[Setting]:
    settings = []
    now = reader.text(f"{folder}/scaling_governor")
    if now is not None:
        _demand_governor(reader, folder, governor)
        settings.append(Setting(f"{folder}/scaling_governor", now, governor))
    least, most = (reader.integer(f"{folder}/scaling_{end}_freq") for end in ("min", "max"))
    if least is None or most is None:
        return settings
    khz = most if mhz is None else _demand_clock(reader, folder, mhz)
    low, high = (
        Setting(f"{folder}/scaling_{end}_freq", str(old), str(khz)) for end, old in (("min", least), ("max", most))
    )
    # The kernel refuses a lowest clock above the highest: whichever has room goes first.
    return [*settings, *([high, low] if khz >= least else [low, high])]


def _demand_governor(reader: Reader, folder: str, governor: str) -> None:
    names = (reader.text(f"{folder}/scaling_available_governors") or "").split()
    if names and governor not in names:
        near = difflib.get_close_matches(governor, names, 3, 0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else ""
        where = folder.split("/")[4]
        raise UsageError(f"--governor {governor}: {where} has {', '.join(names)}; {hint}".rstrip("; "))


def _demand_clock(reader: Reader, folder: str, mhz: int) -> int:
    """In kHz as the kernel has it."""
    where = folder.split("/")[4]
    steps = sorted(int(v) for v in (reader.text(f"{folder}/scaling_available_frequencies") or "").split())
    fitting = [khz for khz in steps if khz // 1000 == mhz]
    if fitting:
        return fitting[0]
    if steps:
        near = sorted(sorted(steps, key=lambda khz: abs(khz - mhz * 1000))[:3])
        raise UsageError(
            f"--mhz {mhz}: {where} has no such clock; near it are {', '.join(str(k // 1000) for k in near)}"
        )
    least, most = (reader.integer(f"{folder}/cpuinfo_{end}_freq") for end in ("min", "max"))
    if least is not None and most is not None and not least <= mhz * 1000 <= most:
        raise UsageError(f"--mhz {mhz}: {where} goes from {least // 1000} to {most // 1000} MHz")
    return mhz * 1000


def _interrupts(reader: Reader, there: Sequence[int], cpus: Collection[int]) -> list[Setting]:
    """Away from `cpus`, where others are left to take them."""
    others = [cpu for cpu in there if cpu not in cpus]
    settings = []
    for path in reader.paths("proc/irq/[0-9]*/smp_affinity_list") if cpus and others else []:
        now = reader.text(path)
        if now and set(cpu_list(now)) & set(cpus):
            settings.append(Setting(path, now, ",".join(map(str, others))))
    return settings


@dataclass(frozen=True)
class Commanded:
    """Which of a profile's controls are set by its commands, and the power mode there was; None: there is none."""

    profile: str
    controls: tuple[str, ...]
    nvpmodel: str | None


def keep(root: Path, path: Path, settings: Sequence[Setting], commanded: Commanded | None = None) -> None:
    """Write into the journal at `path` how it is now; to be called before anything is changed.

    A journal that is there already keeps what it has: how it was before the first tuning is what `reset` puts back.
    Raises AugurError where the journal cannot be written, DataError where there is one that cannot be read.
    """
    old = journals.read(path)
    if old is None:
        old = Journal(time.time_ns(), journals.boot_id(root), None, (), None, ())
    known = {s.path: s.before for s in old.settings}
    merged = {s.path: s for s in old.settings}
    merged.update({s.path: replace(s, before=known.get(s.path, s.before)) for s in settings})
    journal = replace(old, settings=tuple(merged.values()))
    if commanded is not None and not old.controls:
        journal = replace(journal, **asdict(commanded))
    journals.write(path, journal)


def apply(root: Path, path: Path, settings: Sequence[Setting], write: Write | None = None) -> Outcome:
    """Change it, kept in the journal at `path` first; what is refused is told, the rest goes on. Raises as `keep`."""
    was_tuned = journals.read(path) is not None
    keep(root, path, settings)
    out = _apply(root, [(s, s.after) for s in settings], write or _write)
    if not was_tuned and not out.done:
        journals.remove(path)  # nothing was allowed, so there is nothing to put back
    return out


def reset(root: Path, path: Path, write: Write | None = None) -> Outcome:
    """Put back what the journal has, the last change first. The journal stays while something was refused.

    Raises UsageError where nothing was tuned, DataError for a malformed journal.
    """
    journal = journals.read(path)
    if journal is None:
        raise UsageError(f"nothing to put back: {path} is not there, so nothing was tuned")
    return _apply(root, [(s, s.before) for s in reversed(journal.settings)], write or _write)


def _apply(root: Path, changes: Sequence[tuple[Setting, str]], write: Write) -> Outcome:
    """Twice where refused: a clock's lower end may have stood in the way of its upper one, or a governor of both."""
    out = Outcome()
    again = [(s, v) for s, v in changes if not _set(root, s, v, write, out)]
    for setting, value in again:
        _set(root, setting, value, write, out)
    return out


def _set(root: Path, setting: Setting, value: str, write: Write, out: Outcome) -> bool:
    try:
        write(root / setting.path, value)
    except FileNotFoundError:
        out.gone.append(setting.path)
        return True
    except OSError as err:
        out.refused[setting.path] = err.strerror or str(err)
        return False
    out.refused.pop(setting.path, None)
    out.done.append(setting)
    return True


def _write(path: Path, value: str) -> None:
    with path.open("r+", encoding="ascii") as file:  # never creates a file
        file.truncate(0)
        file.write(value)


def demand_something(outcome: Outcome, planned: Sequence[Setting], verb: str) -> None:
    """Raises DeviceNotReadyError where every change was refused, with the first reason."""
    if planned and not outcome.done and outcome.refused:
        path, why = next(iter(outcome.refused.items()))
        raise DeviceNotReadyError(f"/{path}: {why}, as all others; run it as root: `sudo augur-edge system {verb}`")
