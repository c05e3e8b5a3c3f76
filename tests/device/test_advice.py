from __future__ import annotations

from pathlib import Path

from augur_edge import device
from augur_edge.device.advice import advice
from augur_edge.device.software import FoundRuntime

TIMER = {"name": "CLOCK_MONOTONIC_RAW", "resolution_ns": 20.0, "overhead_ns": 24.0, "native": True}
NO_CORAL = {"library": None, "pycoral": None}
ORT = FoundRuntime("onnxruntime", "1.31.1")


def test_advice_names_each_thing_in_the_way(raspberry_pi: Path) -> None:
    (raspberry_pi / "sys/devices/platform/soc/soc:firmware/get_throttled").write_text("50005\n")
    (raspberry_pi / "proc/pressure/cpu").write_text("some avg10=42.00 avg60=0.50 avg300=0.10 total=250000\n")
    this, now = device.identify(raspberry_pi, {}), device.conditions(raspberry_pi)
    steps = "\n".join(advice(this, now, [], {**TIMER, "native": False}, {"library": None, "pycoral": "unrelated"}))
    for words in ("no runtime", "C++ compiler", "not Google's", "governor ondemand", "under-voltage", "42 %"):
        assert words in steps


def test_a_device_that_is_ready_gets_no_advice(raspberry_pi: Path) -> None:
    for path in raspberry_pi.glob("sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"):
        path.write_text("performance\n")
    this, now = device.identify(raspberry_pi, {}), device.conditions(raspberry_pi)
    assert advice(this, now, [ORT], TIMER, NO_CORAL) == []
