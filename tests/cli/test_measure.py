"""`augur-edge measure` from the outside, over networks whose durations are known (the fake runtime)."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from handmade import FAKE_LAYERS as LAYERS

from augur_edge.cli import main
from augur_edge.store import Store

pytestmark = pytest.mark.quiet


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_the_document_has_every_layer_once_with_its_time(
    net: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", net, "--max-time", "2", "--json"]) == 0
    doc = document(capsys)
    assert next(iter(doc)) == "schema"
    assert doc["schema"] == "augur-edge/measure/1"
    assert {"device", "profile", "versions", "affinity", "timer", "conditions"} <= set(doc["context"])
    assert {"before", "after"} <= set(doc["context"]["conditions"])
    (network,) = doc["networks"]
    assert [layer["name"] for layer in network["layers"]] == [f"layer{i}" for i in range(8)]
    for i, layer in enumerate(network["layers"]):
        assert layer["latency_ns"]["median"] == pytest.approx(20_000 * (i + 1), rel=0.1)
        assert layer["isolated_ns"]["median"] == pytest.approx(20_000 * (i + 1), rel=0.1)
        assert layer["status"] == "ok"
    assert network["ratio"] == pytest.approx(1.0, abs=0.05)
    assert network["energy_uj"] is None
    assert network["energy_reason"]


def test_people_get_a_table_on_stdout_and_talk_on_stderr(
    net: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", net, "--max-time", "1"]) == 0
    out = capsys.readouterr().out
    assert "layer7" in out
    assert "verdict:" in out


def test_a_failed_layer_is_reported_kept_and_ends_with_1(
    tmp_path: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"layers": [{**LAYERS[0], "error": "no such kernel"}, LAYERS[1]]}))
    assert main(["measure", str(path), "--max-time", "1", "--json"]) == 1
    first, second = document(capsys)["networks"][0]["layers"]
    assert (first["status"], first["reason"], first["latency_ns"]) == ("failed", "no such kernel", None)
    assert second["status"] == "ok"


def test_strict_ends_with_3_when_the_device_was_not_steady(tmp_path: Path, store: Path) -> None:
    path = tmp_path / "wild.json"
    chance = random.Random(0)
    wild = [chance.randint(10_000, 3_000_000) for _ in range(101)]
    path.write_text(json.dumps({"layers": [{**LAYERS[0], "durations_ns": wild}]}))
    assert main(["measure", str(path), "--max-time", "1", "--strict", "-q"]) == 3
    with Store(store) as kept:
        assert kept.runs()[0].status == "done"


def test_a_dry_run_says_what_and_how_long_and_stores_nothing(
    net: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", net, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "8 layers" in out
    assert "at most" in out
    assert not store.exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "nothing to measure"),
        (["resnet81"], 2, "resnet18"),
        (["nowhere.onnx"], 2, "no such file"),
        (["{net}", "--runtime", "tensorflow"], 2, "valid names are"),
        (["{net}", "--runtime", "onnxruntime"], 2, ".onnx"),
        (["{net}", "--batch", "4"], 2, "--batch"),
        (["{net}", "--shape", "x"], 2, "NAME=1,3,224,224"),
        (["{net}", "--precision", "7"], 2, "between 0 and 1"),
        (["{net}", "--max-time", "-1"], 2, "more than 0"),
        (["{net}", "--affinity", "4000"], 2, "--affinity 4000"),
        (["{net}", "--threads", "999"], 2, "--threads 999"),
        (["{net}", "--threads", "999", "--dry-run"], 2, "--threads 999: there are"),
        (["{net}", "--dry-run", "--json"], 2, "leave --json away"),
        (["--resume"], 2, "nothing to resume"),
        (["--sample", "conv2d:4,lava:3"], 2, "lava"),
        (["--sample", "conv2d:2", "--mode", "profiler"], 2, "not for single layers"),
    ],
)
def test_bad_words_get_one_line_and_store_nothing(
    net: str, store: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert main(["measure", *(word.format(net=net) for word in words)]) == code
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1
    if store.exists():
        with Store(store) as kept:
            assert kept.runs() == []


def test_a_file_that_is_no_model_is_named_once(tmp_path: Path, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    path = tmp_path / "fake.onnx"
    path.write_bytes(b"garbage")
    assert main(["measure", str(path), "-q"]) == 5
    err = capsys.readouterr().err
    assert err.count("fake.onnx") == 1 and "not a readable ONNX model" in err


def test_a_sample_is_told_in_short_and_shown_in_full(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    assert main(["measure", "--sample", "dense:12", "--max-time", "0.01", "--precision", "0.5"]) == 0
    out = capsys.readouterr().out
    assert "12 layers measured; kept in" in out and "augur-edge train" in out and "dense 3" not in out
    assert len(out.split("verdict: ")[0].strip().splitlines()) == 3
    assert main(["show"]) == 0
    assert len(capsys.readouterr().out.split("verdict: ")[0].splitlines()) > 12


def test_a_foreign_model_is_5_and_stores_nothing(tmp_path: Path, store: Path) -> None:
    path = tmp_path / "foreign.json"
    path.write_text('{"layers": [{"name": 1}]}')
    assert main(["measure", str(path), "-q"]) == 5


def _start(store: Path, *words: str) -> subprocess.Popen[bytes]:
    env = {**os.environ, "AUGUR_EDGE_STORE": str(store)}
    command = [sys.executable, "-m", "augur_edge", "measure", *words, "--max-time", "4", "--precision", "0.0001"]
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _next_words(store: Path, net: str) -> list[str]:
    if not store.exists():
        return [net]
    with Store(store) as kept:
        return ["--resume"] if kept.interrupted() else [net]


def test_after_20_kills_every_layer_is_there_exactly_once(net: str, store: Path) -> None:
    chance = random.Random(0)
    for _ in range(20):
        child = _start(store, *(_next_words(store, net)[:1] if store.exists() else [net]))
        time.sleep(chance.uniform(0.2, 0.9))
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert main(["measure", *_next_words(store, net), "-q"]) == 0
    with Store(store) as kept:
        assert kept.check() > 0
        done = [run for run in kept.runs() if run.status == "done"]
        for run in done:
            layers = [m for n in kept.load(run.id).networks for m in n.measurements if m.kind == "layer"]
            for mode in ("replay", "isolated"):
                names = [m.name for m in layers if m.mode == mode]
                assert sorted(names) == sorted(f"layer{i}" for i in range(8))
            assert all(m.status == "ok" and len(m.samples_ns) > 0 for m in layers)
        assert len(done) >= 1


def test_ctrl_c_keeps_what_is_done_and_resume_goes_on(net: str, store: Path) -> None:
    child = _start(store, net)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not _has_samples(store):
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=10) == 130
    with Store(store) as kept:
        (run,) = kept.interrupted()
        assert run.status == "interrupted"
        before = sum(len(m.samples_ns) for n in kept.load(run.id).networks for m in n.measurements)
    assert before > 0
    assert main(["measure", "--resume", run.id, "-q"]) == 0
    with Store(store) as kept:
        again = kept.load(run.id)
    assert again.status == "done"
    assert sum(len(m.samples_ns) for n in again.networks for m in n.measurements) > before


def _has_samples(store: Path) -> bool:
    if not store.exists():
        return False
    with Store(store) as kept:
        return any(len(m.samples_ns) for run in kept.runs() for n in kept.load(run.id).networks for m in n.measurements)


def test_a_run_does_not_go_on_with_another_model(net: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    child = _start(store, net)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not _has_samples(store):
        time.sleep(0.05)
    child.kill()
    child.wait()
    Path(net).write_text(json.dumps({"layers": LAYERS[:3]}))
    assert main(["measure", "--resume", "-q"]) == 2
    assert "the model has changed" in capsys.readouterr().err
    with Store(store) as kept:
        assert len(kept.interrupted()) == 1, "it may go on once the old model is back"


def test_one_bad_network_of_several_is_kept_as_failed_and_the_rest_go_on(
    net: str, tmp_path: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    assert main(["measure", str(bad), net, "--max-time", "1", "--json"]) == 1
    first, second = document(capsys)["networks"]
    assert "not a model" in first["failed"]
    assert len(second["layers"]) == 8


def test_the_profiler_mode_names_the_layers(net: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", net, "--mode", "profiler", "--max-time", "1", "--json"]) == 0
    (network,) = document(capsys)["networks"]
    assert [layer["nodes"] for layer in network["layers"]] == [[f"layer{i}"] for i in range(8)]
    assert any("under it" in note for note in network["notes"])
