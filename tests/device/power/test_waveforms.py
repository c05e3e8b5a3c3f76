"""Energy of a load that is known, by each kind of sensor: 1 % of a constant one, 3 % of a square wave of 50 Hz."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augur_edge import timing
from augur_edge.device import power
from augur_edge.device.power import GaugeSensor, PowerSensor, Sampler, rows_of, trace_of
from augur_edge.device.power.gauge import Calibration
from augur_edge.device.power.pmic import PmicSensor
from augur_edge.device.power.samplers import CommandSampler

from .conftest import FIXTURES, RAPL_RANGE, Feeder, until

pytestmark = pytest.mark.quiet

WINDOW_S = 0.6  # 30 periods of the square wave
PERIOD_NS = 20_000_000
COMMAND_S = {"constant": 0.6, "50 Hz": 3.0}  # some ten milliseconds a sample
LOADS = {"constant": (4995, 5005, 3, 0.01), "50 Hz": (1000, 9000, 10, 0.03)}
both = pytest.mark.parametrize("load", LOADS)

PMIC = (
    "  VDD_CORE_A current(7)=%(ma)06d.000A\n EXT5V_V volt(24)=5.15000000V\n"
    "  VDD_CORE_V volt(15)=0.00500000V\n   BATT_V volt(25)=0.00000000V\n"
)
TERMUX = '{"percentage": 80, "plugged": "UNPLUGGED", "status": "DISCHARGING", "voltage": 5000, "current": %(ua)10d}\n'


def ready(sensor: PowerSensor, sign: int = -1) -> PowerSensor:
    """A battery with its calibration, as after an idle and a load phase."""
    return replace(sensor, calibration=Calibration(sign, 1, 0, 0)) if isinstance(sensor, GaugeSensor) else sensor


def check(sensor: PowerSensor, sampler: Sampler, load: str, feeder: Feeder, window_s: float = WINDOW_S) -> None:
    """The sampler runs at real-time priority where it may, as it does under `measure`."""
    real_time = not isinstance(sampler, CommandSampler) and timing.set_fifo(10) == ""
    sampler.start([])
    if real_time:
        timing.set_fifo(0)
    settle_s = 0.5 if isinstance(sampler, CommandSampler) else 0.1
    time.sleep(settle_s)
    start_ns = timing.now_ns()
    time.sleep(window_s)
    end_ns = timing.now_ns()
    time.sleep(settle_s)
    sampler.stop()
    trace = trace_of(sensor, rows_of(sampler, sensor), [], 0)
    found_mw = trace.between(start_ns, end_ns) / (end_ns - start_ns) * 1e6
    steps_ns = np.diff(trace.t_ns)
    blind = float(steps_ns[steps_ns > PERIOD_NS].sum()) / (end_ns - start_ns)
    if load == "50 Hz" and (blind > 0.02 or trace.rate_hz < 100):
        pytest.skip(f"this machine is too busy: {trace.rate_hz:.0f} samples in a second, {100 * blind:.0f} % in gaps")
    assert found_mw == pytest.approx(feeder.shown_mw(start_ns, end_ns), rel=LOADS[load][3])


@both
@pytest.mark.parametrize("name", FIXTURES)
def test_a_known_load_by_files(name: str, load: str, feeder: Feeder) -> None:
    root = feeder.feed(FIXTURES[name], *LOADS[load][:3])
    sensor = power.choose(FIXTURES[name].kind, root)
    assert sensor.rails[0] in {"VDD_IN", "POM_5V_IN", "ina226", "package-0", "battery"}
    check(ready(sensor), sensor.sampler(), load, feeder)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A command that prints a file, found in PATH; returns that file."""

    def make(name: str) -> Path:
        state, tool = tmp_path / f"{name}.state", tmp_path / "bin" / name
        tool.parent.mkdir()
        state.write_text("")
        tool.write_text(f"#!/bin/sh\nexec cat {state}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
        return state

    return make


@both
def test_a_known_load_by_the_pmic(load: str, command: Callable[[str], Path], feeder: Feeder) -> None:
    state = command("vcgencmd")
    feeder.start({state: PMIC}, *LOADS[load][:3])
    until(lambda: state.stat().st_size > 0)
    sensor = PmicSensor(("vcgencmd", "pmic_read_adc"))
    check(sensor, sensor.sampler(), load, feeder, COMMAND_S[load])


@both
def test_a_known_load_by_termux(load: str, command: Callable[[str], Path], feeder: Feeder) -> None:
    state = command("termux-battery-status")
    feeder.start({state: TERMUX}, *LOADS[load][:3])
    until(lambda: state.stat().st_size > 0)
    sensor = power.choose("termux")
    sensor.check_ready()
    often = replace(ready(sensor, 1), period_ns=7_300_000)  # as no phone's gauge is renewed, or 50 Hz could not be seen
    check(often, often.sampler(), load, feeder, COMMAND_S[load])


@both
def test_a_known_load_by_an_external_meter(load: str, tmp_path: Path, feeder: Feeder) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    sensor = power.choose(f"meter:{pipe},columns=time_us+power_mw")
    sampler = sensor.sampler()
    feeder.start({pipe: "%(us)d,%(mw)d\n"}, *LOADS[load][:3])
    sampler.start([])
    until(lambda: len(sampler.take()) > 0)
    check(sensor, sampler, load, feeder)


def test_a_counter_that_wraps_while_it_is_read_loses_nothing(feeder: Feeder) -> None:
    more = {"counter_from": RAPL_RANGE - 10_000, "counter_range": RAPL_RANGE}
    root = feeder.tree(FIXTURES["rapl"])
    sensor = power.choose("rapl", root)
    counter = root / next(iter(FIXTURES["rapl"].outputs))
    counter.write_text(f"{RAPL_RANGE - 10_000:013d}\n")
    sampler = sensor.sampler()
    sampler.start([])
    feeder.start({counter: "%(counter)013d\n"}, 40_000, 60_000, 10, **more)
    until(lambda: int(counter.read_text()) < RAPL_RANGE // 2)
    time.sleep(0.1)
    sampler.stop()
    rows = rows_of(sampler, sensor)
    first, last = int(rows[0, 1]), int(rows[-1, 1])
    assert last < first
    rows = rows[np.append(0, 1 + np.flatnonzero(np.diff(rows[:, 1])))]  # it stood still until the writer began
    assert trace_of(sensor, rows, []).energy_uj[-1] == last + RAPL_RANGE - first
