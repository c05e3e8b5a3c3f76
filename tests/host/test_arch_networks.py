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
from augur_edge.metrics import mape, spearman

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
    warm = Eagle(0, brief).fit(vectors[:20], 3 * latency_ns(vectors[:20], (1, 5, 1)), source, 10)
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
