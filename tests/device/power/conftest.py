"""Sensors as trees of files, and a process that feeds them a power that is known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

WRITER = Path(__file__).with_name("waveform.py")
HWMON = "sys/bus/i2c/devices/1-0040/hwmon/hwmon3"
IIO = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
BATTERY = "sys/class/power_supply/battery"
RAPL = "sys/class/powercap/intel-rapl:0"
RAPL_RANGE = 262_143_328_850


@dataclass(frozen=True)
class Fixture:
    """A kind of sensor. files: with their content; outputs: path and format of those that follow the waveform."""

    kind: str
    files: dict[str, str]
    outputs: dict[str, str]


FIXTURES = {
    "ina3221 hwmon": Fixture(
        "ina3221",
        {
            f"{HWMON}/name": "ina3221\n", f"{HWMON}/in1_label": "VDD_IN\n", f"{HWMON}/in1_input": "5000\n",
            f"{HWMON}/in2_label": "VDD_CPU_GPU_CV\n", f"{HWMON}/in2_input": "5000\n", f"{HWMON}/curr2_input": "100\n",
            f"{HWMON}/in3_label": "NC\n", f"{HWMON}/in3_input": "0\n", f"{HWMON}/curr3_input": "0\n",
            f"{HWMON}/in7_label": "sum of shunt voltages\n", f"{HWMON}/in7_input": "123\n",
        },
        {f"{HWMON}/curr1_input": "%(ma)06d\n"},
    ),
    "ina3221 iio": Fixture(
        "ina3221",
        {
            f"{IIO}/rail_name_0": "POM_5V_IN\n", f"{IIO}/rail_name_1": "POM_5V_GPU\n", f"{IIO}/in_power1_input": "50\n",
            f"{IIO}/rail_name_2": "POM_5V_CPU\n", f"{IIO}/in_power2_input": "400\n",
        },
        {f"{IIO}/in_power0_input": "%(mw)06d\n"},
    ),
    "ina2xx": Fixture(
        "ina2xx", {"sys/class/hwmon/hwmon2/name": "ina226\n"},
        {"sys/class/hwmon/hwmon2/power1_input": "%(uw)010d\n"},
    ),
    "rapl": Fixture(
        "rapl", {f"{RAPL}/name": "package-0\n", f"{RAPL}/max_energy_range_uj": f"{RAPL_RANGE}\n"},
        {f"{RAPL}/energy_uj": "%(counter)013d\n"},
    ),
    "battery": Fixture(
        "battery",
        {f"{BATTERY}/type": "Battery\n", f"{BATTERY}/status": "Discharging\n", f"{BATTERY}/voltage_now": "5000000\n"},
        {f"{BATTERY}/current_now": "-%(ua)010d\n"},
    ),
}  # fmt: skip

ZERO = dict.fromkeys(("mw", "ma", "uw", "ua", "counter", "us"), 0)


class Feeder:
    """Makes trees of files and the processes that keep them alive; `shown_mw` is the truth."""

    def __init__(self, root: Path) -> None:
        self.root, self._log = root, root / "shown.json"
        self._process: subprocess.Popen[bytes] | None = None

    def tree(self, fixture: Fixture) -> Path:
        """The files of a sensor, still at zero."""
        for path, text in {**fixture.files, **{p: f % ZERO for p, f in fixture.outputs.items()}}.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)
        return self.root

    def start(self, outputs: dict[Path, str], low_mw: int, high_mw: int, half_ms: int, **more: Any) -> None:
        """Run the waveform."""
        files = [{"path": str(path), "format": text, "stream": path.is_fifo()} for path, text in outputs.items()]
        spec = {"low_mw": low_mw, "high_mw": high_mw, "half_ms": half_ms, "outputs": files, "log": str(self._log)}
        argv = [sys.executable, str(WRITER), json.dumps({**spec, "parent": os.getpid(), **more})]
        self._process = subprocess.Popen(argv)

    def feed(self, fixture: Fixture, low_mw: int, high_mw: int, half_ms: int, **more: Any) -> Path:
        """The tree of a sensor, once it shows the waveform."""
        root = self.tree(fixture)
        self.start({root / p: f for p, f in fixture.outputs.items()}, low_mw, high_mw, half_ms, **more)
        fed = [root / p for p in fixture.outputs]
        until(lambda: all(int(path.read_text()) for path in fed))
        return root

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def shown_mw(self, start_ns: int, end_ns: int) -> float:
        """Mean of what was shown from one moment of CLOCK_MONOTONIC_RAW to another. Ends the process."""
        self.stop()
        shown = json.loads(self._log.read_text())
        edges = [*(t for t, _ in shown), end_ns]
        spans = [max(0, min(b, end_ns) - max(a, start_ns)) for a, b in zip(edges, edges[1:])]
        return sum(span * mw for span, (_, mw) in zip(spans, shown)) / (end_ns - start_ns)


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, ten seconds at most."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("the writer did not begin")


@pytest.fixture
def feeder(tmp_path: Path) -> Iterator[Feeder]:
    made = Feeder(tmp_path)
    yield made
    made.stop()
