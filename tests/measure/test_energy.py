"""Energy of tasks whose duration is known, by a sensor that follows a known power."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import SPEC, deployment

from augur_edge import timing
from augur_edge.device import power
from augur_edge.device.power import gauge
from augur_edge.errors import PowerError
from augur_edge.measure import energy
from augur_edge.measure.energy import Meter
from augur_edge.store.records import Measurement, NetworkRecord

pytestmark = pytest.mark.quiet

MS = 1_000_000
RAIL = "sys/class/hwmon/hwmon0"


class Rail:
    """An INA226 in a tree of files, 2 W with a digit of noise, from a thread of this process."""

    def __init__(self, root: Path) -> None:
        self.root, self.mw = root, 2000
        (root / RAIL).mkdir(parents=True)
        (root / RAIL / "name").write_text("ina226\n")
        self.file = root / RAIL / "power1_input"
        self.file.write_text("002000000\n")
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        file, odd = os.open(self.file, os.O_WRONLY), 0
        while not self._ends.wait(0.002):
            odd = 1 - odd
            os.pwrite(file, b"%09d\n" % (self.mw * 1000 + 1000 * odd), 0)
        os.close(file)

    def stop(self) -> None:
        self._ends.set()
        self._thread.join()


@pytest.fixture
def rail(tmp_path: Path) -> Iterator[Rail]:
    made = Rail(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def meter(rail: Rail, monkeypatch: pytest.MonkeyPatch) -> Meter:
    """Short windows: what is tested is no waveform."""
    monkeypatch.setattr(energy, "WINDOW_NS", 40 * MS)
    monkeypatch.setattr(energy, "IDLE_NS", 60 * MS)
    return Meter(power.choose("auto", rail.root))


def test_energy_is_power_times_the_time_of_a_call(meter: Meter) -> None:
    found = meter.measure(timing.SpinTask([2 * MS]), 2 * MS)
    assert found["median"] == pytest.approx(2000.5 * found["time_ns"] * 1e-6, rel=0.01)
    assert found["power_mw"] == pytest.approx(2000.5, rel=0.01)
    assert found["idle_mw"] == pytest.approx(2000.5, rel=0.01)
    assert abs(found["above_idle"]) <= 0.01 * found["median"], "the rail does not know of the task"
    assert 0 < found["uncertainty"] < found["median"]
    assert found["above_idle_uncertainty"] >= found["uncertainty"]
    assert found["n_windows"] == energy.WINDOWS and found["n_inferences"] >= 5 * 25
    assert found["rate_hz"] > 50 and found["jitter_us"] > 0


def test_a_load_that_shows_is_above_idling(meter: Meter, rail: Rail) -> None:
    def show(mw: int) -> None:
        rail.mw = mw
        while int(rail.file.read_text()) // 10_000 != mw // 10:
            time.sleep(0.001)

    def work() -> None:
        show(6000)
        time.sleep(0.02)

    def calm(*arguments: Any) -> tuple[int, int]:
        show(2000)
        time.sleep(0.002)
        start = timing.now_ns()
        time.sleep(0.06)
        return start, timing.now_ns()

    energy_rest = energy._rest
    try:
        energy._rest = calm  # type: ignore[assignment]
        found = meter.measure(timing.CallTask(work), 20 * MS)
    finally:
        energy._rest = energy_rest
    assert found["idle_mw"] == pytest.approx(2000, rel=0.02)
    assert found["power_mw"] == pytest.approx(6000, rel=0.05)
    assert found["above_idle"] == pytest.approx(found["median"] * 4 / 6, rel=0.05)


def test_without_two_samples_in_a_window_the_uncertainty_is_unknown(meter: Meter) -> None:
    rows = np.array([[i * MS, 2000 + i % 2] for i in range(12)], np.int64)
    trace = power.trace_of(meter.sensor, rows, [])
    short = [energy.Window(i * MS + MS // 4, i * MS + MS // 2, 1) for i in range(5)]
    long = [energy.Window(i * MS, (i + 2) * MS, 1) for i in range(5)]
    idle = [(6 * MS, 9 * MS)]
    unknown = energy._result(trace, short, idle, meter.sensor, MS / 4)
    assert unknown["uncertainty"] is None and unknown["above_idle_uncertainty"] is None and unknown["median"] > 0
    half = energy._result(trace, long, [(9 * MS, 9 * MS + 1)], meter.sensor, 2 * MS)
    assert half["uncertainty"] > 0 and half["above_idle_uncertainty"] is None
    known = energy._result(trace, long, idle, meter.sensor, 2 * MS)
    assert known["above_idle_uncertainty"] >= known["uncertainty"] > 0


def test_inferences_slower_than_their_latency_are_a_warning(meter: Meter) -> None:
    (warning,) = meter.measure(timing.SpinTask([2 * MS]), 1 * MS)["warnings"]
    assert "% longer than when their latency was measured" in warning


def test_quantisation_alone_bounds_the_uncertainty(meter: Meter) -> None:
    found = meter.measure(timing.SpinTask([2 * MS]), 2 * MS)
    assert found["uncertainty"] >= meter.sensor.step_mw / np.sqrt(12) * found["time_ns"] * 1e-6


def test_a_layer_too_short_for_a_slow_sensor_is_unmeasurable(meter: Meter) -> None:
    from dataclasses import replace

    slow = Meter(replace(meter.sensor, refresh_ns=1000 * MS))  # type: ignore[type-var]
    with pytest.raises(PowerError, match=r"unmeasurable: ina2xx is renewed every 1000 ms: .* external meter"):
        slow.measure(timing.SpinTask([MS]), MS)


def record(samples_ns: dict[int, int]) -> NetworkRecord:
    """A network in replay mode with these medians by position; -1 is the whole."""
    made = [
        Measurement("whole" if i < 0 else "layer", "replay", i, f"l{i}", "conv2d", samples_ns=np.full(9, ns))
        for i, ns in samples_ns.items()
    ]
    return NetworkRecord(0, "net", "fake", "replay", measurements=made)


def test_equal_layers_share_one_energy_and_failed_ones_have_none(meter: Meter) -> None:
    spec = SPEC.to_dict()
    layers = [{"durations_ns": [MS], "spec": spec}] * 2 + [{"durations_ns": [1], "error": "no"}, {"durations_ns": [MS]}]
    made, info = deployment(*layers), dict[str, Any]()
    measured = record({-1: 3 * MS, 0: MS, 1: MS, 3: MS})
    saved = [m for ms, _ in energy.rounds(meter, energy.of_network(made, "replay"), measured, info) for m in ms]
    assert sorted(m.position for m in saved) == [-1, 0, 1, 3]
    by_position = {m.position: m for m in measured.measurements}
    assert by_position[0].energy is by_position[1].energy is not by_position[3].energy
    assert info["energy_sensor"]["kind"] == "ina2xx" and info["energy_reasons"] == {}
    assert "energy_reason" not in info
    again = list(energy.rounds(meter, energy.of_network(made, "replay"), measured, info))
    assert again == [], "a resumed run measures what it lacks only"


def test_a_sensor_that_vanishes_is_a_reason_and_raises_nothing(meter: Meter, rail: Rail) -> None:
    made, info = deployment({"durations_ns": [MS]}), dict[str, Any]()
    rail.stop()
    rail.file.unlink()
    measured = record({-1: MS, 0: MS})
    assert list(energy.rounds(meter, energy.of_network(made, "replay"), measured, info)) == []
    assert info["energy_reason"].startswith(("unreadable: ", "vanished: "))
    assert all(m.energy is None and len(m.samples_ns) for m in measured.measurements)


def test_a_layer_that_fails_alone_has_its_own_reason(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    made, info = deployment({"durations_ns": [MS]}, {"durations_ns": [2 * MS]}), dict[str, Any]()
    plain = Meter.measure

    def picky(self: Meter, task: Any, call_ns: float) -> Any:
        if call_ns == MS:
            raise PowerError("gap", "for once")
        return plain(self, task, call_ns)

    monkeypatch.setattr(Meter, "measure", picky)
    measured = record({-1: 3 * MS, 0: MS, 1: 2 * MS})
    saved = list(energy.rounds(meter, energy.of_network(made, "replay"), measured, info))
    assert len(saved) == 2
    assert info["energy_reasons"] == {"0": "gap: for once"} and "energy_reason" not in info


def test_layers_of_a_profiler_have_a_reason(meter: Meter) -> None:
    made, info = deployment({"durations_ns": [MS]}), dict[str, Any]()
    measured = record({-1: MS, 0: MS})
    for m in measured.measurements:
        m.mode = "profiler"
    measured.mode = "profiler"
    assert len(list(energy.rounds(meter, energy.of_network(made, "profiler"), measured, info))) == 1
    assert info["energy_reasons"] == {"0": "unmeasurable: it was not run alone"}


def test_the_sampler_keeps_off_the_loop_s_processors() -> None:
    cpus = tuple(range(os.cpu_count() or 1))
    assert energy.cpus_for_sampling(cpus) == ()
    assert set(energy.cpus_for_sampling(cpus[:1])) == set(cpus[1:])


class Battery:
    """A gauge in mA whose current is negative while it gives, and follows whether somebody is busy; a context."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "sys/class/power_supply/battery"
        self.busy = False
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._follow)

    def __enter__(self) -> Battery:
        self.folder.mkdir(parents=True)
        texts = {
            "type": "Battery", "status": "Discharging", "voltage_now": "4000000", "current_now": "-00100",
        }  # fmt: skip
        for name, text in texts.items():
            (self.folder / name).write_text(f"{text}\n")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _follow(self) -> None:
        file, odd = os.open(self.folder / "current_now", os.O_WRONLY), 0
        while not self._ends.wait(0.002):
            odd = 1 - odd
            os.pwrite(file, b"-%05d\n" % (100 + 400 * self.busy + odd), 0)
        os.close(file)


def load_seen_by(battery: Battery) -> type:
    """A task in the place of timing.SpinTask: busy for as long as it is told."""
    spin = timing.SpinTask

    class Load:
        def __init__(self, durations_ns: list[int]) -> None:
            self._task = spin(durations_ns)

        def run(self) -> None:
            battery.busy = True
            time.sleep(0.05)
            self._task.run()
            battery.busy = False

    return Load


def test_a_battery_is_calibrated_and_its_raw_values_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "WINDOW_NS", 40 * MS)
    monkeypatch.setattr(energy, "IDLE_NS", 60 * MS)
    with Battery(tmp_path) as battery:
        monkeypatch.setattr(timing, "SpinTask", load_seen_by(battery))
        sensor = power.choose("battery", tmp_path)
        meter = Meter(replace(sensor, refresh_ns=2 * MS, period_ns=MS))  # type: ignore[type-var]
        found = meter.measure(timing.CallTask(lambda: time.sleep(0.002)), 2 * MS)
    assert isinstance(meter.sensor, gauge.GaugeSensor) and meter.sensor.calibration is not None
    assert (meter.sensor.calibration.sign, meter.sensor.calibration.scale) == (-1, 1000)
    assert meter.about()["calibration"]["idle_raw"] == pytest.approx(-100, abs=20)
    assert found["power_mw"] == pytest.approx(402, rel=0.02), "100.5 mA at 4 V"
    assert found["raw_mean"]["current"] == pytest.approx(-100.5, abs=1) and found["raw_mean"]["voltage"] == 4_000_000


def test_what_was_odd_is_told_once() -> None:
    measured = record({-1: MS, 0: MS})
    for m, share in zip(measured.measurements, (12, 15)):
        m.energy = {"median": 1.0, "warnings": [f"inferences took {share} % longer than usual"]}
    assert energy.notes(measured) == ["energy: inferences took 12 % longer than usual"]
