"""`measure --energy` from the outside, with an external meter on a named pipe."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from augur_edge.cli import main
from augur_edge.measure import energy

pytestmark = pytest.mark.quiet

MEAN_MW = 10_002.5
LAYERS = [{"name": f"layer{i}", "op": "conv2d", "durations_ns": [200_000 * (i + 1)]} for i in range(2)]


@pytest.fixture
def net(tmp_path: Path) -> str:
    path = tmp_path / "net.json"
    path.write_text(json.dumps({"layers": LAYERS}))
    return str(path)


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Path]:
    """A meter that sends 5 V and 2 A, with a mA of noise, every ms."""
    path, ends = tmp_path / "meter", threading.Event()
    os.mkfifo(path)

    def send() -> None:
        with path.open("wb", 0) as stream:
            stream.write(b"voltage_v,current_a\n")
            odd = 0
            try:
                while not ends.wait(0.001):
                    odd = 1 - odd
                    stream.write(b"5.0,2.00%d\n" % odd)
            except BrokenPipeError:
                pass

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    yield path
    ends.set()
    thread.join(5)


@pytest.fixture(autouse=True)
def short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "WINDOW_NS", 40_000_000)
    monkeypatch.setattr(energy, "UPDATES", 5)
    monkeypatch.setattr(energy, "IDLE_NS", 50_000_000)
    monkeypatch.setattr(energy, "IDLE_UPDATES", 5)


def network(capsys: pytest.CaptureFixture[str]) -> Any:
    (found,) = json.loads(capsys.readouterr().out)["networks"]
    return found


def test_energy_of_the_network_and_of_each_layer(
    net: str, pipe: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", net, "--energy", f"meter:{pipe}", "--max-time", "0.5", "--json"]) == 0
    found = network(capsys)
    for part in (found, *found["layers"]):
        uj = part["energy_uj"]
        assert uj["median"] == pytest.approx(MEAN_MW * uj["time_ns"] * 1e-6, rel=0.01)
        assert 0 < uj["uncertainty"] <= uj["above_idle_uncertainty"]
        assert part["energy_reason"] is None
    assert found["energy_sensor"]["kind"] == "meter"
    assert main(["show", "--json"]) == 0
    assert network(capsys)["energy_uj"] == found["energy_uj"], "it is in the store"
    assert main(["show"]) == 0
    text = capsys.readouterr().out
    assert " energy " in text and "an inference (" in text and "above idling" in text


def test_layers_of_a_csv_have_their_energy(
    tmp_path: Path, pipe: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    path = tmp_path / "layers.csv"
    path.write_text("kx,ifmx,ifmy,zin,zout,stridex,pad_x,group,latency,energy\n1,14,14,16,32,1,0,1,,\n")
    assert main(["measure", str(path), "--energy", f"meter:{pipe}", "--max-time", "0.1", "--json"]) == 0
    found = network(capsys)
    assert found["layers"][0]["energy_uj"]["median"] > 0
    assert found["energy_uj"] is None and "single layers" in found["energy_reason"]


def test_without_a_sensor_latency_stands_and_the_reason_is_said(
    net: str, store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from augur_edge.device import power

    monkeypatch.setattr(power, "find", lambda root: ([], {"rapl": "nothing here"}))
    assert main(["measure", net, "--energy", "--max-time", "0.5", "--json"]) == 0
    out, err = capsys.readouterr()
    (found,) = json.loads(out)["networks"]
    assert found["latency_ns"]["median"] > 0 and found["energy_uj"] is None
    assert found["energy_reason"] == "absent: no power sensor here: nothing here"
    assert found["layers"][0]["energy_reason"] == found["energy_reason"]
    assert "latency is measured all the same" in err


def test_a_stream_that_ends_leaves_the_latency(
    net: str, tmp_path: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "short.csv"
    path.write_text("power_mw\n5000\n5001\n")
    assert main(["measure", net, "--energy", f"meter:{path}", "--max-time", "0.5", "--json"]) == 0
    found = network(capsys)
    assert found["latency_ns"]["median"] > 0 and found["energy_uj"] is None
    assert found["energy_reason"].startswith(("silent: ", "vanished: "))


@pytest.mark.parametrize(
    ("sensor", "exit_code", "words"),
    [
        ("voltmeter", 2, "there are auto, ina3221"),
        ("meter:/nowhere/at/all", 4, "unreadable: /nowhere/at/all: No such file"),
        ("ina3221", 4, "absent: no power sensor ina3221"),
    ],
)
def test_a_sensor_that_was_named_and_is_not_there_ends_it(
    sensor: str, exit_code: int, words: str, net: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", net, "--energy", sensor, "--max-time", "0.5"]) == exit_code
    assert words in capsys.readouterr().err


def test_energy_is_not_measured_unless_it_is_asked_for(
    net: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", net, "--max-time", "0.5", "--json"]) == 0
    found = network(capsys)
    assert found["energy_uj"] is None and "measure --energy" in found["energy_reason"]
