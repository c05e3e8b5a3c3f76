"""Few-sample transfer: the closed form against the textbook's, and what five chosen architectures can tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augur_edge import spaces
from augur_edge.errors import DataError, UsageError
from augur_edge.metrics import spearman
from augur_edge.predict.designs import design, one_hot
from augur_edge.predict.encode_spaces import prune
from augur_edge.predict.transfer import Prior, fit, grain_of, learn_prior, suggest

ANSWERS = [5] * 6


def world(seed: int = 0, sources: int = 5):
    """A design over all cells, sources that are linear in it, and a target between them at another scale."""
    rng = np.random.default_rng(seed)
    vectors = np.stack(np.unravel_index(np.arange(15625), ANSWERS, order="F"), axis=1)[rng.permutation(15625)[:1500]]
    rows = design("nasbench201", vectors, ANSWERS)
    kinds = rng.uniform(0.1, 2, (2, rows.shape[1]))
    made = [rows @ (a * kinds[0] + (1 - a) * kinds[1]) for a in np.linspace(0, 1, sources)]
    return rows, made, 40.0 * rows @ (0.35 * kinds[0] + 0.65 * kinds[1])


def test_pruning_all_at_once_is_the_space_s_own():
    vectors = np.stack(np.unravel_index(np.arange(15625), ANSWERS, order="F"), axis=1).astype(np.int64)
    found = prune(vectors)
    some = np.random.default_rng(0).permutation(15625)[:300]
    assert [tuple(v) for v in found[some].tolist()] == [spaces.nasbench201.pruned(v) for v in vectors[some].tolist()]


def test_one_hot_has_one_of_each_position():
    assert one_hot(np.array([[1, 0], [2, 1]]), [3, 2]).tolist() == [[0, 1, 0, 1, 0], [0, 0, 1, 0, 1]]


def test_five_chosen_architectures_order_the_rest():
    rows, sources, target = world()
    prior = learn_prior([(rows, y) for y in sources])
    chosen = suggest(prior, rows, 5)
    assert len(set(chosen)) == 5
    found, deviation = fit(prior, rows[chosen], target[chosen]).predict(rows)
    assert spearman(found, target) > 0.995
    assert (np.abs(found - target) < 4 * deviation).mean() > 0.95


def test_chosen_samples_leave_less_variance_than_random_ones():
    rows, sources, target = world(1)
    prior = learn_prior([(rows, y) for y in sources])
    chosen = suggest(prior, rows, 5)
    left = [
        fit(prior, rows[c], target[c]).predict(rows)[1].mean() for c in (chosen, list(range(5)), list(range(5, 10)))
    ]
    assert left[0] < min(left[1:])


def test_suggestions_go_on_from_what_is_measured():
    rows, sources, _ = world(2)
    prior = learn_prior([(rows, y) for y in sources])
    first = suggest(prior, rows, 6)
    assert suggest(prior, rows, 4, first[:2]) == first[2:]


def test_the_posterior_is_the_textbook_s():
    """One setting alone against the information form of Bayesian linear regression."""
    from augur_edge.predict.transfer import _posterior

    rng = np.random.default_rng(3)
    prior, rows, z = Prior(rng.uniform(0.5, 1.5, (4, 6))), rng.uniform(0, 1, (9, 6)), rng.uniform(3, 4, 9)
    _, found = _posterior(prior, rows, z, 0.0, (0.1, 1e-3))
    precision = np.linalg.inv(prior.covariance(1e-3)) + rows.T @ rows / 0.01
    right = np.linalg.solve(prior.covariance(1e-3), prior.mean) + rows.T @ z / 0.01
    assert found.mean == pytest.approx(np.linalg.solve(precision, right), rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.floats(1e-3, 1e9), st.integers(0, 50))
def test_the_unit_does_not_matter(scale, seed):
    rows, sources, target = world(seed % 3)
    prior = learn_prior([(rows, y) for y in sources])
    some = np.random.default_rng(seed).permutation(len(rows))[:8]
    one, other = (fit(prior, rows[some], k * target[some]).predict(rows)[0] for k in (1.0, scale))
    assert other == pytest.approx(scale * one, rel=1e-6)


def test_whole_milliseconds_are_noticed():
    assert grain_of(np.array([32e6, 48e6, 61e6])) == 1e6
    assert grain_of(np.array([1234567.0, 2e6])) == 1.0
    assert grain_of(np.zeros(3)) == 1.0


def test_too_few_and_impossible_samples_are_refused():
    rows, sources, target = world()
    prior = learn_prior([(rows, y) for y in sources])
    with pytest.raises(UsageError, match="2 measured architectures: at least 3"):
        fit(prior, rows[:2], target[:2])
    with pytest.raises(DataError, match="not positive"):
        fit(prior, rows[:4], np.array([1.0, 2.0, 0.0, 1.0]))
    with pytest.raises(UsageError, match="no source device"):
        learn_prior([])
