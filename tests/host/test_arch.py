"""Predictors of whole architectures: Eagle's graph, the teachers, their students, and the commands."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("catboost", reason="the extra [host]")
pytest.importorskip("scipy", reason="the extra [host]")

sys.path.append(str(Path(__file__).parent))
from arch_data import cells, latency_ns

from augur_edge import spaces
from augur_edge.cli import main, space_options
from augur_edge.errors import UsageError
from augur_edge.host.arch.graph import cell_features, eagle_arrays, inputs_of, same_graph
from augur_edge.host.arch.process import LINEAR, MATERN, Part, Process
from augur_edge.host.arch.samples import Samples, everything
from augur_edge.host.arch.student import distilled
from augur_edge.host.arch.teachers import TEACHERS, Stack, work_of
from augur_edge.measure.suggested import suggested
from augur_edge.measure.targets import Request
from augur_edge.metrics import mape, spearman
from augur_edge.predict import Predictor
from augur_edge.predict.format import dumps, loads

WEIGHTS = {
    "a": (1.0, 6.0, 0.7),
    "b": (1.5, 4.0, 1.0),
    "c": (0.8, 8.0, 0.4),
    "d": (1.1, 5.0, 2.0),
    "new": (1.2, 5.5, 0.9),
}


def table(path: Path, count: int = 600) -> Path:
    """HELP's layout: vectors and a column of ms a device."""
    vectors = cells(count)
    columns = {name: latency_ns(vectors, w, 0.01, i) / 1e6 for i, (name, w) in enumerate(WEIGHTS.items())}
    np.savez(path, arch_vector=vectors.astype(np.int8), **columns)
    return path


def test_eagle_s_graph_of_a_known_cell():
    """conv3x3 0>1, skip 1>2 and 0>2 none, so node 2 is node 1; conv1x1 2>3: one chain of two ops."""
    cell = np.array([[3, 0, 1, 0, 0, 2]])
    assert inputs_of(cell)[0].tolist() == [1, 0, 0, 0, 0, 1 << 1, 1 << 6]
    adjacency, features = eagle_arrays(cell)
    assert adjacency[0, 0].tolist() == [1] * 9 and adjacency[0].diagonal().tolist() == [1] * 9
    off = adjacency[0] - np.diag(np.ones(9))
    assert sorted(map(tuple, np.argwhere(off[1:, 1:]).tolist())) == [(0, 1), (1, 6), (6, 7)]
    assert features[0].sum(axis=1).tolist() == [1, 1, 1, 0, 0, 0, 0, 1, 1]
    assert features[0, 2].tolist() == [0, 1, 0, 0, 0, 0] and features[0, 7].tolist() == [1, 0, 0, 0, 0, 0]


def test_two_skips_from_one_vertex_are_one_edge_and_dead_ops_vanish():
    assert inputs_of(np.array([[1, 1, 1, 0, 0, 3]]))[0].tolist() == [0, 0, 0, 0, 0, 1, 1 << 6]
    assert not inputs_of(np.array([[3, 3, 0, 0, 0, 0]])).any()
    counts = cell_features(np.array([[3, 2, 0, 1, 0, 0], [0, 0, 0, 1, 0, 0]]))["counts"]
    assert counts[0].tolist() == counts[1].tolist()


def test_cells_of_the_same_graph_are_grouped():
    vectors = np.array(
        [[3, 0, 0, 0, 2, 0], [0, 3, 0, 0, 0, 2], [2, 0, 0, 0, 3, 0], [0, 0, 0, 3, 0, 0], [3, 0, 0, 0, 1, 0]]
    )
    assert sorted(sorted(g.tolist()) for g in same_graph(vectors)) == [[0, 1], [2], [3, 4]]


def test_the_process_finds_the_function_and_knows_its_noise():
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (160, 3))
    y = 5 + 2 * x[:, 0] + np.sin(2 * x[:, 1]) + 0.05 * rng.normal(size=160)
    y[::40] += 3  # outliers must not bend it
    found = Process([Part(LINEAR, "x"), Part(MATERN, "x")]).fit({"x": x[:120]}, y[:120])
    clean = np.arange(120, 160)[np.arange(120, 160) % 40 != 0]
    mean, deviation = found.predict({"x": x[clean]})
    assert np.abs(mean - y[clean]).mean() < 0.12
    assert (np.abs(mean - y[clean]) < 4 * deviation).all()
    assert len(found.left_out) == 120 and np.abs(found.left_out - y[:120])[1:40].mean() < 0.2


def test_the_gradient_is_that_of_the_loss():
    rng = np.random.default_rng(1)
    x, z = [rng.normal(size=(30, 2)), rng.normal(size=(30, 3))], rng.normal(size=30)
    found = Process([Part(LINEAR, "a"), Part(MATERN, "b")])
    theta = found._start(x) + 0.1
    found._prior, found.theta = theta - 0.1, theta
    _, slope = found._loss(theta, x, z, np.ones(30))
    steps = [
        (found._loss(theta + 1e-5 * e, x, z, np.ones(30))[0] - found._loss(theta - 1e-5 * e, x, z, np.ones(30))[0])
        / 2e-5
        for e in np.eye(len(theta))
    ]
    assert slope == pytest.approx(np.array(steps), rel=1e-4, abs=1e-5)


@pytest.fixture(scope="module")
def stack():
    """Cells, their latencies, and a stack of two teachers that saw 80 of them."""
    vectors = cells(500)
    y = latency_ns(vectors, noise=0.01)
    members = [TEACHERS[n]("nasbench201", [5] * 6, 0) for n in ("plain-process", "trees")]
    return vectors, y, Stack(members).fit(vectors[:80], y[:80])


@pytest.mark.parametrize(("member", "most"), [(0, 3), (1, 12)])
def test_a_teacher_learns_and_its_student_is_it(stack, member, most):
    vectors, y, found = stack
    teacher = found.members[member]
    assert mape(y[80:], teacher.predict(vectors[80:])) < most
    student = distilled(teacher.predict, Samples("nasbench201", "d", vectors, y, "ns"), 0)
    answers = Predictor(dumps(student.model)).predict_vectors(vectors)
    assert answers == pytest.approx(teacher.predict(vectors), rel=2e-6)


def test_the_stack_leans_on_its_better_member(stack):
    vectors, y, found = stack
    assert found.weights[0] > found.weights[1] and found.weights.sum() == pytest.approx(1)
    assert mape(y[80:], found.predict(vectors[80:])) <= mape(y[80:], found.members[1].predict(vectors[80:]))


def test_work_is_there_where_the_encoder_knows_it():
    cell = np.array([[3, 0, 0, 0, 0, 0], [0, 0, 0, 3, 0, 0]])
    work = work_of("nasbench201", cell)  # the first leads nowhere
    assert work.shape == (2, 4) and work[0, 0] < work[0, 1] == work[1, 0] == work[1, 1]
    assert work_of("fbnet", np.zeros((1, 22), np.int64)).shape == (1, 3)
    assert work_of("darts", np.array([spaces.get("darts").at(0)])).shape == (1, 0)


def test_a_larger_space_is_a_sum_of_tables():
    vectors = everything("fbnet", 400, 0)
    weights = np.random.default_rng(0).uniform(0.1, 2, (22, 9))
    predict = lambda v: 1e6 * weights[np.arange(22), v].sum(axis=1)  # noqa: E731
    student = distilled(predict, Samples("fbnet", "d", vectors, predict(vectors), "ns"), 0)
    assert student.gap < 0.1 and student.kind == "tables, identity"


def test_train_evaluate_suggest_and_adapt(tmp_path, capsys):
    data, out, new = table(tmp_path / "t.npz"), tmp_path / "p.augpred", tmp_path / "n.augpred"
    words = ["--space", "nasbench201", "--device", "new", "--samples", "5", "--select", "optimal"]
    sources = ["--transfer-from", "a", "b", "c", "d"]
    assert main(["train", str(data), *words, *sources, "-o", str(out)]) == 0
    training = loads(out.read_bytes()).meta["training"]
    assert len(training["vectors"]) == 5 and training["sources"] == ["a", "b", "c", "d"]
    capsys.readouterr()
    log = tmp_path / "log.txt"
    words = ["evaluate", str(out), str(data), "--device", "new", "--exclude-trained", "--json", "--eagle-log", str(log)]
    assert main(words) == 0 and main(words) == 0
    document, _ = json.JSONDecoder().raw_decode(capsys.readouterr().out)
    assert document["schema"] == "augur-edge/evaluate/1" and document["groups"][0]["n"] == 595
    assert document["overall"]["spearman"] > 0.97 and document["overall"]["coverage"] > 0.5
    assert main(words[:-3]) == 0 and "all architectures" in capsys.readouterr().out  # the table for people
    runs = log.read_text().split("===\n")
    assert len(runs) == 2 and runs[0] == runs[1]
    lines, trained, rest = runs[0].split("---\n")
    assert len(lines.splitlines()) == 595 and len(trained.splitlines()) == 5 and len(rest.splitlines()) == 2
    assert float(lines.split()[0]) < 0.1  # seconds

    assert main(["adapt", str(out), "--suggest", "6", "-o", str(tmp_path / "s.json")]) == 0
    document = json.loads((tmp_path / "s.json").read_text())
    wanted = np.array(document["vectors"])
    targets = suggested(tmp_path / "s.json", Request("onnxruntime"))
    assert [t.name for t in targets] == document["architectures"] and {t.mode for t in targets} == {"whole"}
    text = "\n".join(
        f"{' '.join(map(str, v))},{ms}" for v, ms in zip(wanted.tolist(), latency_ns(wanted, (1, 5, 1)) / 2e5)
    )
    (tmp_path / "s.csv").write_text(f"arch_vector,latency_ms\n{text}\n")
    assert main(["adapt", str(out), str(tmp_path / "s.csv"), "-o", str(new)]) == 0
    moved = Predictor.load(new)
    test = cells(400, 5)
    truth = 5 * latency_ns(test, (1, 5, 1))
    assert spearman(truth, moved.predict_vectors(test)) > 0.97
    assert mape(truth, moved.predict_vectors(test)) < 8


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--device", "nwe"], 2, "no device 'nwe'; did you mean new"),
        (["--device", "new", "--samples", "5"], 2, "5 samples: at least 20"),
        (["--device", "new", "--samples", "2", "--transfer-from", "a"], 2, "2 samples: at least 3"),
        (["--device", "new", "--transfer-from", "a", "new"], 2, "this is the device to learn"),
        (["--device", "new", "--transfer-from", "a", "a"], 2, "named twice"),
        (["--device", "new", "--transfer-from", "aa"], 2, "no device 'aa'"),
        (["--device", "new", "--samples", "700"], 2, "has 600 usable"),
        (["--device", "new", "--samples", "30", "--select", "optimal"], 2, "needs source devices"),
        (["--device", "new", "--samples", "30", "--teacher", "roofline"], 2, "no teacher 'roofline'"),
        (["--device", "new", "--max-kb", "3"], 2, "--max-kb is for layers"),
        (
            ["--device", "new", "--samples", "9", "--transfer-from", "a", "--warm-up", __file__],
            2,
            "give one of the two",
        ),
        (
            ["--device", "new", "--samples", "30", "--teacher", "trees", "--warm-up", __file__],
            2,
            "is for --teacher relation",
        ),
        (["--device", "new", "--samples", "30", "--select", "iterative"], 2, "is for --teacher relation"),
    ],
)
def test_bad_training_is_one_line(tmp_path, capsys, words, code, said):
    data = table(tmp_path / "t.npz")
    assert main(["train", str(data), "--space", "nasbench201", *words, "-o", str(tmp_path / "p")]) == code
    assert said in capsys.readouterr().err and not (tmp_path / "p").exists()


def test_quantised_and_zero_latencies_are_counted(tmp_path, capsys):
    vectors = cells(200)
    rounded = np.rint(latency_ns(vectors) / 1e6)
    rounded[:3] = 0
    np.savez(tmp_path / "t.npz", arch_vector=vectors.astype(np.int8), phone=rounded)
    words = [
        "train",
        str(tmp_path / "t.npz"),
        "--space",
        "nasbench201",
        "--samples",
        "25",
        "--teacher",
        "plain-process",
    ]
    assert main([*words, "-o", str(tmp_path / "p")]) == 0
    err = capsys.readouterr().err
    assert "3 of 200 are zero or less" in err and "whole numbers only" in err


def test_options_of_architectures_are_refused_for_layers(tmp_path):
    with pytest.raises(UsageError, match="--transfer-from is for architectures"):
        space_options.refuse(Namespace(space=None, transfer_from=["a"]))


@pytest.mark.parametrize("option", [["--runtime", "litert"], ["--threads", "2"]])
def test_settings_of_layers_are_refused_for_architectures(tmp_path, capsys, option):
    vectors = cells(30)
    np.savez(tmp_path / "t.npz", arch_vector=vectors.astype(np.int8), phone=latency_ns(vectors))
    data, output = str(tmp_path / "t.npz"), str(tmp_path / "p.augpred")
    train = ["train", data, "--space", "nasbench201", "--unit", "ns", "-o", output]
    assert main([*train, *option]) == 2
    assert f"{option[0]} is for layers" in capsys.readouterr().err
    assert not (tmp_path / "p.augpred").exists()
