"""Eagle's networks, small: they learn, hand their bodies on, and the relation predictor orders cells."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra [host]")

sys.path.append(str(Path(__file__).parent))
from arch_data import cells, latency_ns

from augur_edge.errors import UsageError
from augur_edge.host.arch.gcn import PRESETS, Eagle
from augur_edge.host.arch.relation import Relation, iterate
from augur_edge.host.arch.training import Plan, train
from augur_edge.metrics import mape, spearman
from augur_edge.predict import Predictor
from augur_edge.predict.format import loads
from augur_edge.tables import read_table

SMALL = replace(PRESETS["eagle-gcn"], layers=3, hidden=32, epochs=40, learning_rate=3e-3)
PAIRS = replace(PRESETS["eagle-accuracy"], layers=3, hidden=32, epochs=15, learning_rate=3e-3, dropout=0.0)


@pytest.mark.parametrize("kind", ["gcn", "mlp"])
def test_eagle_s_networks_learn_and_repeat(kind):
    vectors = cells(160)
    y = latency_ns(vectors)
    first, again = (Eagle(1, replace(SMALL, kind=kind)).fit(vectors[:80], y[:80]).predict(vectors[80:]) for _ in "ab")
    assert (first == again).all()
    assert mape(y[80:], first) < 0.6 * mape(y[80:], np.full(80, y[:80].mean()))


def test_a_body_is_handed_on():
    vectors = cells(120)
    source = Eagle(0, SMALL).fit(vectors, latency_ns(vectors))
    assert np.isfinite(source.left_out).sum() == 12  # the tenth held out
    brief = replace(SMALL, epochs=2)
    warm = Eagle(0, brief, start=source, warm_up=10).fit(vectors[:20], 3 * latency_ns(vectors[:20], (1, 5, 1)))
    cold = Eagle(0, brief).fit(vectors[:20], 3 * latency_ns(vectors[:20], (1, 5, 1)))
    truth = 3 * latency_ns(vectors[20:], (1, 5, 1))
    assert spearman(truth, warm.predict(vectors[20:])) > max(spearman(truth, cold.predict(vectors[20:])), 0.8)


def test_the_relation_predictor_orders_cells():
    vectors = cells(150)
    y = latency_ns(vectors)
    found = Relation(0, PAIRS).fit(vectors[:30], y[:30])
    assert spearman(y[30:], found.predict(vectors[30:])) > 0.8
    assert sorted(found.order(vectors).tolist()) == list(range(150))


def test_iterative_sampling_finds_better_cells_than_chance():
    pool = cells(150)
    y = latency_ns(pool)
    worth = {tuple(v): t for v, t in zip(pool.tolist(), y.tolist())}
    asked = []

    def measure(some):
        asked.extend(map(tuple, some.tolist()))
        return np.array([worth[tuple(v)] for v in some.tolist()])

    _, taken = iterate(pool, measure, 24, rounds=3, make=lambda: Relation(0, PAIRS))
    assert len(set(taken.tolist())) == 24 == len(set(asked))
    assert y[taken[8:]].mean() > y.mean() + 0.5 * y.std()
    with pytest.raises(UsageError, match="at least 4 a round"):
        iterate(pool, measure, 9, rounds=3)


def test_too_few_samples_are_refused():
    vectors = cells(9)
    with pytest.raises(UsageError, match="needs at least 10"):
        Eagle(0, SMALL).fit(vectors, latency_ns(vectors))
    with pytest.raises(UsageError, match="at least 4"):
        Relation(0, PAIRS).fit(vectors[:3], latency_ns(vectors[:3]))


def test_scores_warm_a_relation_predictor_up():
    vectors = cells(120)
    scores = Relation(0, PAIRS).fit(vectors[:40], latency_ns(vectors[:40], (1, 5, 1)))
    brief = replace(PAIRS, epochs=1)
    y = latency_ns(vectors)
    warm, cold = (Relation(0, brief, start).fit(vectors[40:50], y[40:50]) for start in (scores, None))
    ranks = [spearman(y[50:], found.predict(vectors[50:])) for found in (warm, cold)]
    assert ranks[0] > max(ranks[1], 0.7)


@pytest.fixture
def small(monkeypatch):
    """Networks that learn in a second."""
    monkeypatch.setitem(PRESETS, "eagle-gcn", replace(SMALL, epochs=12))
    monkeypatch.setitem(PRESETS, "eagle-accuracy", PAIRS)


def saved(path, **columns):
    np.savez(path, arch_vector=cells(100).astype(np.int8), **columns)
    return path


def test_train_warms_up_on_latencies_and_on_scores_of_any_sign(tmp_path, small):
    vectors = cells(100)
    y = latency_ns(vectors, (1, 5, 1))
    data = saved(tmp_path / "t.npz", board_ns=y)
    latency = saved(tmp_path / "latency.npz", other=latency_ns(vectors) / 1e6)
    scores = saved(tmp_path / "scores.npz", score=latency_ns(vectors) / 1e6 - 9)
    plan = Plan("board_ns", 20, teacher="relation", warm_up=scores)
    plans = (plan, replace(plan, warm_up=None), replace(plan, teacher="eagle-gcn", warm_up=latency))
    for preset in PRESETS:
        PRESETS[preset] = replace(PRESETS[preset], epochs=4)  # so few samples and steps teach little
    ranks = []
    for each in plans:
        found = train(read_table(data), each, lambda line: None, lambda line: None)
        ranks.append(spearman(y, Predictor(found.data).predict_vectors(vectors)))
    assert ranks[0] > max(0.7, ranks[1]) and ranks[2] > 0.7, ranks
    with pytest.raises(UsageError, match="learns positive figures"):
        train(read_table(data), replace(plans[2], warm_up=scores), lambda line: None, lambda line: None)
    with pytest.raises(UsageError, match="--warm-up is for --teacher relation, eagle-gcn"):
        train(read_table(data), replace(plan, teacher="trees"), lambda line: None, lambda line: None)


def test_train_samples_iteratively(tmp_path, small):
    vectors = cells(100)
    y = latency_ns(vectors)
    data = read_table(saved(tmp_path / "t.npz", board_ns=y))
    plan = Plan(None, 30, teacher="relation", select="iterative", seed=1)
    found = train(data, plan, lambda line: None, lambda line: None)
    picked = found.samples.y
    assert len({tuple(v) for v in found.samples.vectors.tolist()}) == 30
    assert picked[6:].mean() > y.mean() + 0.4 * y.std()  # the best are looked for
    assert loads(found.data).meta["training"]["vectors"] == found.samples.vectors.tolist()
    for wrong in (replace(plan, teacher="stack"), replace(plan, samples=None), replace(plan, samples=101)):
        with pytest.raises(UsageError, match=r"--select iterative|--samples 101"):
            train(data, wrong, lambda line: None, lambda line: None)
