"""`measure` on a device that is not ready, and for long: exit codes, what is kept, what the document says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import handtree
import pytest
from handmade import run

from augur_edge.cli import main
from augur_edge.store import Store

pytestmark = pytest.mark.quiet

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return handtree.board(tmp_path / "board", cpus=os.cpu_count() or 1)


def test_a_hot_device_is_exit_code_4_and_nothing_is_stored(net: str, store: Path, root: Path, capsys: Captured) -> None:
    handtree.put(root / handtree.TEMP, "80000\n")
    assert main(["measure", net, "--sysroot", str(root), "--max-temp", "60", "--wait", "0.5"]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert "waiting: cpu-thermal is at 80.0 C, above 60 C" in err
    assert (
        "error: cpu-thermal is at 80.0 C" in err
        and "`--no-guard` measures all the same" in err
        and "within 0.5 s" in err
    )
    with Store(store) as kept:
        assert kept.runs() == []
    assert main(["measure", net, "--sysroot", str(root), "--max-temp", "60", "--no-guard", "--max-time", "0.2"]) == 0


def test_without_a_sensor_a_limit_is_exit_code_4(net: str, store: Path, tmp_path: Path, capsys: Captured) -> None:
    handtree.write(tmp_path, {"etc/machine-id": "0123\n", "proc/sys/kernel/arch": "x86_64\n"})
    assert main(["measure", net, "--sysroot", str(tmp_path), "--max-temp", "60"]) == 4
    err = capsys.readouterr().err
    assert "this system has no /sys/class/thermal/thermal_zone*" in err and "without --max-temp" in err


def test_giving_up_on_the_way_keeps_what_there_is_to_go_on_with(
    net: str, store: Path, root: Path, capsys: Captured
) -> None:
    words = ["measure", net, "--sysroot", str(root), "--precision", "1e-9", "--max-time", "2", "--no-isolated"]
    with handtree.writer(root, (0.7, handtree.COOLING, "2")) as go:
        go()
        assert main([*words, "--wait", "0.5"]) == 4
    err = capsys.readouterr().err
    assert "measure --resume" in err and "cpufreq-cpu0 is at state 2" in err
    handtree.put(root / handtree.COOLING, "0\n")
    assert main(["measure", "--resume", "--sysroot", str(root), "--max-time", "0.2", "--wait", "20", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["context"]["guard"]["wait_s"] == 20
    assert document["context"]["first"]["guard"]["disturbances"][0]["code"] == "throttled"


def test_a_disturbance_that_ended_is_a_note_and_no_reason(net: str, store: Path, root: Path, capsys: Captured) -> None:
    words = ["measure", net, "--sysroot", str(root), "--precision", "1e-9", "--max-time", "1.2", "--json"]
    with handtree.writer(root, (0.7, handtree.COOLING, "2"), (0.3, handtree.COOLING, "0")) as go:
        go()
        assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    guard = document["context"]["guard"]
    assert "throttled" in [d["code"] for d in guard["disturbances"]]
    assert "throttled" not in [r["code"] for r in document["verdict"]["reasons"]]
    assert f"{guard['repeated']} of {guard['passes']} passes were disturbed" in document["verdict"]["note"]


def test_sustained_latency_stands_beside_the_first_with_temperature_and_clock(
    tmp_path: Path, store: Path, root: Path, capsys: Captured
) -> None:
    path = tmp_path / "slows.json"
    path.write_text(json.dumps({"layers": [{"name": "a", "op": "conv2d", "durations_ns": [1_000_000]}]}))
    words = ["measure", str(path), "--sysroot", str(root), "--max-time", "0.1", "--no-isolated", "--sustain", "2.5"]
    with handtree.writer(root, (1.5, handtree.TEMP, "70000")) as go:
        go()
        assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (network,) = document["networks"]
    sustain = network["sustain"]
    assert sustain["first_ns"] == network["latency_ns"]["median"]
    assert sustain["sustained_ns"] == pytest.approx(1e6, rel=0.05)
    assert 3 <= len(sustain["points"]) <= 4
    assert sustain["points"][-1]["at_s"] == pytest.approx(2.5, abs=0.5)
    assert [p["mc"] for p in sustain["points"]][-1] == 70000 and sustain["points"][0]["mhz"] == 1500
    assert main(["show"]) == 0
    out = capsys.readouterr().out
    assert "sustained 1.000 ms" in out.replace("\xa0", " ") and "70.0 C" in out and "1500 MHz" in out


def test_single_layers_are_not_sustained(store: Path, capsys: Captured) -> None:
    assert main(["measure", "--sample", "conv2d:1", "--sustain", "5"]) == 2
    assert "--sustain is for networks" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--max-temp", "hot"], "--max-temp: 'hot': degrees Celsius"),
        (["--max-temp", "500"], "between 0 and 150"),
        (["--wait", "0"], "--wait: '0': seconds, more than 0"),
    ],
)
def test_bad_words(net: str, store: Path, capsys: Captured, words: list[str], said: str) -> None:
    assert main(["measure", net, *words]) == 2
    assert said in capsys.readouterr().err


def test_a_run_of_another_device_is_not_gone_on_with(net: str, store: Path, capsys: Captured) -> None:
    record = run(device="kitchen-pi", status="interrupted", verdict=None, networks=[], finished_unix_ns=None)
    with Store(store) as kept:
        assert kept.add_run(record)
    assert main(["measure", "--resume", record.id]) == 2
    assert f"run {record.id} was begun on kitchen-pi, this is " in capsys.readouterr().err
