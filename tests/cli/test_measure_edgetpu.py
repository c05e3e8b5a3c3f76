"""`measure --runtime edgetpu`, end to end over a delegate that takes no operator (see tests/runtime/coral.py)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
sys.path.append(str(Path(__file__).parents[1] / "runtime"))
from coral import build_plugin, install_compiler

from augur_edge.cli import main
from augur_edge.models.tflite_write import to_tflite
from augur_edge.zoo import Builder


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    install_compiler(tmp_path, monkeypatch)
    monkeypatch.setenv("AUGUR_EDGE_STORE", str(tmp_path / "store.db"))
    return build_plugin(tmp_path, "WORKS")


def model(path: Path, dtype: str = "int8") -> str:
    b = Builder("small", (1, 16, 28, 28))
    x = b.relu(b.conv(b.relu(b.conv(b.input, 16, 3, padding=1)), 32, 3, padding=1))
    path.write_bytes(to_tflite(b.network(x), dtype=dtype))
    return str(path)


def test_a_network_is_measured_whole_and_by_chains(plugin: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    net = model(tmp_path / "small.tflite")
    assert main(["measure", net, "--runtime", "edgetpu", "--delegate", plugin, "--max-time", "0.3", "--json"]) == 0
    (network,) = json.loads(capsys.readouterr().out)["networks"]
    assert network["mode"] == "isolated" and network["latency_ns"]["median"] > 0
    assert [layer["op"] for layer in network["layers"]] == ["conv2d", "conv2d"]
    assert all(layer["latency_ns"]["median"] > 1000 for layer in network["layers"])
    assert any("slopes of chains" in note for note in network["notes"])
    assert any("SOFTMAX (1)" in note for note in network["notes"])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--mode", "replay"], 2, "it has --mode isolated only"),
        (["--delegate", "/nowhere/libedgetpu.so.1"], 7, "no such file"),
    ],
)
def test_what_cannot_be_is_refused(
    plugin: str, tmp_path: Path, capsys: pytest.CaptureFixture, arguments: list[str], code: int, words: str
) -> None:
    net = model(tmp_path / "small.tflite")
    assert main(["measure", net, "--runtime", "edgetpu", "--delegate", plugin, *arguments]) == code
    assert words in capsys.readouterr().err


def test_a_crashing_plugin_is_an_error_of_one_line(plugin: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    net = model(tmp_path / "small.tflite")
    crashing = build_plugin(tmp_path, "CRASHES")
    assert main(["measure", net, "--runtime", "edgetpu", "--delegate", crashing]) == 1
    err = capsys.readouterr().err.strip()
    assert "SIGSEGV" in err and "\n" not in err
