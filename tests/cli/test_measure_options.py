"""What `measure` makes of its options: each target its own settings, `--resume` and `--dry-run`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from handmade import run

from augur_edge import device
from augur_edge.cli import main, measure, parser_for
from augur_edge.store import RunRecord, Store

pytestmark = pytest.mark.quiet

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def csv(tmp_path: Path) -> str:
    path = tmp_path / "layers.csv"
    path.write_text("kx,ifmx,ifmy,zin,zout,stridex,pad_x,group,latency,energy\n1,14,14,16,32,1,0,1,,\n")
    return str(path)


def interrupted(store: Path, *words: str) -> RunRecord:
    """A run as `measure` with these words left it, stopped before anything was measured."""
    args = parser_for(measure.MeasureCommand()).parse_args(list(words))
    plan = {name: getattr(args, name) for name in measure.KEPT}
    here = device.identify().id
    record = run(device=here, status="interrupted", plan=plan, verdict=None, networks=[], finished_unix_ns=None)
    with Store(store) as kept:
        assert kept.add_run(record)
    return record


def test_each_target_has_settings_of_its_own(net: str, csv: str, store: Path, capsys: Captured) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    words = ["measure", net, csv, "--sample", "conv2d:1", "--max-time", "0.5", "--precision", "0.1", "--json"]
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert [n["mode"] for n in document["networks"]] == ["replay", "isolated", "isolated"]


@pytest.mark.parametrize(
    ("words", "modes", "times_s", "beside"),
    [
        (["{net}", "{csv}", "--sample", "conv2d:2"], ["replay", "isolated", "isolated"], [15, 0.2, 0.2], [1, 0, 0]),
        (["{net}", "--sample", "conv2d:2", "--mode", "replay"], ["replay"] * 2, [15] * 2, [1, 0]),
        (["{net}", "{csv}", "--mode", "isolated"], ["isolated"] * 2, [15, 0.2], [1, 0]),
        (["{net}", "{csv}", "--max-time", "3", "--no-isolated"], ["replay", "isolated"], [3, 3], [0, 0]),
    ],
)
def test_modes_and_times_are_the_targets_own(
    net: str, csv: str, words: list[str], modes: list[str], times_s: list[float], beside: list[bool]
) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    args = parser_for(measure.MeasureCommand()).parse_args([w.format(net=net, csv=csv) for w in words])
    settings = [measure._settings(args, target) for target in measure._targets(args)]
    assert [s.mode for s in settings] == modes
    assert [s.max_time_s for s in settings] == times_s
    assert [s.isolated for s in settings] == beside


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{csv}", "--mode", "replay"], "layers.csv: --mode replay is for networks"),
        (["{csv}", "--mode", "profiler"], "not for single layers"),
        (["--dry-run"], "nothing to measure"),
        (["--resume", "--dry-run"], "there is no store yet"),
        (["{net}", "--threads", "x"], "--threads: 'x': whole numbers from 1 on"),
        (["{net}", "--threads", "1,0"], "--threads: '1,0': whole numbers from 1 on"),
        (["{net}", "--affinity", "0,"], "--affinity: '0,': whole numbers from 0 on"),
        (["{net}", "--precision", "fine"], "--precision: 'fine': a share between 0 and 1"),
        (["{net}", "--max-time", "long"], "--max-time: 'long': seconds, more than 0"),
        (["{folder}"], "d.onnx: a folder, not a file"),
    ],
)
def test_bad_words_get_one_line(
    net: str, csv: str, tmp_path: Path, store: Path, capsys: Captured, words: list[str], said: str
) -> None:
    folder = tmp_path / "d.onnx"
    folder.mkdir()
    assert main(["measure", *(word.format(net=net, csv=csv, folder=folder) for word in words)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (store.exists() and "--dry-run" in words)


def test_when_to_stop_may_change_on_the_way(net: str, store: Path) -> None:
    begun = interrupted(store, net, "--precision", "0.00001", "--max-time", "60")
    start = time.monotonic()
    assert main(["measure", "--resume", "--max-time", "0.3", "-q"]) == 0
    assert time.monotonic() - start < 20
    with Store(store) as kept:
        found = kept.load(begun.id)
    assert (found.status, found.plan) == ("done", {**begun.plan, "max_time": 0.3})


@pytest.mark.parametrize(
    "words",
    [
        ["--threads", "1"],
        ["--no-isolated"],
        ["--mode", "isolated"],
        ["--shape", "x=1,3"],
        ["--max-time", "1", "--seed", "3"],
    ],
)
def test_what_was_measured_may_not(net: str, store: Path, capsys: Captured, words: list[str]) -> None:
    begun = interrupted(store, net, "--threads", "2", "--seed", "7")
    assert main(["measure", "--resume", *words]) == 2
    err = capsys.readouterr().err
    assert f"{words[-2] if len(words) > 1 else words[0]}: not as run {begun.id} was begun" in err
    assert len(err.splitlines()) == 1
    with Store(store) as kept:
        assert kept.load(begun.id).plan == begun.plan


def test_what_is_the_same_may_be_said_again(
    net: str, store: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(store, net, "--seed", "7", "--max-time", "0.1", "--precision", "0.1")
    monkeypatch.setenv("AUGUR_EDGE_MODE", "isolated")  # what the environment has is not this command line's
    assert main(["measure", "--resume", "--seed", "7", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["networks"][0]["mode"] == "replay"


def test_a_dry_run_of_a_resumed_run_shows_what_is_left(net: str, store: Path, capsys: Captured) -> None:
    begun = interrupted(store, net, net, "--max-time", "7")

    def left() -> list[str]:
        assert main(["measure", "--resume", "--dry-run"]) == 0
        return capsys.readouterr().out.splitlines()

    lines = left()
    assert [line[:28] for line in lines[:-1]] == ["net.json: 8 layers, fake, re"] * 2
    with Store(store) as kept:
        record: Any = kept.load(begun.id)
        assert (record.status, record.networks) == ("interrupted", [])
        record.status = "running"
        kept.start_run(record)
        network = run().networks[0]
        network.info["complete"] = True
        kept.put_network(begun.id, network)
        kept.finish_run(begun.id, "interrupted", None)
    assert len(left()) == 2
    assert "at most" in lines[-1]
