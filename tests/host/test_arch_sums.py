"""A layer predictor's sum as a feature of whole architectures' teachers."""

from __future__ import annotations

import hashlib
import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("catboost", reason="the extra [host]")
pytest.importorskip("scipy", reason="the extra [host]")

sys.path.append(str(Path(__file__).parent))
from arch_data import cells

from augur_edge import spaces
from augur_edge.cli import main
from augur_edge.errors import UsageError
from augur_edge.host.arch.samples import Samples, everything
from augur_edge.host.arch.student import distilled
from augur_edge.host.arch.sums import LayerSums
from augur_edge.host.arch.teachers import TEACHERS, Boosted
from augur_edge.metrics import mape
from augur_edge.predict import Predictor
from augur_edge.predict.encode_spaces import prune
from augur_edge.predict.example import example
from augur_edge.predict.format import dumps, loads
from augur_edge.store import Store
from augur_edge.tables.stored import run_of_points

CELLS = spaces.get("nasbench201")


@pytest.fixture
def layers(tmp_path):
    path = tmp_path / "layers.augpred"
    path.write_bytes(example())
    return path


def test_the_sum_is_the_predictor_s_own_for_the_network(layers):
    sums, predictor = LayerSums(layers, CELLS), Predictor(example())
    vectors = cells(6)
    wanted = [predictor.predict_network(CELLS.network(v)) for v in vectors.tolist()]
    assert sums(vectors)[:, 0].tolist() == pytest.approx(wanted)
    fbnet = LayerSums(layers, spaces.get("fbnet"))(everything("fbnet", 2, 0))
    assert fbnet.shape == (2, 1) and (fbnet > 0).all()


def test_cells_that_execute_the_same_are_one_network_and_options_count(layers):
    sums = LayerSums(layers, CELLS)
    same = np.array([[3, 0, 0, 2, 0, 0], [0, 0, 0, 2, 0, 0], [3, 4, 1, 2, 0, 0], [3, 3, 3, 0, 0, 0]])
    found = sums(same)[:, 0]
    assert found[0] == found[1] == found[2] < found[3]  # dead edges; the last leads nowhere, and is taken raw
    assert len(sums._known) == 2
    assert LayerSums(layers, spaces.get("nasbench201", view="raw"))(same)[0, 0] > found[0]
    assert LayerSums(layers, spaces.get("nasbench201", image=64))(same)[0, 0] > 2 * found[0]


@pytest.mark.parametrize("make", [TEACHERS["process"], TEACHERS["plain-process"], partial(Boosted, folds=0)])
def test_a_teacher_that_is_told_the_sum_needs_fewer_samples(make):
    """A cost that the graph says nothing of: who is told a figure near it learns what others cannot."""
    vectors = cells(300)
    rng = np.random.default_rng(0)
    worth = {tuple(v): rng.uniform(1, 4) for v in prune(vectors).tolist()}

    def told(some):
        return np.array([[worth[tuple(v)]] for v in prune(some).tolist()])

    y = 5e5 * told(vectors)[:, 0] ** 0.9 * np.exp(0.02 * rng.normal(size=300))
    with_it, without = (
        mape(y[60:], make("nasbench201", [5] * 6, 0, more).fit(vectors[:60], y[:60]).predict(vectors[60:]))
        for more in (told, None)
    )
    assert with_it < 0.5 * without


def test_train_takes_it_and_says_so(tmp_path, layers, monkeypatch, capsys):
    """What a network costs is made cheap here: all 15 625 cells are asked for the student."""
    monkeypatch.setattr(LayerSums, "_sum", lambda self, vector: 1e6 * (1 + sum(vector)))
    vectors = cells(400)
    truth = 2e-3 * (1 + prune(vectors).sum(axis=1))
    np.savez(tmp_path / "t.npz", arch_vector=vectors.astype(np.int8), board_s=truth)
    out = tmp_path / "p.augpred"
    words = ["train", str(tmp_path / "t.npz"), "--space", "nasbench201@image=32", "--samples", "30"]
    assert main([*words, "--teacher", "plain-process", "--layer-predictor", str(layers), "-o", str(out)]) == 0
    assert "adds up the layers of" in capsys.readouterr().err
    assert mape(1e9 * truth, Predictor.load(out).predict_vectors(vectors)) < 1
    digest = hashlib.sha256(layers.read_bytes()).hexdigest()
    assert loads(out.read_bytes()).meta["training"]["layer_predictor"] == {"name": layers.name, "sha256": digest}


def test_train_and_evaluate_take_stores_and_several_files(tmp_path, capsys):
    vectors = cells(600)
    y = 1e-3 * (1 + prune(vectors).sum(axis=1))
    with Store(tmp_path / "s.db") as store:
        points = {tuple(v): [[s]] for v, s in zip(vectors[:90].tolist(), y.tolist())}
        store.add_run(run_of_points(points, "nasbench201", "board", "test"))
    known = {"phone": 2.5e3 * y[40:], "dsp": 3e3 * y[40:] + 1, "gpu": 1e3 * y[40:]}
    np.savez(tmp_path / "t.npz", arch_vector=vectors[40:].astype(np.int8), **known)
    files = [str(tmp_path / "s.db"), str(tmp_path / "t.npz")]
    out = tmp_path / "p.augpred"
    words = ["--device", "board", "--samples", "10", "--transfer-from", *known]
    assert main(["train", *files, "--space", "nasbench201", *words, "-o", str(out)]) == 0
    assert [d["name"] for d in loads(out.read_bytes()).meta["training"]["data"]] == ["s.db", "t.npz"]
    capsys.readouterr()
    assert main(["evaluate", str(out), files[0], "--exclude-trained", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["overall"]["n"] == 80 and document["overall"]["mape"] < 2


def test_what_cannot_take_it_is_refused(tmp_path, layers, capsys):
    vectors = cells(100)
    columns = {"a": np.linspace(1, 2, 100), "b": np.linspace(2, 3, 100)}
    np.savez(tmp_path / "t.npz", arch_vector=vectors.astype(np.int8), **columns)
    words = ["train", str(tmp_path / "t.npz"), "--space", "nasbench201", "--device", "a", "-o", str(tmp_path / "p")]
    given = [*words, "--layer-predictor", str(layers)]
    assert main([*given, "--transfer-from", "b"]) == 2 and "not for --transfer-from" in capsys.readouterr().err
    assert main([*given, "--teacher", "relation"]) == 2 and "is for --teacher stack" in capsys.readouterr().err
    table = distilled(lambda v: 1.0 + v.sum(axis=1), Samples("nasbench201", "a", vectors, columns["a"], "ns"), 0)
    (tmp_path / "cells.augpred").write_bytes(dumps(table.model))
    with pytest.raises(UsageError, match="a predictor for nasbench201/1, not for layers"):
        LayerSums(tmp_path / "cells.augpred", CELLS)
    assert not (tmp_path / "p").exists()
