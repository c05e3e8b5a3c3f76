"""What a whole network costs besides its layers, and how sure a total is: from networks that were measured whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from augur_edge.dataset.rows import Dataset
from augur_edge.host.features import F64
from augur_edge.predict.model import Level

LEAST_FOR_LAYERS = 8
LEAST_FOR_LEVELS = 10
_SHARE = 0.9  # of the cheapest layer: what a layer's call may cost at most, so that no network gets below 0


@dataclass(frozen=True)
class Totals:
    """once, per_layer: ns; levels: residuals' quantiles of log(measured / predicted total); report: for provenance."""

    once: float = 0.0
    per_layer: float = 0.0
    levels: tuple[Level, ...] = ()
    report: dict[str, Any] = field(default_factory=dict)


def fit_totals(data: Dataset, predictions: F64, levels: Sequence[float]) -> Totals:
    """From the whole networks of `data`; nothing but zeros where none was measured whole.

    predictions: float64[layers], ns, of each layer by a teacher that was trained without it. The overhead is fitted to
    the measured layers, so that it does not take in what a teacher misses: whole - sum = once + per_layer * layers, by
    robust relative least squares; per_layer is below 0 where a layer in its network is spared a call of its own.
    """
    if not data.wholes:
        return Totals()
    place = {key: i for i, key in enumerate(data.keys())}
    rows = [np.array([place[tuple(layer)] for layer in whole.layers.tolist()]) for whole in data.wholes]
    y = data.targets["latency"]
    count = np.array([len(r) for r in rows], np.float64)
    whole = np.array([w.latency_ns for w in data.wholes])

    def sums(ns: F64) -> F64:
        """float64[networks]: of its layers, each with the network's own call where that is known."""
        calls = data.calls
        return np.array([(calls.moved(ns[r]) if calls else ns[r]).sum() for r in rows])

    once, per_layer = _fitted(sums(y), count, whole, float(y.min()))
    total = sums(predictions) + once + per_layer * count
    residuals = np.log(whole / np.maximum(total, 1.0))
    found = _levels(residuals, levels)
    report = {
        "measured": len(whole),
        "overhead_ns": round(once, 1),
        "overhead_per_layer_ns": round(per_layer, 2),
        "mape": round(100 * float(np.abs(total / whole - 1).mean()), 3),
        "levels": [[level.level, level.low, level.high] for level in found],
    }
    return Totals(once, per_layer, found, report)


def _fitted(measured: F64, count: F64, whole: F64, cheapest: float) -> tuple[float, float]:
    if len(whole) < LEAST_FOR_LAYERS:
        return max(float(np.median(whole - measured)), 0.0), 0.0  # a small network must not come out below nothing
    from scipy.optimize import least_squares

    def residuals(theta: F64) -> F64:
        return np.asarray((measured + theta[0] + theta[1] * count) / whole - 1)

    bounds = ([0.0, -_SHARE * cheapest], [np.inf, np.inf])
    scale = np.array([float(whole.min()), cheapest])
    found = least_squares(residuals, [1.0, 0.0], bounds=bounds, x_scale=scale, loss="soft_l1", f_scale=0.02)
    return float(found.x[0]), float(found.x[1])


def _levels(residuals: F64, levels: Sequence[float]) -> tuple[Level, ...]:
    """Split-conformal quantiles, as for layers; none where so few networks say nothing about tails."""
    n = len(residuals)
    found = []
    for level in sorted(set(levels)):
        tail = (1 - level) / 2 * (n + 1) / n - 1 / n
        if n >= LEAST_FOR_LEVELS and tail >= 0:
            low, high = np.quantile(residuals, [tail, 1 - tail])
            found.append(Level(level, min(float(low), 0.0), max(float(high), 0.0)))
    return tuple(found)
