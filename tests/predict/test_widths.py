"""How wide a transferred predictor's intervals are."""

from __future__ import annotations

import numpy as np
import pytest

from augur_edge.errors import DataError
from augur_edge.predict.transfer import fit, learn_prior
from augur_edge.predict.widths import COUNTS, LEVELS, factor, stretch_in, stretches, student_t


@pytest.mark.parametrize(
    ("level", "freedom", "bound"),
    [(0.9, 1, 6.3138), (0.9, 5, 2.0150), (0.95, 3, 3.1824), (0.5, 10, 0.6998), (0.95, 200, 1.9719)],
)
def test_student_s_bounds_are_those_of_the_tables(level, freedom, bound):
    assert student_t(level, freedom) == pytest.approx(bound, rel=1e-3)


def devices(spread: float, count: int = 6, seed: int = 0):
    """Devices that are linear in a design, with noise that the closed form does not expect."""
    rng = np.random.default_rng(seed)
    rows = np.hstack([np.ones((300, 1)), rng.integers(0, 2, (300, 8))]).astype(float)
    costs = rng.uniform(1, 2, 9) * rng.uniform(0.9, 1.1, (count, 9))
    return [(rows, rows @ c * np.exp(spread * rng.standard_t(2, 300)), 0.0) for c in costs]


def test_what_the_sources_stray_stretches_the_bounds_until_they_hold():
    made = devices(0.1, 8)
    *sources, (rows, y, _) = made
    prior = learn_prior([(r, t) for r, t, _ in sources])
    stretch = stretches(prior, sources, 0)
    assert stretch.shape == (len(COUNTS), len(LEVELS)) and (stretch >= 1).all()
    found, held = [], np.random.default_rng(3)
    for _ in range(10):
        order = held.permutation(len(y))
        value, deviation = fit(prior, rows[order[:5]], y[order[:5]]).predict(rows[order[5:]])
        found.append(np.mean(np.abs(y[order[5:]] - value) <= factor(0.9, 5, stretch) * np.median(deviation)))
    assert np.mean(found) > 0.85


def test_sources_that_stray_more_stretch_more():
    wide, narrow = (
        stretches(learn_prior([(r, t) for r, t, _ in made]), made, 0) for made in (devices(0.2), devices(0.001))
    )
    assert wide.sum() > narrow.sum()


def test_two_sources_say_nothing_of_a_third():
    made = devices(0.1, 2)
    assert (stretches(learn_prior([(r, t) for r, t, _ in made]), made, 0) == 1).all()


def test_a_damaged_stretch_is_refused():
    assert (stretch_in({}) == 1).all()
    for bad in ([[1.0]], "x", np.zeros((len(COUNTS), len(LEVELS))).tolist()):
        with pytest.raises(DataError, match="stretch has shape"):
            stretch_in({"stretch": bad})
