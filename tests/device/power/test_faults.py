"""Each thing a sensor can do wrong is an error with a name, or a warning with its consequence."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augur_edge import timing
from augur_edge.device import power
from augur_edge.device.power import PowerSensor, trace_of
from augur_edge.device.power.base import FileSensor
from augur_edge.device.power.gauge import calibrate
from augur_edge.device.power.meter import Lines
from augur_edge.device.power.pmic import parse as parse_pmic
from augur_edge.device.power.termux import parse as parse_termux
from augur_edge.errors import PowerError, UsageError

from .conftest import BATTERY, FIXTURES, HWMON, IIO, RAPL, Feeder, Fixture

MS = 1_000_000


def sensor(**changes: Any) -> PowerSensor:
    """One column of mW, asked every ms."""
    plain = FileSensor("ina2xx", ("rail",), "a rail", ("power1_input",), (), lambda values: values[:, 0])
    return replace(plain, **changes)


def rows(*values: int) -> np.ndarray:
    """One a ms."""
    return np.array([[i * MS, v] for i, v in enumerate(values)], np.int64).reshape(-1, 2)


def code(given_rows: np.ndarray, failures: Any = (), **changes: Any) -> str:
    with pytest.raises(PowerError) as caught:
        trace_of(sensor(**changes), given_rows, list(failures))
    assert str(caught.value).startswith(f"{caught.value.code}: ")
    return caught.value.code


def test_the_integral_of_what_was_sampled() -> None:
    trace = trace_of(sensor(), rows(1000, 2000, 3000, 2000), [])
    assert trace.energy_uj.tolist() == [0, 1500, 4000, 6500]  # 1 W for 1 ms is 1000 uJ
    assert trace.between(MS // 2, 2 * MS) == pytest.approx(4000 - 750)
    assert trace.rate_hz == pytest.approx(1000) and trace.jitter_us == 0
    with pytest.raises(PowerError, match="gap"):
        trace.between(0, 4 * MS)


def test_the_spread_of_a_single_sample_is_unknown() -> None:
    trace = trace_of(sensor(), rows(1000, 2000, 3000), [])
    assert trace.spread_mw(0, MS) == pytest.approx(500 * 2**0.5)
    assert trace.spread_mw(MS // 2, MS) is None and trace.spread_mw(MS // 4, MS // 2) is None


def test_a_stuck_sensor() -> None:
    assert code(rows(*[5000] * 1001)) == "frozen"
    assert trace_of(sensor(), rows(*[5000] * 999, 5001), []).warnings == ()


def test_negative_and_absurd_power() -> None:
    assert code(rows(5000, 4000, -1, 4000)) == "negative"
    assert code(rows(5000, 4000, 10**9, 4000)) == "absurd"


def test_a_file_that_vanishes_names_itself() -> None:
    gone = [timing.UNREADABLE] * 50
    with pytest.raises(PowerError, match=r"vanished: .*stopped while measuring \(power1_input: No such file"):
        trace_of(sensor(), rows(*range(1, 50), *gone), [(0, errno.ENOENT, 0)])


def test_nothing_but_unreadable_values() -> None:
    assert code(rows(*[timing.UNREADABLE] * 50), [(0, errno.EACCES, 0)]) == "unreadable"
    assert code(rows()) == "silent"
    assert code(rows(1, 2)) == "silent"


def test_many_unreadable_values_are_an_error_and_few_a_warning() -> None:
    assert code(rows(*[5, timing.UNREADABLE, 6] * 20, 5), [(0, errno.EIO, 0)]) == "unreadable"
    (warning,) = trace_of(sensor(), rows(*[5, 6] * 20, timing.UNREADABLE, 5), []).warnings
    assert warning.startswith("2.4 % of the samples were unreadable")


def test_samples_that_were_overwritten_are_told() -> None:
    assert "7 samples were overwritten" in trace_of(sensor(), rows(1, 2, 3), [], lost=7).warnings[0]


@given(st.lists(st.integers(0, 499), min_size=3, max_size=50), st.integers(0, 999))
def test_a_counter_that_wraps_is_exact(steps: list[int], start: int) -> None:
    """Whatever it is and wherever it begins, as long as no step is half the range."""
    counted = [(start + sum(steps[:i])) % 1000 for i in range(len(steps) + 1)]
    trace = trace_of(sensor(counter_range=(1000,)), rows(*counted), [])
    assert trace.energy_uj.tolist() == np.cumsum([0, *steps]).tolist()


def test_a_counter_that_goes_back_or_leaves_its_range() -> None:
    assert code(rows(500, 600, 590, 700), counter_range=(1000,)) == "counter"
    assert code(rows(500, 600, 1001, 700), counter_range=(1000,)) == "counter"


@pytest.mark.parametrize("name", FIXTURES)
def test_each_sensor_is_found_where_it_is_and_nowhere_else(name: str, feeder: Feeder) -> None:
    found, missing = power.find(feeder.tree(FIXTURES[name]))
    assert [s.kind for s in found] == [FIXTURES[name].kind]
    assert set(missing) == set(power.KINDS) - {FIXTURES[name].kind, "meter"}
    assert all(missing.values())


def test_rails_without_a_name_and_sums_are_left_out(feeder: Feeder) -> None:
    root = feeder.tree(FIXTURES["ina3221 hwmon"])
    (found,), _ = power.find(root)
    assert found.rails == ("VDD_IN",) and found.notes == ("rails here: VDD_IN, VDD_CPU_GPU_CV",)
    (root / HWMON / "in1_label").write_text("VDD_GPU\n")
    (found,), _ = power.find(root)
    assert found.rails == ("VDD_GPU", "VDD_CPU_GPU_CV"), "no total: all of them"
    for channel in (1, 2):
        (root / HWMON / f"in{channel}_label").write_text("NC\n")
    assert power.find(root)[0] == []


def test_other_chips_on_the_bus_do_not_say_how_often_rails_are_renewed(feeder: Feeder) -> None:
    root = feeder.tree(FIXTURES["ina3221 hwmon"])
    other = root / "sys/bus/i2c/devices/1-004c/hwmon/hwmon4"
    other.mkdir(parents=True)
    (other / "name").write_text("tmp451\n")
    (other / "update_interval").write_text("1000\n")
    assert power.choose("ina3221", root).refresh_ns == 10 * MS
    (root / HWMON / "update_interval").write_text("36\n")
    assert power.choose("ina3221", root).refresh_ns == 36 * MS


def test_the_platform_s_counter_is_taken_instead_of_the_packages(feeder: Feeder) -> None:
    root = feeder.tree(FIXTURES["rapl"])
    feeder.tree(Fixture("rapl", {f"{RAPL[:-1]}1/name": "psys\n", f"{RAPL[:-1]}1/max_energy_range_uj": "9\n"}, {}))
    assert [s.rails for s in power.find(root)[0]] == [("psys",)]


def test_missing_rails_are_an_error_with_the_reason(feeder: Feeder) -> None:
    root = feeder.tree(FIXTURES["ina3221 iio"])
    for path in (root / IIO).glob("in_power*_input"):
        path.unlink()
    with pytest.raises(PowerError, match="absent: no power sensor ina3221: no INA3221 with a labelled rail"):
        power.choose("ina3221", root)
    with pytest.raises(PowerError, match=r"absent: no power sensor here: .*intel-rapl"):
        power.choose("auto", root)


def test_the_order_of_a_profile_comes_first(feeder: Feeder) -> None:
    feeder.tree(FIXTURES["ina2xx"])
    root = feeder.tree(FIXTURES["rapl"])
    assert power.choose("auto", root).kind == "rapl"
    assert power.choose("auto", root, ["ina2xx"]).kind == "ina2xx"


def test_a_counter_without_its_range_is_not_used(feeder: Feeder) -> None:
    root = feeder.tree(FIXTURES["rapl"])
    (root / RAPL / "max_energy_range_uj").unlink()
    with pytest.raises(PowerError, match="max_energy_range_uj"):
        power.choose("rapl", root)


@pytest.mark.parametrize("name", ["voltmeter", "ina3221:1", "meter", "meter:", "meter:/dev/x,color=red"])
def test_an_unknown_sensor_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError):
        power.choose(name)


def battery(*currents: int, volts: float = 4.0) -> np.ndarray:
    return np.array([[i * MS, c, int(volts * 1e6)] for i, c in enumerate(currents)], np.int64)


@pytest.mark.parametrize(
    ("idle", "load", "sign", "scale"),
    [(200_000, 900_000, 1, 1), (-200_000, -900_000, -1, 1), (200, 900, 1, 1000), (-200, -900, -1, 1000)],
)
def test_a_battery_s_sign_and_unit_come_from_a_load(idle: int, load: int, sign: int, scale: int) -> None:
    found = calibrate(battery(idle, idle + 1, idle - 1), battery(load, load + 1, load - 1))
    assert (found.sign, found.scale) == (sign, scale)
    assert (found.idle_raw, found.load_raw) == (idle, load)


@pytest.mark.parametrize(
    ("idle", "load", "code"),
    [
        ((500, 700, 600), (600, 650, 640), "uncalibrated"),
        ((-900_000, -900_001), (-200_000, -200_001), "charging"),
        ((1, 2), (5, 5), "absurd"),
        ((timing.UNREADABLE, timing.UNREADABLE), (5, 5), "unreadable"),
    ],
)
def test_a_battery_that_cannot_be_calibrated_says_why(idle: tuple[int, ...], load: tuple[int, ...], code: str) -> None:
    with pytest.raises(PowerError) as caught:
        calibrate(battery(*idle), battery(*load))
    assert caught.value.code == code


@pytest.mark.parametrize("status", ["Charging", "Full", "Not charging"])
def test_a_plugged_battery_is_no_sensor(status: str, feeder: Feeder) -> None:
    root = feeder.tree(FIXTURES["battery"])
    (root / BATTERY / "status").write_text(f"{status}\n")
    with pytest.raises(PowerError, match=r"charging: .*unplug"):
        power.choose("battery", root).check_ready()


def test_a_battery_that_charges_while_it_is_measured(feeder: Feeder) -> None:
    from augur_edge.device.power.gauge import Calibration

    gauge = replace(power.find(feeder.tree(FIXTURES["battery"]))[0][0], calibration=Calibration(1, 1, 0, 0))  # type: ignore[type-var]
    with pytest.raises(PowerError, match=r"negative: .*charging"):
        trace_of(gauge, battery(200_000, 300_000, -400_000, 100_000), [])


def test_a_gauge_that_apps_may_not_read_points_to_termux(feeder: Feeder) -> None:
    root = feeder.tree(FIXTURES["battery"])
    (root / BATTERY / "current_now").write_text("")
    assert "termux-battery-status can" in power.find(root)[1]["battery"]


def test_the_meter_s_lines() -> None:
    lines = Lines(())
    with pytest.raises(ValueError, match="names the columns"):
        lines(b"time_us, Voltage_V, current_mA,note")
    assert lines(b"12,5.0,400,x\r") == (2_000_000, 12)
    for bad in (b"12,5.0", b"12,five,400,x", b"\xff,5,4,x", b""):
        with pytest.raises(ValueError):
            lines(bad)
    with pytest.raises(ValueError, match="none of power_mw"):
        Lines(())(b"volts,amps")


def test_the_pmic_s_rails_need_both_figures() -> None:
    text = b" A_A current(0)=0.5A\n A_V volt(1)=2.0V\n B_V volt(2)=5.1V\n C_A current(3)=9.9A\nnoise\n"
    assert parse_pmic(text) == (1_000_000,)
    with pytest.raises(ValueError):
        parse_pmic(b" B_V volt(2)=5.1V\n")


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"current": null, "voltage": 4000}', b"\xff"])
def test_foreign_output_of_termux_is_no_number(text: bytes) -> None:
    with pytest.raises(ValueError):
        parse_termux(text)
    assert parse_termux(b'{"current": -250000, "voltage": 4100}') == (-250_000, 4_100_000)


def test_a_file_that_may_not_be_opened_names_itself(tmp_path: Path) -> None:
    lost = sensor(paths=(tmp_path / "gone",))
    with pytest.raises(PowerError, match=r"unreadable: .*gone: No such file"):
        lost.sampler()
