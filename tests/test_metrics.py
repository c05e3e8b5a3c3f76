"""Metrics against scipy where it is there, against hand-made cases everywhere."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from augur_edge import metrics

VALUES = st.lists(st.integers(0, 9), min_size=2, max_size=30)


def test_errors_are_relative_to_the_truth():
    truth, predicted = np.array([100.0, 200.0, 400.0]), np.array([101.0, 190.0, 480.0])
    assert metrics.mape(truth, predicted) == pytest.approx(100 * (0.01 + 0.05 + 0.2) / 3)
    assert metrics.medape(truth, predicted) == pytest.approx(5.0)
    assert [metrics.acc(truth, predicted, p) for p in (1, 5, 10)] == pytest.approx([1 / 3, 2 / 3, 2 / 3])


def test_coverage_counts_the_ends():
    assert metrics.coverage(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.1, 2.0]), np.array([1.0, 3.0, 3.0])) == 2 / 3


@pytest.mark.parametrize(
    ("truth", "predicted", "words"), [([1.0], [1.0, 2.0], "shapes"), ([], [], "at least 1"), ([0.0], [1.0], "positive")]
)
def test_what_has_no_relative_error_is_refused(truth, predicted, words):
    with pytest.raises(ValueError, match=words):
        metrics.mape(np.array(truth), np.array(predicted))


def test_order_of_equal_values_is_unknown():
    assert metrics.spearman(np.ones(4), np.arange(4)) is None
    assert metrics.kendall(np.ones(4), np.arange(4)) is None
    assert metrics.spearman(np.array([1.0]), np.array([2.0])) is None


@given(VALUES, st.randoms())
def test_order_agrees_with_scipy(values, random):
    stats = pytest.importorskip("scipy.stats")
    other = [random.randint(0, 9) for _ in values]
    if len(set(values)) > 1 and len(set(other)) > 1:
        assert metrics.spearman(np.array(values), np.array(other)) == pytest.approx(stats.spearmanr(values, other)[0])
        assert metrics.kendall(np.array(values), np.array(other)) == pytest.approx(stats.kendalltau(values, other)[0])


@given(arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.integers(0, 6).map(float)))
def test_fronts_and_their_volume_by_brute_force(costs: np.ndarray) -> None:
    places = metrics.front_of(costs)
    chosen = [tuple(costs[i]) for i in places]
    assert chosen == sorted(set(chosen))
    assert all(not (costs[:i] == costs[i]).all(axis=1).any() for i in places)
    unbeaten = {tuple(r) for r in costs if not any((o <= r).all() and (o < r).any() for o in costs)}
    assert set(chosen) == unbeaten
    cells = np.array(list(itertools.product(range(7), repeat=costs.shape[1]))) + 0.5
    covered = sum(bool((costs <= cell).all(axis=1).any()) for cell in cells)
    assert metrics.hypervolume(costs, np.full(costs.shape[1], 7.0)) == pytest.approx(covered)


def test_no_rows_have_no_front():
    assert metrics.front_of(np.empty((0, 2))).tolist() == metrics.front_of(np.empty((0, 3))).tolist() == []


def test_accuracies_and_scores_are_better_high():
    assert [metrics.is_better_high(name) for name in ("cifar10_Accuracy", "my_score", "latency_ms")] == [
        True,
        True,
        False,
    ]
