"""Trees of files that look like a device, from their parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

CPU = "sys/devices/system/cpu"
THERMAL = "sys/class/thermal"


def write_tree(root: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
    return root


def processors(parts: list[str]) -> str:
    """/proc/cpuinfo of Arm's cores with these part numbers."""
    block = "processor\t: {}\nBogoMIPS\t: 108.00\nCPU implementer\t: 0x41\nCPU part\t: {}\n"
    return "\n".join(block.format(n, part) for n, part in enumerate(parts)) + "\nModel\t\t: a board\n"


def cpufreq(cpu: int, governor: str, khz: int, limit_khz: int, max_khz: int) -> dict[str, str]:
    base = f"{CPU}/cpu{cpu}/cpufreq"
    return {
        f"{base}/scaling_governor": f"{governor}\n",
        f"{base}/scaling_cur_freq": f"{khz}\n",
        f"{base}/scaling_max_freq": f"{limit_khz}\n",
        f"{base}/cpuinfo_max_freq": f"{max_khz}\n",
    }


def proc(cpus: int, busy: int = 1000, idle: int = 9000, steal: int = 0) -> dict[str, str]:
    line = f"{busy - 60} 10 40 {idle - 5} 5 4 6 {steal} 0 0"
    return {
        "proc/stat": f"cpu  {line}\n" + "".join(f"cpu{n} 1 1 1 1 1 1 1 1 0 0\n" for n in range(cpus)) + "intr 12\n",
        "proc/loadavg": "0.52 0.40 0.30 1/123 4567\n",
        "proc/self/stat": "42 (a (odd) name) R 1 42 42 0 -1 4194304 99 0 0 0 70 20 5 5 20 0 1 0 9 9 9\n",
        "proc/meminfo": "MemTotal:        3884312 kB\nMemFree:          100 kB\n",
    }
