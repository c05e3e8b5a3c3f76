"""`augur-edge system`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augur_edge import console
from augur_edge.cli import values
from augur_edge.errors import DeviceNotReadyError, UsageError

if TYPE_CHECKING:
    from augur_edge.device.journal import Journal, Setting
    from augur_edge.device.tuning import Outcome

SCHEMA = "augur-edge/system/1"
ACTIONS = ["show", "tune", "reset"]


class SystemCommand:
    """Show whether the device is ready to be measured, fix its clocks, and put them back.

    show   clocks, heat, throttling, other load, modes of power and fan, and what stands in the way
    tune   set the governor, hold the clock, keep interrupts away; how it was is kept in a journal first
    reset  put back what the journal has, also after a crash

    examples:
      augur-edge system show
      sudo augur-edge system tune --affinity 4-7
      sudo augur-edge system reset
    """

    name = "system"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("action", choices=ACTIONS, nargs="?", default="show", help="see above; show if left out")
        parser.add_argument("--governor", metavar="NAME", default="performance", help="to set, with tune")
        parser.add_argument(
            "--mhz", type=values.megahertz, metavar="N", help="clock to hold (default: the highest the system allows)"
        )
        parser.add_argument(
            "--affinity", type=values.cpus, default=[], metavar="CPU,…",
            help="processors to measure on: only their clocks are set, and interrupts go to the others (default: all)",
        )  # fmt: skip
        parser.add_argument("--profile", type=Path, metavar="FILE", help="device profile whose commands to run")
        parser.add_argument(
            "--sysroot", type=Path, metavar="DIR", default=Path("/"), help="work on the files below DIR"
        )
        parser.add_argument("--json", action="store_true", help=f"print one JSON document ({SCHEMA})")

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.device import journal

        if not args.sysroot.is_dir():
            raise UsageError(f"--sysroot {args.sysroot}: no such folder")
        path = journal.default_path(args.sysroot)
        act = {"show": _show, "tune": _tune, "reset": _reset}[args.action]
        document = {"schema": SCHEMA, "action": args.action, "journal": str(path), **act(args, path)}
        print(json.dumps(document, indent=2) if args.json else _text(document))
        return 0


def _show(args: argparse.Namespace, path: Path) -> dict[str, Any]:
    from dataclasses import asdict

    from augur_edge import device
    from augur_edge.device import journal
    from augur_edge.measure.readiness import readiness

    this = device.identify(args.sysroot)
    profile = device.pick(this, args.profile)
    max_temp_c = profile.protocol.max_temp_c
    now, reasons = readiness(args.sysroot, this.cores, None if max_temp_c is None else round(1000 * max_temp_c))
    tuned = journal.read(path)
    boot = journal.boot_id(args.sysroot)
    return {
        "context": {"device": this.id, "profile": profile.name, "conditions": now.to_dict()},
        "ready": not reasons,
        "reasons": [r.to_dict() for r in reasons],
        "tuned": None
        if tuned is None
        else {**asdict(tuned), "restarted": bool(boot and tuned.boot not in (None, boot))},
    }


def _tune(args: argparse.Namespace, path: Path) -> dict[str, Any]:
    from augur_edge import device
    from augur_edge.device import commands, journal, tuning

    this = device.identify(args.sysroot)
    profile = device.pick(this, args.profile)
    parts, obstacle = commands.parts(profile), commands.why_not(args.sysroot)
    names = tuple(parts) if obstacle is None else ()
    tuned = journal.read(path)
    if names and tuned is not None and tuned.controls:
        # `jetson_clocks --store` again would keep the clocks of now for those of before.
        raise UsageError("tuned already, with its profile's commands; run `sudo augur-edge system reset` first")
    settings = _planned(args)
    if not tuning.changes(settings) and not names:
        return _nothing_to_tune(settings, parts, obstacle)
    if names:  # commands change what is as wanted now, so all of it is kept before they do
        commanded = tuning.Commanded(profile.name, names, commands.power_mode(args.sysroot))
        tuning.keep(args.sysroot, path, settings, commanded)
    refused = dict.fromkeys(parts, obstacle) if obstacle else {}
    for name in names:
        refused.update(commands.run_all(parts[name].tune, console.talk))
    again = tuning.changes(_planned(args))
    outcome = tuning.apply(args.sysroot, path, again)
    tuning.demand_something(outcome, again, "tune")
    return _outcome(outcome, refused)


def _planned(args: argparse.Namespace) -> list[Setting]:
    from augur_edge.device.reading import Reader
    from augur_edge.device.tuning import plan

    return plan(Reader(args.sysroot), args.governor, args.mhz, args.affinity)


def _nothing_to_tune(settings: list[Setting], parts: dict[str, Any], obstacle: str | None) -> dict[str, Any]:
    """All is as wanted already; DeviceNotReadyError where there is nothing that could be set."""
    if not settings:
        more = f"; its profile's commands: {obstacle}" if parts and obstacle else ""
        raise DeviceNotReadyError(
            f"nothing here can be set: this system has no /sys/devices/system/cpu/cpu*/cpufreq (usual in a virtual "
            f"machine){more}"
        )
    return {"done": [], "refused": dict.fromkeys(parts, obstacle), "gone": []}


def _reset(args: argparse.Namespace, path: Path) -> dict[str, Any]:
    from augur_edge.device import journal, tuning

    tuned = journal.read(path)
    if tuned is None:
        console.talk(f"nothing to put back: there is no {path}, so nothing was tuned")
        return {"done": [], "refused": {}, "gone": []}
    refused = _reset_commands(args, tuned)
    outcome = tuning.reset(args.sysroot, path)
    tuning.demand_something(outcome, tuned.settings, "reset")
    document = _outcome(outcome, refused)
    if document["refused"]:
        what, why = next(iter(document["refused"].items()))
        raise DeviceNotReadyError(f"{what}: {why}; the journal {path} is kept; mend that and reset again, or remove it")
    journal.remove(path)
    return document


def _reset_commands(args: argparse.Namespace, tuned: Journal) -> dict[str, str]:
    from augur_edge import device
    from augur_edge.device import commands

    if not tuned.controls:
        return {}
    obstacle = commands.why_not(args.sysroot)
    profile = device.pick(device.identify(args.sysroot), args.profile)
    if obstacle is None and profile.name != tuned.profile:
        obstacle = f"tuned with the profile {tuned.profile}, this is {profile.name}: name it with --profile"
    if obstacle is not None:
        return dict.fromkeys(tuned.controls, obstacle)
    return commands.put_back(profile, tuned.controls, tuned.nvpmodel, args.sysroot, console.talk)


def _outcome(outcome: Outcome, refused: Mapping[str, str | None]) -> dict[str, Any]:
    interrupts = [s for s in outcome.done if s.path.startswith("proc/irq/")]
    return {
        "done": [{"path": s.path, "before": s.before, "after": s.after} for s in outcome.done],
        "refused": {**refused, **{p: why for p, why in outcome.refused.items() if not p.startswith("proc/irq/")}},
        "interrupts": {"moved": len(interrupts), "stuck": sum(p.startswith("proc/irq/") for p in outcome.refused)},
        "gone": outcome.gone,
    }


def _text(document: dict[str, Any]) -> str:
    if document["action"] == "show":
        return _show_text(document)
    lines = [_setting_line(s, document["action"]) for s in document["done"] if not s["path"].startswith("proc/irq/")]
    moved = document.get("interrupts", {"moved": 0, "stuck": 0})
    if moved["moved"] or moved["stuck"]:
        lines.append(f"interrupts: {moved['moved']} moved, {moved['stuck']} cannot be")
    lines += [f"refused {what}: {why}" for what, why in document["refused"].items()]
    lines += [f"no longer there: {path}" for path in document["gone"]]
    if document["action"] == "tune" and document["done"]:
        lines.append(f"how it was is in {document['journal']}; `augur-edge system reset` puts it back")
    return "\n".join(lines) or "nothing to change"


def _setting_line(setting: dict[str, str], action: str) -> str:
    old, new = (setting["before"], setting["after"])[:: 1 if action == "tune" else -1]
    where = setting["path"].removeprefix("sys/devices/system/cpu/")
    return f"{where}: {old} -> {new}"


def _show_text(document: dict[str, Any]) -> str:
    from augur_edge.cli.probe import clocks_text, load_text

    now = document["context"]["conditions"]
    facts = {
        "device": document["context"]["device"],
        "profile": document["context"]["profile"],
        "clocks": clocks_text(now["clocks"]),
        "temperature": ", ".join(f"{t['zone']} {t['mc'] / 1000:.0f} C" for t in now["temperatures"]),
        "throttling": ", ".join(f"{name} {value}" for name, value in now["throttle"].items()),
        **now["controls"],
        "load": load_text(now),
        "tuned": _tuned_text(document),
    }
    lines = [f"{name:<14} {value}" for name, value in facts.items() if value]
    lines += [f"{name:<14} unknown: {why}" for name, why in now["unavailable"].items()]
    verdict = "ready to measure" if document["ready"] else "not ready"
    return "\n".join([*lines, "", verdict, *(f"  {r['text']} - {r['advice']}" for r in document["reasons"])])


def _tuned_text(document: dict[str, Any]) -> str:
    if document["tuned"] is None:
        return "no"
    when = "before the last restart, which undid what the kernel held" if document["tuned"]["restarted"] else "yes"
    return f"{when}, {len(document['tuned']['settings'])} settings; `augur-edge system reset` puts them back"
