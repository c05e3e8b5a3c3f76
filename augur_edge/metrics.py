"""How good predictions are: relative errors, shares within a tolerance, and agreement of order; and fronts.

Errors take float[n] arrays, n >= 1, of positive finite values in one unit; they are |prediction - truth| / truth.
Fronts are what nothing beats in all respects, and the volume that it covers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Array = npt.NDArray[Any]

BETTER_HIGH = ("accuracy", "score")


def relative_errors(truth: Array, predicted: Array) -> F64:
    """float64[n] of |p - t| / t. Raises ValueError for different lengths, no rows or a truth that is not positive."""
    t, p = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if t.shape != p.shape or t.ndim != 1 or len(t) == 0:
        raise ValueError(f"errors of shapes {t.shape} and {p.shape}: needs two of the same length, at least 1")
    if not (t > 0).all():
        raise ValueError("a true value is not positive, so it has no relative error")
    return np.asarray(np.abs(p - t) / t)


def mape(truth: Array, predicted: Array) -> float:
    """Mean absolute percentage error, in percent."""
    return 100 * float(relative_errors(truth, predicted).mean())


def medape(truth: Array, predicted: Array) -> float:
    """Median absolute percentage error, in percent."""
    return 100 * float(np.median(relative_errors(truth, predicted)))


def acc(truth: Array, predicted: Array, percent: float) -> float:
    """Share of predictions within ±`percent` of the truth, 0 to 1."""
    return float((relative_errors(truth, predicted) <= percent / 100).mean())


def coverage(truth: Array, low: Array, high: Array) -> float:
    """Share of true values in low..high, ends included, 0 to 1."""
    t = np.asarray(truth, np.float64)
    if len(t) == 0:
        raise ValueError("coverage of no rows")
    return float(((t >= low) & (t <= high)).mean())


def spearman(a: Array, b: Array) -> float | None:
    """Spearman's rank correlation, ties at their mean rank; None where a side has fewer than two different values."""
    ra, rb = _ranks(a), _ranks(b)
    ra, rb = ra - ra.mean(), rb - rb.mean()
    scale = float(np.sqrt((ra**2).sum() * (rb**2).sum()))
    return float((ra * rb).sum()) / scale if scale > 0 else None


def kendall(a: Array, b: Array) -> float | None:
    """Kendall's tau-b, O(n^2) time and O(n) memory; None where a side has fewer than two different values.

    M. G. Kendall, The treatment of ties in ranking problems, Biometrika 33 (1945).
    """
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    agree, in_x, in_y = 0.0, 0, 0
    for i in range(1, len(x)):
        dx, dy = np.sign(x[i] - x[:i]), np.sign(y[i] - y[:i])
        agree += float((dx * dy).sum())
        in_x += int(np.count_nonzero(dx))
        in_y += int(np.count_nonzero(dy))
    return agree / float(np.sqrt(float(in_x) * float(in_y))) if in_x and in_y else None


def is_better_high(name: str) -> bool:
    """Whether more of a figure is better: accuracies and scores; of all else, less."""
    return any(word in name.lower() for word in BETTER_HIGH)


def front_of(costs: F64) -> I64:
    """Places of the rows of float64[n, k] that no other row beats: is as good in all columns and better in one.

    Less is better. Of equal rows the first; sorted by the first column.
    """
    order = np.lexsort(costs.T[::-1])
    if costs.shape[1] == 2:  # what came before is as good in the first column: many rows at once
        second = costs[order, 1]
        unbeaten = np.append([True], second[1:] < np.minimum.accumulate(second)[:-1])[: len(order)]
        return np.asarray(order[unbeaten], np.int64)
    kept: list[int] = []
    front = np.empty((0, costs.shape[1]))
    for i in order.tolist():
        if not (front <= costs[i]).all(axis=1).any():
            kept.append(i)
            front = np.concatenate([front, costs[i : i + 1]])
    return np.array(kept, np.int64)


def hypervolume(costs: F64, worst: F64) -> float:
    """Volume between a front of float64[n, k] and the point `worst`, float64[k]; less is better.

    Sweeps the last column, exact for any k: While, Bradstreet and Barone, IEEE Trans. Evol. Comput. 16 (2012) call
    this slicing. What is not better than `worst` in every column adds nothing.
    """
    inside = costs[(costs < worst).all(axis=1)]
    if not len(inside):
        return 0.0
    if inside.shape[1] == 1:
        return float(worst[0] - inside.min())
    ordered = inside[np.argsort(inside[:, -1])]
    ends = np.append(ordered[1:, -1], worst[-1])
    depths = ends - ordered[:, -1]
    return float(
        sum(depth * hypervolume(ordered[: i + 1, :-1], worst[:-1]) for i, depth in enumerate(depths.tolist()) if depth)
    )


def _ranks(values: Array) -> F64:
    """Ranks from 0, equal values at the mean of theirs."""
    _, inverse, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    last = np.cumsum(counts).astype(np.float64)
    return np.asarray((last - (counts + 1) / 2)[inverse.reshape(-1)])
