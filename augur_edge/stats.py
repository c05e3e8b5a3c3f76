"""Robust statistics of timings: median, spread, exact intervals, drift, and tests between two samples.

Times are skewed, have tails and ties, and are never normal, so everything here rests on ranks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

EXACT_LIMIT = 20  # the published tables of U end here; beyond it the normal approximation is good to 3 digits


@dataclass(frozen=True)
class Summary:
    """What is said of one layer's samples; times are ns of one call, the samples' block time over `loops`.

    mad: median absolute deviation from the median, not scaled. ci95: of the median, None for fewer than 6 samples.
    n: blocks timed. n_outliers: of them outside Tukey's fences, kept and counted everywhere.
    """

    median: float
    mad: float
    p90: float
    p99: float
    ci95: tuple[float, float] | None
    n: int
    loops: int
    n_outliers: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, as documents hold it."""
        return {
            "median": self.median,
            "mad": self.mad,
            "p90": self.p90,
            "p99": self.p99,
            "ci95": None if self.ci95 is None else list(self.ci95),
            "n": self.n,
            "loops": self.loops,
            "n_outliers": self.n_outliers,
        }

    @property
    def precision(self) -> float:
        """Half the width of `ci95` relative to the median; infinite while there is no interval."""
        if self.ci95 is None or self.median <= 0:
            return math.inf
        return (self.ci95[1] - self.ci95[0]) / 2 / self.median


def summarise(samples_ns: Array, loops: int) -> Summary:
    """Summary of int64[n] block times in ns, n >= 1, each of `loops` >= 1 calls; ValueError if either is less."""
    if len(samples_ns) == 0 or loops < 1:
        raise ValueError(f"nothing to summarise: {len(samples_ns)} samples of {loops} loops")
    ordered = np.sort(samples_ns)
    median = _at(ordered, 0.5)
    spread = np.sort(np.abs(ordered - median))
    ranks = _median_ranks(len(ordered), 0.95)
    low, high = _fences(ordered)
    inside = np.searchsorted(ordered, high, "right") - np.searchsorted(ordered, low, "left")
    return Summary(
        median=median / loops,
        mad=_at(spread, 0.5) / loops,
        p90=_at(ordered, 0.9) / loops,
        p99=_at(ordered, 0.99) / loops,
        ci95=None if ranks is None else (float(ordered[ranks[0]]) / loops, float(ordered[ranks[1]]) / loops),
        n=len(ordered),
        loops=loops,
        n_outliers=len(ordered) - int(inside),
    )


def _at(ordered: Array, share: float) -> float:
    """Percentile of a sorted array, linear between neighbours (type 7 of Hyndman and Fan, as numpy's default)."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    low = float(ordered[below])
    return low + (float(ordered[above]) - low) * (place - below)


def median_ci(samples: Array, level: float = 0.95) -> tuple[float, float] | None:
    """Interval that holds the median with at least `level` confidence; None where n is too small (n < 6 for 0.95).

    samples: [n] independent values of any distribution, in any order. Exact, by order statistics: the number of
    values below the median is binomial(n, 1/2). Conover, Practical Nonparametric Statistics, 3rd ed., section 3.2;
    Le Boudec, Performance Evaluation of Computer and Communication Systems, theorem 2.1 and its table.
    """
    ranks = _median_ranks(len(samples), level)
    if ranks is None:
        return None
    parted = np.partition(samples, ranks)
    return float(parted[ranks[0]]), float(parted[ranks[1]])


@lru_cache(maxsize=65536)
def _median_ranks(n: int, level: float) -> tuple[int, int] | None:
    """Places (from 0) of the interval's ends in n sorted values: the narrowest symmetric pair that holds `level`."""
    half = (1.0 - level) / 2
    # Below 9 standard deviations lies less than 1e-18: starting there keeps 10^6 samples within a millisecond.
    k = max(0, n // 2 - int(4.5 * math.sqrt(n)) - 1)
    total, log_all = 0.0, math.lgamma(n + 1) - n * math.log(2)
    while k <= n:
        total += math.exp(log_all - math.lgamma(k + 1) - math.lgamma(n - k + 1))
        if total > half:
            break
        k += 1
    return (k - 1, n - k) if k >= 1 else None


def _fences(ordered: Array) -> tuple[float, float]:
    """1.5 interquartile ranges from the quartiles (Tukey, Exploratory Data Analysis, 1977)."""
    first, third = _at(ordered, 0.25), _at(ordered, 0.75)
    reach = 1.5 * (third - first)
    return first - reach, third + reach


def drift(samples: Array) -> float | None:
    """Median of the last third less that of the first, over the whole's median; None for fewer than 6 samples.

    samples: [n] in the order taken. 0.02 is 2 % slower at the end than at the start.
    """
    third = len(samples) // 3
    if third < 2:
        return None
    whole = float(np.median(samples))
    if whole <= 0:
        return None
    return float(np.median(samples[-third:]) - np.median(samples[:third])) / whole


def rank_test(a: Array, b: Array) -> float:
    """Two-sided p of the Mann-Whitney U test: that values of `a` and `b` ([n], [m], both not empty) rank alike.

    Exact without ties up to 20 values each; otherwise the normal approximation with ties and continuity corrected.
    Mann and Whitney, Annals of Mathematical Statistics 18 (1947); Conover, section 5.1.
    """
    n, m = len(a), len(b)
    if n == 0 or m == 0:
        raise ValueError(f"the rank test needs values on both sides, not {n} and {m}")
    b_sorted = np.sort(b)
    u = float(np.searchsorted(b_sorted, a, "left").sum() + np.searchsorted(b_sorted, a, "right").sum()) / 2
    ties = np.unique(np.concatenate([a, b]), return_counts=True)[1].astype(np.float64)
    if max(n, m) <= EXACT_LIMIT and len(ties) == n + m:
        return _exact_p(n, m, round(u))
    total = n + m
    variance = n * m / 12 * ((total + 1) - float((ties**3 - ties).sum()) / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = max(0.0, abs(u - n * m / 2) - 0.5) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


def _exact_p(n: int, m: int, u: int) -> float:
    counts = _u_counts(n, m)
    tail = sum(counts[: min(u, n * m - u) + 1])
    return min(1.0, 2 * tail / sum(counts))


@lru_cache(maxsize=512)
def _u_counts(n: int, m: int) -> tuple[int, ...]:
    """How many of the orders of n and m values give U = 0, 1, …, n*m: coefficients of the Gaussian binomial."""
    counts = [1] + [0] * (n * m)
    for i in range(1, n + 1):
        for u in range(n * m, m + i - 1, -1):
            counts[u] -= counts[u - m - i]
        for u in range(i, n * m + 1):
            counts[u] += counts[u - i]
    return tuple(counts)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values corrected for testing many at once, in the order given (Holm, Scandinavian J. of Statistics 6, 1979)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, worst = [0.0] * len(p_values), 0.0
    for step, i in enumerate(order):
        worst = max(worst, min(1.0, (len(order) - step) * p_values[i]))
        adjusted[i] = worst
    return adjusted
