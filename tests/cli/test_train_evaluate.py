"""`train` and `evaluate` as a user runs them."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from augur_edge.cli import main
from augur_edge.predict import Predictor

sys.path.append(str(Path(__file__).parents[1] / "host"))
from machine import HEADER, short_layers, write_augur

for package in ("catboost", "sklearn", "scipy"):
    pytest.importorskip(package, reason="the extra [host]")


def test_train_then_evaluate(tmp_path, capsys):
    layers = short_layers(160)
    first = write_augur(tmp_path / "a.csv", layers[:130])
    second = write_augur(tmp_path / "b.csv", layers[110:])
    out = tmp_path / "p.augpred"
    words = [
        "train",
        str(tmp_path),
        "--exclude",
        str(second),
        "--teacher",
        "roofline",
        "--max-kb",
        "12",
        "-o",
        str(out),
    ]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and "excluded 50 of 160 layers" in captured.err and "fold 5 of 5" in captured.err
    assert out.stat().st_size < 12_000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "b.csv", "p.augpred"]
    assert main(["evaluate", str(out), str(second), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "augur-edge/evaluate/1" and document["groups"][0]["n"] == 50
    assert main(["evaluate", str(out), str(first), str(second), "--plot", str(tmp_path / "e.svg")]) == 0
    out_err = capsys.readouterr()
    assert "all layers" in out_err.out and "trained on this" not in out_err.err, "the folder is what trained it"
    assert main(["evaluate", str(out), str(first), "--plot", str(tmp_path / "e.gif")]) == 2
    assert "ends in .svg or .png" in capsys.readouterr().err
    drawn = ElementTree.parse(tmp_path / "e.svg")
    assert [t.text for t in drawn.iter() if t.text and "(" in t.text] == ["a (130)", "b (50)"]


def test_what_it_was_trained_on_is_told_when_it_is_evaluated_on_that(tmp_path, capsys):
    mine = write_augur(tmp_path / "mine.csv", short_layers(40))
    out = tmp_path / "p.augpred"
    assert main(["train", str(mine), "--teacher", "roofline", "-o", str(out)]) == 0
    error = Predictor.load(out).training["out_of_fold_mape"]["roofline"]
    capsys.readouterr()
    assert main(["evaluate", str(out), str(mine)]) == 0
    assert f"mine.csv: the predictor was trained on this, which flatters it: out of fold it was {error:.2f} %" in (
        " ".join(capsys.readouterr().err.split())
    )
    mine.write_text(mine.read_text() + "\n")
    assert main(["evaluate", str(out), str(mine)]) == 0
    assert "trained on this" not in capsys.readouterr().err


def test_ctrl_c_leaves_what_resume_goes_on_with(tmp_path, capsys):
    data = write_augur(tmp_path / "a.csv", short_layers(100))
    out, partial = tmp_path / "p.augpred", tmp_path / "p.augpred.partial"
    words = ["train", str(data), "--teacher", "trees", "--max-kb", "6", "-o", str(out)]
    child = subprocess.Popen([sys.executable, "-m", "augur_edge", *words], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not partial.exists():
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130 and "go on with the same command and --resume" in said, said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "p.augpred.partial"]
    assert main([*words, "--seed", "1", "--resume"]) == 2
    assert "other data or options" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 0
    assert "kept from before" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "p.augpred"]
    assert main([*words, "--resume"]) == 2
    assert "nothing to resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text", "code", "said"),
    [
        (["--coverage", "1.5"], "", 2, "between 0 and 1"),
        (["--seed", "-1"], "", 2, "0 or more"),
        (["--clock-mhz", "0"], "", 2, "above 0"),
        ([], f"{HEADER}\n3,56,56,64,64,1,1,1,1000,\n", 2, "too few"),
        (["--target", "energy"], f"{HEADER}\n3,56,56,64,64,1,1,1,1000,\n", 5, "no layer has a measured energy"),
        ([], f"{HEADER}\n3,56,56,64,64,1,1,1,inf,\n", 5, "not a positive number"),
    ],
)
def test_bad_input_leaves_what_was_there(tmp_path, capsys, words, text, code, said):
    data, out = tmp_path / "d.csv", tmp_path / "p.augpred"
    data.write_text(text)
    out.write_text("before")
    assert main(["train", str(data), "-o", str(out), *words]) == code
    captured = capsys.readouterr()
    assert said in captured.err and len([line for line in captured.err.splitlines() if "error" in line]) == 1
    assert out.read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.csv", "p.augpred"]


def test_a_budget_of_gigabytes_takes_what_there_is(tmp_path):
    data, out = write_augur(tmp_path / "a.csv", short_layers(30)), tmp_path / "p.augpred"
    assert (
        main(["train", str(data), "--teacher", "roofline", "--max-kb", "1e9", "--max-ns", "1e9", "-o", str(out)]) == 0
    )
    assert out.stat().st_size < 100_000


def test_only_predictors_of_layers_are_evaluated(tmp_path, capsys):
    raw = Path(__file__).parents[1] / "predict/golden/raw-float32.augpred"
    data = write_augur(tmp_path / "a.csv", short_layers(10))
    assert main(["evaluate", str(raw), str(data)]) == 2
    assert "layers' latency_ns" in capsys.readouterr().err


def test_adapt_and_suggest(tmp_path, capsys):
    layers = short_layers(160)
    write_augur(tmp_path / "a.csv", layers[:130])
    slower = write_augur(tmp_path / "b.csv", layers[130:])
    out, moved = tmp_path / "p.augpred", tmp_path / "q.augpred"
    assert main(["train", str(tmp_path / "a.csv"), "--teacher", "roofline", "--max-kb", "6", "-o", str(out)]) == 0
    assert main(["adapt", str(out), str(slower), "--clock-mhz", "125", "-o", str(moved)]) == 0
    assert "30 layers" in capsys.readouterr().err
    assert main(["evaluate", str(moved), str(slower), "--clock-mhz", "125", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["overall"]["mape"] < 30
    assert main(["adapt", str(out), "--suggest", "3", "--sample", "conv2d:50"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "augur-edge/suggest/1" and len(document["layers"]) == 3
    assert main(["adapt", str(out)]) == 2
    assert main(["adapt", str(tmp_path / "none"), "--suggest", "3"]) == 2
    assert main(["adapt", str(slower), "--suggest", "3"]) == 5


@pytest.fixture
def without(monkeypatch):
    """Makes packages as if they were not installed: neither found nor imported."""

    def gone(*names):
        there = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name, *more: None if name in names else there(name, *more)
        )
        for name in names:
            for module in [m for m in sys.modules if m.partition(".")[0] == name]:
                monkeypatch.setitem(sys.modules, module, None)
            monkeypatch.setitem(sys.modules, name, None)

    return gone


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], "scipy"),
        (["--teacher", "roofline"], "scikit-learn"),
        (["--teacher", "node"], "torch"),
        (["--space", "nasbench201"], "catboost"),
        (["--space", "nasbench201", "--teacher", "process"], "scipy"),
        (["--space", "nasbench201", "--teacher", "relation"], "torch"),
        (["--space", "nasbench201", "--transfer-from", "a", "b"], "catboost"),
    ],
)
def test_without_its_packages_training_names_the_extra(tmp_path, without, capsys, words, name):
    data = tmp_path / "any.csv"
    data.write_text("")
    without({"scikit-learn": "sklearn"}.get(name, name))
    assert main(["train", str(data), *words, "-o", str(tmp_path / "o.augpred")]) == 7
    extra = "host" if name == "torch" else "train"
    assert f"training needs {name}; pip install 'augur-edge[{extra}]'" in capsys.readouterr().err


def test_architectures_take_no_packages_that_their_teacher_does_not_need(tmp_path, without, capsys):
    without("sklearn", "catboost", "torch")
    rng = np.random.default_rng(0)
    vectors = np.unique(rng.integers(0, 5, (60, 6)), axis=0)
    rows = [f"{','.join(map(str, v))}" for v in vectors.tolist()]
    costs = 1 + (vectors @ rng.uniform(0.1, 1, 6))
    table = tmp_path / "cells.csv"
    table.write_text("arch_vector,board_ms\n" + "".join(f'"{v}",{c:.4f}\n' for v, c in zip(rows, costs)))
    out = tmp_path / "cells.augpred"
    words = ["train", "--space", "nasbench201", str(table), "--teacher", "process", "-o", str(out)]
    assert main(words) == 0, capsys.readouterr().err
    assert Predictor.load(out).encoder == "nasbench201/1"
    assert Predictor.load(out).training["device"] == "board"
    capsys.readouterr()
    assert main(["evaluate", str(out), str(table)]) == 0
    said = capsys.readouterr()
    assert f"trained on {len(rows)} of these {len(rows)} architectures" in said.err
    assert any(line.split()[0] == "board" for line in said.out.splitlines())
