"""A small board as a tree of files, and a process that changes them, for tests of all that watches or sets a device."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

CPUFREQ = "sys/devices/system/cpu/cpu{}/cpufreq"
TEMP = "sys/class/thermal/thermal_zone0/temp"
CLOCK = "sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq"
COOLING = "sys/class/thermal/cooling_device0/cur_state"


def board(root: Path, cpus: int = 4, governor: str = "ondemand", khz: int = 1_500_000) -> Path:
    """Processors with cpufreq, one thermal zone, one cooling device that slows the processors, some interrupts."""
    files = {
        "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
        "proc/sys/kernel/arch": "aarch64\n",
        "proc/sys/kernel/random/boot_id": "boot-1\n",
        "sys/devices/system/cpu/online": f"0-{cpus - 1}\n",
        "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
        TEMP: "45000\n",
        "sys/class/thermal/cooling_device0/type": "cpufreq-cpu0\n",
        COOLING: "0\n",
        "proc/irq/24/smp_affinity_list": f"0-{cpus - 1}\n",
        "proc/irq/25/smp_affinity_list": "0\n",
    }
    for cpu in range(cpus):
        base = CPUFREQ.format(cpu)
        files[f"{base}/scaling_governor"] = f"{governor}\n"
        files[f"{base}/scaling_available_governors"] = "ondemand powersave performance schedutil\n"
        files[f"{base}/scaling_available_frequencies"] = f"600000 1000000 {khz}\n"
        for name, value in (("cur", khz), ("min", 600_000), ("max", khz)):
            files[f"{base}/scaling_{name}_freq"] = f"{value}\n"
    return write(root, files)


def write(root: Path, files: Mapping[str, str]) -> Path:
    """Files with these contents below the root."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        put(root / path, text)
    return root


def put(path: Path, text: str) -> None:
    """At once, so that nobody reads an empty file."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.replace(path)


def contents(root: Path) -> dict[str, str]:
    """All files below the root but the journal's."""
    paths = (p for p in root.rglob("*") if p.is_file() and "augur-edge" not in p.parts)
    return {p.relative_to(root).as_posix(): p.read_text().strip() for p in paths}


# A child is ready when it says so, and on time later on, whatever else the machine does, where that is allowed.
_READY = """import os, pathlib, sys, time
try: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(20))
except PermissionError: pass
print(flush=True)
"""


def _started(program: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, "-c", program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline()
    return child


def _on_call(child: subprocess.Popen[bytes]) -> Iterator[Callable[[], None]]:
    def go() -> None:
        if child.stdin is not None and not child.stdin.closed:
            child.stdin.write(b"\n")
            child.stdin.close()

    try:
        yield go
    finally:
        child.terminate()
        child.wait()


@contextmanager
def writer(root: Path, *steps: tuple[float, str, str]) -> Iterator[Callable[[], None]]:
    """A process that after so many seconds puts a text into a file (an empty one: removes it), step by step.

    It begins when what this yields is called.
    """
    program = (
        f"{_READY}"
        "sys.stdin.readline()\n"
        "for step in sys.argv[1:]:\n"
        "    s, path, text = step.split('|')\n"
        "    time.sleep(float(s))\n"
        "    p = pathlib.Path(path)\n"
        "    if not text: p.unlink(); continue\n"
        "    n = p.with_name('.' + p.name + '.new'); n.write_text(text + '\\n'); n.replace(p)\n"
    )
    words = [f"{s}|{root / path}|{text}" for s, path, text in steps]
    yield from _on_call(_started(program, words))


@contextmanager
def neighbour(cpu: int, after_s: float, for_s: float, level: int = 0) -> Iterator[Callable[[], None]]:
    """A process that keeps one processor busy for a while, once what this yields is called.

    level: of real-time priority; it then takes bursts of 4 of every 10 ms.
    """
    program = (
        f"{_READY}"
        "cpu, after, long, level = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])\n"
        "os.sched_setaffinity(0, [cpu])\n"
        "os.sched_setscheduler(0, os.SCHED_FIFO if level else os.SCHED_OTHER, os.sched_param(level))\n"
        "sys.stdin.readline()\n"
        "time.sleep(after)\n"
        "end = time.monotonic() + long\n"
        "while time.monotonic() < end:\n"
        "    burst = time.monotonic() + (0.004 if level else long)\n"
        "    while time.monotonic() < min(burst, end): pass\n"
        "    if level: time.sleep(0.006)\n"
    )
    yield from _on_call(_started(program, [str(v) for v in (cpu, after_s, for_s, level)]))
