from __future__ import annotations

import json
import pickle

import pytest

from augur_edge.cli import main
from augur_edge.store import Store
from augur_edge.tables import read_table
from augur_edge.tables.eagle import read_raw

CELLS = {(1, 0, 0, 2, 2, 4): 0.0015, (0, 1, 2, 3, 4, 0): 0.0021, (3, 3, 3, 3, 3, 3): 0.0040}


def test_latbench_in_and_out(store, tmp_path, capsys):
    source = tmp_path / "board.pickle"
    source.write_bytes(pickle.dumps(CELLS))
    assert main(["import", str(source), "--measured-on", "board"]) == 0
    assert main(["export", "last", "--format", "latbench", "-o", str(tmp_path / "out.pickle")]) == 0
    assert pickle.loads((tmp_path / "out.pickle").read_bytes()) == pytest.approx(CELLS)
    assert main(["export", "--format", "latbench", "--normalize", "-o", str(tmp_path / "n.pickle")]) == 0
    assert pickle.loads((tmp_path / "n.pickle").read_bytes())[1, 0, 0, 2, 2, 4] == 0.0
    assert main(["export", "--format", "eagle", "-o", str(tmp_path / "raw")]) == 0
    assert read_raw(tmp_path / "raw")[3, 3, 3, 3, 3, 3] == [[0.004]]
    capsys.readouterr()
    assert main(["export", "--format", "arch"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "arch_vector,board_ms"
    assert main(["export", "--format", "latbench"]) == 2
    assert "name a file with -o" in capsys.readouterr().err


def test_raw_results_in(store, tmp_path, capsys):
    folder = tmp_path / "results"
    folder.mkdir()
    points = [((1, 0, 0, 2, 2, 4), [[0.001, 0.002, 0.009]]), ((0, 1, 2, 3, 4, 0), "invalid")]
    (folder / "results0.pickle").write_bytes(pickle.dumps(points))
    assert main(["import", str(folder), "--measured-on", "nano"]) == 0
    assert "1 of 2 architectures could not be measured" in capsys.readouterr().err
    out = tmp_path / "o.pickle"
    assert main(["export", "--format", "latbench", "--statistic", "eagle", "-o", str(out)]) == 0
    assert pickle.loads(out.read_bytes()) == {(1, 0, 0, 2, 2, 4): pytest.approx(0.002)}
    assert main(["import", str(folder), "--format", "latbench"]) == 2


def test_a_run_without_architectures_says_so(store, capsys, net):
    assert main(["measure", net, "--max-time", "0.05", "-q"]) == 0
    assert main(["export", "--format", "arch"]) == 2
    assert "no architecture of a search space" in capsys.readouterr().err


def test_measure_a_space(store, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    words = ["measure", "--space", "nasbench201@image=8,cells=1", "--count", "3", "--order", "index"]
    assert main([*words, "--max-time", "0.05", "--precision", "0.5", "--runtime", "onnxruntime", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [n["mode"] for n in document["networks"]] == ["whole"] * 3
    assert all(n["latency_ns"]["median"] > 0 and n["layers"] == [] for n in document["networks"])
    assert main(["export", "--format", "arch", "-o", str(tmp_path / "t.csv")]) == 0
    assert read_table(tmp_path / "t.csv").vectors.tolist()[0] == [0, 0, 0, 1, 0, 0]
    with Store(store) as opened:
        assert opened.runs()[0].plan["space"] == "nasbench201@image=8,cells=1"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["measure", "nasbench201:|nor_conv_3x3~0|"], "1 nodes between"),
        (["measure", "--space", "nasbench202", "--count", "2"], "did you mean nasbench201"),
        (["measure", "--space", "darts"], "say how many with --count"),
        (["measure", "--space", "nasbench201", "--count", "0"], "at least 1"),
        (["export", "--format", "lut"], "name it with --predictor"),
    ],
)
def test_wrong_words(words, message, store, capsys):
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_predict_an_architecture(tmp_path, capsys):
    import numpy as np

    from augur_edge.predict.format import dumps
    from augur_edge.predict.model import Feature, Model, Table

    values = np.arange(15625, dtype=np.float32)
    model = Model((Feature("macs", 78),), (), "nasbench201/1", tables=(Table(12, values),))
    path = tmp_path / "cells.augpred"
    path.write_bytes(dumps(model))
    asked = ["nasbench201:#777", "#5", "|skip_connect~0|+|none~0|none~1|+|none~0|none~1|none~2|", "2,0,0,0,0,0"]
    assert main(["predict", str(path), *asked, "--json"]) == 0
    assert [a["value"] for a in json.loads(capsys.readouterr().out)["answers"]] == [777, 5, 1, 2]
    assert main(["predict", str(path), "nasbench201:|conv~0|"]) == 2
    assert main(["predict", str(path), "fbnet:#1"]) == 2
    assert "this predictor is for nasbench201" in capsys.readouterr().err
