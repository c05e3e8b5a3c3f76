"""`augur-edge probe`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from augur_edge import console
from augur_edge.errors import UsageError
from augur_edge.units import size_text

SCHEMA = "augur-edge/probe/1"


class ProbeCommand:
    """Show the board, its runtimes, timer and sensors, and what is missing.

    Nothing is measured and no runtime is loaded; what cannot be told is listed with the reason.

    examples:
      augur-edge probe
      augur-edge probe --json
      augur-edge probe -o my-board.json
      augur-edge probe --sysroot copy-of-a-board
    """

    name = "probe"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help=f"print one JSON document ({SCHEMA})")
        parser.add_argument(
            "--profile", type=Path, metavar="FILE", help="device profile to use in place of one that fits"
        )
        parser.add_argument(
            "--sysroot",
            type=Path,
            default=Path("/"),
            metavar="DIR",
            help="a tree with a device's files, in place of this",
        )
        parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="draft a device profile into a new file")

    def run(self, args: argparse.Namespace) -> int:
        document = gather(args.profile, args.output, args.sysroot)
        if args.output is not None:
            console.talk(f"drafted {args.output}; complete it, then use it with AUGUR_EDGE_PROFILE={args.output}")
        print(json.dumps(document, indent=2) if args.json else text(document))
        return 0


def gather(profile_path: Path | None = None, draft_path: Path | None = None, root: Path = Path("/")) -> dict[str, Any]:
    """The document that `--json` prints; writes a drafted profile to `draft_path` on the way.

    Raises DataError for a malformed profile, UsageError where one is absent or for another device, where `root` is no
    folder, and where `draft_path` exists.
    """
    from augur_edge import device, timing
    from augur_edge.device import power
    from augur_edge.device import profile as profiles
    from augur_edge.device.advice import advice, old_python
    from augur_edge.device.expected import gaps
    from augur_edge.device.software import edge_tpu

    if not root.is_dir():
        raise UsageError(f"--sysroot {root}: not a folder")
    this, now, timer, coral = device.identify(root), device.conditions(root), timing.clock(), edge_tpu(root)
    found = device.runtimes()
    chosen = profiles.pick(this, profile_path)
    sensors, no_sensor = power.find(root)
    if draft_path is not None:
        _write_new(draft_path, profiles.draft(this, chosen, [r.name for r in found]))
    return {
        "schema": SCHEMA,
        "context": device.context(profile_path, root),
        "profile": chosen.to_dict(),
        "accelerators": [profile.to_dict() for profile in profiles.accelerators(this)],
        "runtimes": [r.to_dict() for r in found],
        "edge_tpu": coral,
        "timer": timer,
        "power": [power.describe(sensor) for sensor in sensors],
        "missing": {**this.unavailable, **now.unavailable, **gaps(chosen, this, now, sensors, no_sensor)},
        "advice": [*advice(this, now, found, timer, coral), *(old_python(chosen) if root != Path("/") else [])],
    }


def _write_new(path: Path, content: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError as err:
        raise UsageError(f"{path} exists already; name another file, or remove it") from err


def text(document: dict[str, Any]) -> str:
    """The document for people: a fact a line, then what is missing, then what to do."""
    lines = [f"{name:<12} {value}" for name, value in _facts(document) if value]
    missing = [f"  {name}: {reason}" for name, reason in document["missing"].items()]
    steps = [f"  {step}" for step in document["advice"]]
    return "\n".join(
        [*lines, "", "unavailable", *missing, "", "what to do", *(steps or ["  nothing: ready to measure"])]
    )


def _facts(document: dict[str, Any]) -> list[tuple[str, str]]:
    context, profile = document["context"], document["profile"]
    this, now = context["device"], context["conditions"]["before"]
    tested = "" if profile["tested"] else ", not tried on a device yet"
    return [
        ("device", this["id"]),
        ("board", this["model"] or ""),
        ("processor", f"{this['cpu'] or 'unknown'}, {this['arch']}"),
        ("cores", _cores(this)),
        ("memory", size_text(this["memory_bytes"])),
        ("system", f"{this['os']}, kernel {this['kernel']}{', virtual machine' if this['virtual'] else ''}"),
        ("python", f"{context['versions']['python']}, numpy {context['versions']['numpy'] or 'is missing'}"),
        ("profile", f"{profile['name']} ({profile['title']}{tested})"),
        ("runtimes", ", ".join(f"{r['name']} {r['version'] or '?'}" for r in document["runtimes"]) or "none"),
        ("accelerator", ", ".join(a["title"] for a in document["accelerators"])),
        ("power", "; ".join(f"{p['kind']} ({', '.join(p['rails'])}): {p['covers']}" for p in document["power"])),
        ("edge tpu", document["edge_tpu"]["library"] or ""),
        ("timer", _timer(document["timer"])),
        ("clocks", clocks_text(now["clocks"])),
        ("temperature", ", ".join(f"{t['zone']} {t['mc'] / 1000:.0f} C" for t in now["temperatures"])),
        ("throttling", ", ".join(f"{name} {value}" for name, value in now["throttle"].items())),
        ("load", load_text(now)),
    ]


def _cores(this: dict[str, Any]) -> str:
    parts = []
    for cluster in this["clusters"]:
        clock = f" up to {cluster['max_mhz']} MHz" if cluster["max_mhz"] else ""
        parts.append(f"cpu {','.join(map(str, cluster['cpus']))}{clock}")
    physical = f"{this['cores']} cores: " if this["cores"] else ""
    return physical + "; ".join(parts)


def _timer(timer: dict[str, Any]) -> str:
    made = "C++" if timer["native"] else "Python"
    return f"{timer['name']}, steps of {timer['resolution_ns']:.0f} ns, {timer['overhead_ns']:.0f} ns a reading, {made}"


def clocks_text(clocks: list[dict[str, Any]]) -> str:
    """`cpu 0,1 at 1500 MHz, ondemand`, of the context's clocks."""
    groups: dict[tuple[str, int], list[int]] = {}
    for clock in clocks:
        groups.setdefault((clock["governor"] or "unknown governor", clock["mhz"] or 0), []).append(clock["cpu"])
    return "; ".join(
        f"cpu {','.join(map(str, cpus))} at {mhz or '?'} MHz, {governor}" for (governor, mhz), cpus in groups.items()
    )


def load_text(now: dict[str, Any]) -> str:
    """Load and pressure of the context's conditions; empty where unknown."""
    pressure = "" if now["psi_avg10"] is None else f", waiting for a processor {now['psi_avg10']:.1f} % of the time"
    return "" if now["load1"] is None else f"{now['load1']:.2f}{pressure}"
