"""Held to published tables, to brute force, and to the coverage an interval promises."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from augur_edge.stats import drift, holm, median_ci, rank_test, summarise

blocks = arrays(np.int64, st.integers(1, 200), elements=st.integers(1, 10**12))


@pytest.mark.parametrize(
    ("n", "low", "high"),
    # Le Boudec, Performance Evaluation, appendix A, table for the median at 95 %: ranks counted from 1.
    [(6, 1, 6), (7, 1, 7), (8, 1, 8), (9, 2, 8), (12, 3, 10), (20, 6, 15), (30, 10, 21), (50, 18, 33), (70, 27, 44)],
)
def test_the_interval_takes_the_published_ranks(n: int, low: int, high: int) -> None:
    values = np.random.default_rng(0).permutation(np.arange(1, n + 1))
    assert median_ci(values) == (low, high)


@pytest.mark.parametrize("n", [6, 17, 101, 1000])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_the_ranks_are_the_narrowest_that_hold_the_level(n: int, level: float) -> None:
    interval = median_ci(np.arange(n), level)
    if interval is None:
        assert 1 - 2 * 0.5**n < level
        return
    low = int(interval[0])
    assert interval[1] == n - 1 - low
    below = sum(math.comb(n, k) for k in range(low + 1))
    assert 1 - 2 * below / 2**n >= level
    assert 1 - 2 * (below + math.comb(n, low + 1)) / 2**n < level


@pytest.mark.parametrize("n", range(6))
def test_five_samples_promise_nothing(n: int) -> None:
    assert median_ci(np.arange(n)) is None


def test_the_interval_covers_the_median_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(2000):
        interval = median_ci(rng.lognormal(0, 1, 101))
        assert interval is not None
        hits += interval[0] <= 1 <= interval[1]
    # Ranks 41 and 61 of 101 hold 0.954 exactly; 4 standard errors of 2000 trials are 0.019.
    assert hits / 2000 == pytest.approx(0.954, abs=0.019)


def test_a_million_samples_have_ranks_by_the_normal_law() -> None:
    interval = median_ci(np.arange(1_000_000))
    assert interval is not None
    assert interval[0] == pytest.approx(500_000 - 0.5 * 1.95996 * 1000, abs=2)


@given(blocks, st.integers(1, 1000))
def test_summary_agrees_with_numpy(samples: np.ndarray, loops: int) -> None:
    s = summarise(samples, loops)
    close = {"rel": 1e-9, "abs": 1e-9}
    assert s.median == pytest.approx(np.median(samples) / loops, **close)
    assert s.mad == pytest.approx(np.median(np.abs(samples - np.median(samples))) / loops, **close)
    assert (s.p90, s.p99) == pytest.approx(tuple(np.percentile(samples, [90, 99]) / loops), **close)
    first, third = np.percentile(samples, [25, 75])
    beyond = np.maximum(first - samples, samples - third) - 1.5 * (third - first)  # of the nearer fence
    rounding = 1e-9 * samples.max()
    assert (beyond > rounding).sum() <= s.n_outliers <= (beyond > -rounding).sum()
    ci = median_ci(samples)
    assert s.ci95 == (None if ci is None else pytest.approx((ci[0] / loops, ci[1] / loops)))


@given(blocks, st.randoms(use_true_random=False))
def test_summary_ignores_order_and_leaves_the_samples_alone(samples: np.ndarray, random: object) -> None:
    before = samples.copy()
    shuffled = samples.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert summarise(samples, 3) == summarise(shuffled, 3)
    assert np.array_equal(samples, before)


@given(blocks)
def test_twice_the_loops_halve_every_time(samples: np.ndarray) -> None:
    one, two = summarise(samples, 1), summarise(samples, 2)
    assert (two.median, two.mad, two.p90, two.p99) == (one.median / 2, one.mad / 2, one.p90 / 2, one.p99 / 2)


def test_a_document_holds_the_agreed_fields() -> None:
    assert summarise(np.array([2, 4, 6]), 2).to_dict() == {
        "median": 2.0, "mad": 1.0, "p90": pytest.approx(2.8), "p99": pytest.approx(2.98),
        "ci95": None, "n": 3, "loops": 2, "n_outliers": 0,
    }  # fmt: skip


def test_precision_is_half_the_interval_over_the_median() -> None:
    assert summarise(np.array([90, 95, 100, 100, 105, 110]), 1).precision == pytest.approx(0.1)
    assert summarise(np.array([100]), 1).precision == math.inf


@pytest.mark.parametrize(("samples", "loops"), [([], 1), ([5], 0)])
def test_nothing_to_summarise_is_an_error(samples: list[int], loops: int) -> None:
    with pytest.raises(ValueError, match="nothing to summarise"):
        summarise(np.array(samples, np.int64), loops)


@pytest.mark.parametrize(
    ("values", "n_outliers"),
    # Quartiles of 9..14 and one above are 10.5 and 13.5: fences 6 and 18, which are inside.
    [
        ([9, 10, 11, 12, 13, 14, 40], 1),
        ([9, 10, 11, 12, 13, 14, 18], 0),
        ([-90, 9, 10, 11, 12, 13, 14, 40], 2),
        ([7] * 4, 0),
    ],
)
def test_outliers_lie_beyond_tukeys_fences(values: list[int], n_outliers: int) -> None:
    assert summarise(np.array(values), 1).to_dict()["n_outliers"] == n_outliers


def test_drift_is_signed_and_relative() -> None:
    assert drift(np.array([100] * 10 + [101] * 10 + [102] * 10)) == pytest.approx(2 / 101)
    assert drift(np.array([100] * 30)) == 0.0
    assert drift(np.array([100] * 5)) is None


def exact_by_brute_force(a: list[int], b: list[int]) -> float:
    values = sorted(a + b)
    middle = len(a) * len(b) / 2

    def distance(chosen: tuple[int, ...]) -> float:
        rest = [v for v in values if v not in chosen]
        return abs(sum(x > y for x in chosen for y in rest) - middle)

    seen = distance(tuple(a))
    ways = list(combinations(values, len(a)))
    return sum(distance(w) >= seen for w in ways) / len(ways)


@given(st.permutations(range(9)), st.integers(1, 8))
def test_small_rank_tests_are_exact(values: list[int], split: int) -> None:
    a, b = values[:split], values[split:]
    assert rank_test(np.array(a), np.array(b)) == pytest.approx(exact_by_brute_force(a, b))


@pytest.mark.parametrize(
    ("n", "m", "critical"),
    # Mann and Whitney's table as every textbook prints it: the largest U significant at 0.05, two-sided.
    [(4, 4, 0), (5, 5, 2), (8, 8, 13), (10, 10, 23), (10, 20, 55), (20, 20, 127)],
)
def test_critical_values_of_the_published_table(n: int, m: int, critical: int) -> None:
    def with_u(u: int) -> float:
        """p of samples made so that exactly `u` of the n*m pairs have a above b."""
        full, rest = divmod(u, m)
        a = [2 * m + 10 + 2 * i for i in range(full)] + ([2 * rest + 1] if rest else [])
        a += [-2 * i - 1 for i in range(n - len(a))]
        b = [2 * (j + 1) for j in range(m)]
        return rank_test(np.array(a), np.array(b))

    assert with_u(critical) <= 0.05 < with_u(critical + 1)


def test_ties_and_many_samples_use_the_corrected_normal_law() -> None:
    # By hand: U of a is 1 (two halves), mean 8; ties of 2 and 3 give the variance 16/12 * (9 - 30/56).
    p = rank_test(np.array([1, 1, 2, 2]), np.array([2, 3, 4, 5]))
    assert p == pytest.approx(math.erfc(6.5 / math.sqrt(16 / 12 * (9 - 30 / 56)) / math.sqrt(2)))


def test_equal_samples_do_not_differ() -> None:
    assert rank_test(np.array([5, 5, 5]), np.array([5, 5])) == 1.0


@given(blocks, blocks)
def test_rank_test_is_symmetric_and_blind_to_scale(a: np.ndarray, b: np.ndarray) -> None:
    p = rank_test(a, b)
    assert 0 <= p <= 1
    assert rank_test(b, a) == pytest.approx(p)
    assert rank_test(3 * a + 7, 3 * b + 7) == pytest.approx(p)


def test_exact_and_normal_agree_where_they_meet() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 1, 20), rng.normal(0.5, 1, 20)
    longer = np.append(a, np.median(np.append(a, b)))
    assert rank_test(a, b) == pytest.approx(rank_test(longer, b), abs=0.03)


def test_the_rank_test_is_wrong_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    wrong = sum(rank_test(rng.lognormal(size=50), rng.lognormal(size=60)) < 0.05 for _ in range(2000))
    assert wrong / 2000 == pytest.approx(0.05, abs=0.02)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=50))
def test_holm_only_raises_and_keeps_the_order(p: list[float]) -> None:
    adjusted = holm(p)
    assert all(x <= y <= 1 for x, y in zip(p, adjusted))
    assert sorted(range(len(p)), key=lambda i: (p[i], adjusted[i])) == sorted(range(len(p)), key=lambda i: p[i])
