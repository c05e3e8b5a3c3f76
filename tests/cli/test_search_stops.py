"""`search` stopped by real signals, resumed, verified by measuring, and pointed at clusters that are not there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from augur_edge import device, spaces
from augur_edge.cli import main
from augur_edge.predict.format import dumps
from augur_edge.predict.model import Feature, Level, Model, Table

Captured = pytest.CaptureFixture[str]

CODE = """
import time
def score(vectors):
    time.sleep(0.01 * len(vectors))
    return vectors.sum(axis=1) + 0.01 * vectors[:, 0]
"""


def command(folder: Path, method: str, out: str) -> list[str]:
    code = folder / "mine.py"
    code.write_text(CODE)
    what = ["search", "--space", "nasbench201", "--call", f"mine={code}:score", "--objective", "mine"]
    return [*what, "--method", method, "--evaluations", "250", "-o", str(folder / out)]


@pytest.mark.parametrize(("method", "how"), [("evolution", signal.SIGINT), ("random", signal.SIGKILL)])
def test_one_that_is_ended_by_a_signal_goes_on_to_the_same_end(
    method: str, how: signal.Signals, tmp_path: Path
) -> None:
    assert main([*command(tmp_path, method, "whole.csv"), "-q"]) == 0
    words = command(tmp_path, method, "found.csv")
    partial, out = tmp_path / "found.csv.partial", tmp_path / "found.csv"
    child = subprocess.Popen([sys.executable, "-m", "augur_edge", *words], stdout=subprocess.PIPE, text=True)
    try:
        first = None
        for _ in range(600):  # until it is saved for a second time, with something found
            time.sleep(0.05)
            if partial.exists():
                first = first or partial.stat().st_mtime_ns
                if partial.stat().st_mtime_ns != first:
                    break
        assert child.poll() is None, "it ended before it could be stopped"
        os.kill(child.pid, how)
        code = child.wait(timeout=60)
    finally:
        child.kill()
    assert partial.exists()
    if how is signal.SIGINT:
        assert code == 130
        assert 0 < len(out.read_text().splitlines()) < 251, "the front so far"
    assert main([*words, "--resume", "-q"]) == 0
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not partial.exists()


def predictor(path: Path, device: str = "elsewhere_onnxruntime") -> str:
    """Of cells: convolutions cost, with an interval of 0.9 that no measurement is outside of."""
    values = np.array([0.0, 0.01, 0.3, 1.0, 0.1])
    tables = tuple(Table(slot, (0.05 + values).astype(np.float32)) for slot in range(6))
    level = Level(0.9, -20.0, 20.0)
    model = Model(
        (Feature("macs", 78),), (), "nasbench201/1", link="exp", bias=13.0, tables=tables, levels=(level,),
        meta={"training": {"device": device}},
    )  # fmt: skip
    path.write_bytes(dumps(model))
    return str(path)


def test_the_best_are_measured_and_ranked_again(tmp_path: Path, capsys: Captured) -> None:
    pytest.importorskip("onnxruntime", reason="the extra [ort]")
    store = ["--store", str(tmp_path / "s.db")]
    words = ["search", "--space", "nasbench201@image=8", "--predictor", predictor(tmp_path / "cells.augpred")]
    words += ["--objective", "latency", "--constraint", "latency_ms<=1000", "--verify", "3", *store]
    assert main([*words, "--json", "--", "--max-time", "0.05", "--no-guard", "--priority", "normal"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)["verified"]
    assert "is predicted for elsewhere_onnxruntime, but measured here on" in err
    rows = found["architectures"]
    measured = [row["latency"]["measured"] for row in rows]
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert measured == sorted(measured) and measured[0] > 1000
    assert all(row["latency"]["within"] and row["latency"]["low"] < row["latency"]["predicted"] for row in rows)
    assert main(["show", found["run"], "--json", *store]) == 0
    stored = {n["name"] for n in json.loads(capsys.readouterr().out)["networks"]}
    assert stored == {row["name"] for row in rows}


def test_the_unit_in_a_columns_name_is_no_other_device(tmp_path: Path, capsys: Captured) -> None:
    pytest.importorskip("onnxruntime", reason="the extra [ort]")
    for name, warned in ((f"{device.identify().id}_onnxruntime_ms", False), ("elsewhere_onnxruntime_ms", True)):
        words = ["search", "--space", "nasbench201@image=8", "--predictor", predictor(tmp_path / "c.augpred", name)]
        words += ["--objective", "latency", "--constraint", "latency_ms<=1000", "--verify", "1"]
        words += ["--store", str(tmp_path / "s.db"), "--", "--max-time", "0.05", "--no-guard", "--priority", "normal"]
        assert main(words) == 0
        assert ("but measured here on" in capsys.readouterr().err) == warned


@pytest.mark.parametrize(
    ("more", "says", "code"),
    [
        (["--verify", "0"], "at least 1", 2),
        (["--", "--threads", "2"], "for --verify N", 2),
        (["--verify", "1", "--", "resnet18"], "is no option", 2),
        (["--verify", "1", "--", "--mode", "replay"], "no --mode", 2),
        (["--resume"], "name OUT with -o", 2),
        (["--islands", "3"], "--islands are of --method evolution", 2),
        (["--islands", "0", "--method", "evolution"], "0 islands", 2),
        (["--jobs", "0"], "--jobs 0: at least 1", 2),
    ],
)
def test_what_cannot_be_verified_or_resumed_is_refused(
    more: list[str], says: str, code: int, tmp_path: Path, capsys: Captured
) -> None:
    words = ["search", "--space", "nasbench201", "--predictor", predictor(tmp_path / "p.augpred")]
    assert main([*words, "--objective", "latency", *more]) == code
    assert says in capsys.readouterr().err


def test_scores_cannot_be_measured(tmp_path: Path, capsys: Captured) -> None:
    assert main([*command(tmp_path, "random", "o.csv"), "--verify", "1"]) == 2
    assert "is a latency or an energy, which is what can be measured" in capsys.readouterr().err


def test_a_space_without_networks_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Captured) -> None:
    monkeypatch.setattr(type(spaces.get("nasbench201")), "network", None)
    words = ["search", "--space", "nasbench201", "--predictor", predictor(tmp_path / "p.augpred")]
    assert main([*words, "--objective", "latency", "--verify", "2"]) == 2
    assert "have no network that could be measured" in capsys.readouterr().err


def test_no_scheduler_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    pytest.importorskip("distributed", reason="the extra [scale]")
    monkeypatch.setattr("augur_edge.host.cluster.CONNECT_S", 1.0)
    words = ["search", "--space", "nasbench201", "--predictor", predictor(tmp_path / "p.augpred")]
    assert main([*words, "--objective", "latency", "--scheduler", "tcp://127.0.0.1:1"]) == 6
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in capsys.readouterr().err
