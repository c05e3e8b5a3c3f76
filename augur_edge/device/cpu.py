"""The processors: their name, their clusters of equal cores, how many share a core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from augur_edge.device.reading import Reader, cpu_list
from augur_edge.errors import UsageError

CPU_DIR = "sys/devices/system/cpu"

# (implementer, part) of MIDR_EL1, from the kernel's arch/arm64/include/asm/cputype.h and Arm's reference manuals
_ARM_PARTS = {
    "0x41": {
        "0xc07": "Cortex-A7", "0xd03": "Cortex-A53", "0xd04": "Cortex-A35", "0xd05": "Cortex-A55",
        "0xd07": "Cortex-A57", "0xd08": "Cortex-A72", "0xd09": "Cortex-A73", "0xd0a": "Cortex-A75",
        "0xd0b": "Cortex-A76", "0xd0c": "Neoverse-N1", "0xd0d": "Cortex-A77", "0xd40": "Neoverse-V1",
        "0xd41": "Cortex-A78", "0xd42": "Cortex-A78AE", "0xd44": "Cortex-X1", "0xd46": "Cortex-A510",
        "0xd47": "Cortex-A710", "0xd48": "Cortex-X2", "0xd49": "Neoverse-N2", "0xd4d": "Cortex-A715",
        "0xd4e": "Cortex-X3", "0xd4f": "Neoverse-V2", "0xd80": "Cortex-A520", "0xd81": "Cortex-A720",
        "0xd82": "Cortex-X4",
    },
    "0x4e": {"0x003": "Denver 2", "0x004": "Carmel"},
}  # fmt: skip


@dataclass(frozen=True)
class Cluster:
    """Processors of one kind. capacity: of 1024, relative to the fastest here; max_mhz: of the hardware."""

    cpus: tuple[int, ...]
    core: str | None
    capacity: int | None
    max_mhz: int | None


def processors(reader: Reader) -> list[dict[str, str]]:
    """/proc/cpuinfo, one dict per processor that is online."""
    blocks = (reader.text("proc/cpuinfo", "cpuinfo") or "").split("\n\n")
    parsed = [dict(_pair(line) for line in block.splitlines() if ":" in line) for block in blocks]
    return [p for p in parsed if "processor" in p]


def _pair(line: str) -> tuple[str, str]:
    key, _, value = line.partition(":")
    return key.strip(), value.strip()


def _core(processor: dict[str, str]) -> str | None:
    implementer, part = processor.get("CPU implementer"), processor.get("CPU part")
    if implementer is None or part is None:
        return processor.get("model name")
    return _ARM_PARTS.get(implementer, {}).get(part, f"implementer {implementer} part {part}")


def name(found: list[dict[str, str]]) -> str | None:
    """`"4x Cortex-A76 + 4x Cortex-A55"`, or `"2x AMD EPYC"`; None where /proc/cpuinfo tells nothing."""
    counts: dict[str, int] = {}
    for processor in found:
        core = _core(processor)
        if core is not None:
            counts[core] = counts.get(core, 0) + 1
    return " + ".join(f"{n}x {core}" for core, n in counts.items()) or None


def clusters(reader: Reader, found: list[dict[str, str]]) -> tuple[Cluster, ...]:
    """Online processors grouped by core, capacity and highest clock, in order of their first processor."""
    cores = {int(p["processor"]): _core(p) for p in found}
    groups: dict[tuple[str | None, int | None, int | None], list[int]] = {}
    for cpu in online(reader):
        khz = reader.integer(f"{CPU_DIR}/cpu{cpu}/cpufreq/cpuinfo_max_freq")
        capacity = reader.integer(f"{CPU_DIR}/cpu{cpu}/cpu_capacity")
        groups.setdefault((cores.get(cpu), capacity, None if khz is None else khz // 1000), []).append(cpu)
    return tuple(Cluster(tuple(cpus), *key) for key, cpus in groups.items())


CLUSTER_WORDS = ("big", "mid", "little")


def cluster_called(word: str, found: Sequence[Cluster]) -> Cluster:
    """The fastest cluster (`big`), the slowest (`little`), or of three the other (`mid`), by capacity, then clock.

    Raises UsageError, with the clusters there are, where the word fits none.
    """
    ranked = sorted(found, key=lambda c: (c.capacity or 0, c.max_mhz or 0))
    told = all(c.capacity is not None or c.max_mhz is not None for c in ranked)
    here = "; ".join(f"{c.core or 'a core'}: {','.join(map(str, c.cpus))}" for c in ranked) or "none that are known"
    if len(ranked) < 2 or not told:
        raise UsageError(f"{word}: this device shows no clusters of different speed ({here}); give numbers, say 0,1")
    if word == "mid" and len(ranked) != 3:
        raise UsageError(f"mid: this device has {len(ranked)} clusters ({here}); say big or little")
    return {"big": ranked[-1], "little": ranked[0], "mid": ranked[1]}[word]


def online(reader: Reader) -> list[int]:
    """Numbers of the processors that are online; empty, with the reason kept, where /sys does not say."""
    return cpu_list(reader.text(f"{CPU_DIR}/online", "cpus") or "")


def physical_cores(reader: Reader) -> int | None:
    """Cores behind the online processors, or None where the topology is not told."""
    siblings = {reader.text(f"{CPU_DIR}/cpu{cpu}/topology/thread_siblings_list", "cores") for cpu in online(reader)}
    return None if not siblings or None in siblings else len(siblings)
