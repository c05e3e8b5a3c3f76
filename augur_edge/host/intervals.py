"""How sure an answer is: conformal intervals whose width follows what the teacher does not know.

A Gaussian process says how far it may be off at a layer; an oblivious tree over the student's features learns that, so
that the file can say it of any layer. Out-of-fold residuals, divided by it, give the quantiles. Lei et al.,
Distribution-free predictive inference for regression, JASA 113 (2018), section 5.2: locally weighted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augur_edge.host.features import F64, I64
from augur_edge.predict.encode import encode
from augur_edge.predict.model import Level, Model, Spread

_DEPTH, _CUTS, _DRAWS, _LEAST_IN_PLACE = 5, 24, 50, 20


@dataclass(frozen=True, eq=False)
class Doubt:
    """Unmeasured layers, int64[m, 16]: log(teacher / student) there, and the deviation that a process expects there."""

    layers: I64
    gaps: F64
    deviations: F64


def intervals(
    model: Model, layers: I64, residuals: F64, doubt: Doubt, levels: Sequence[float], *, seed: int
) -> tuple[tuple[Level, ...], Spread]:
    """Levels and the spread for the model. residuals: float64[n], log(truth / out-of-fold teacher) of the n layers.

    What the student misses of its teacher is added to the residuals, drawn from unmeasured layers of the same place of
    the spread.
    """
    measured, others = (_features(model, rows) for rows in (layers, doubt.layers))
    spread = fit_spread(others, 0.5 * np.log(doubt.deviations**2 + doubt.gaps**2 + 1e-12))
    here, there = spread.of(measured), spread.of(others)
    rng = np.random.default_rng(seed)
    drawn = np.empty((_DRAWS, len(residuals)))
    for value in np.unique(here):
        rows, same = here == value, doubt.gaps[there == value]
        pool = same if len(same) >= _LEAST_IN_PLACE else doubt.gaps
        drawn[:, rows] = rng.choice(pool, (_DRAWS, int(rows.sum())))
    return conformal((residuals[None, :] + drawn) / here, levels), spread


def conformal(scores: F64, levels: Sequence[float]) -> tuple[Level, ...]:
    """Levels from quantiles with the usual (n + 1) correction. scores: float64[draws, n]."""
    n = scores.shape[1]
    found = []
    for level in sorted(set(levels)):
        tail = max((1 - level) / 2 * (n + 1) / n - 1 / n, 0.0)
        low, high = np.quantile(scores, [tail, 1 - tail])
        found.append(Level(level, min(float(low), 0.0), max(float(high), 0.0)))
    return tuple(found)


def fit_spread(x: npt.NDArray[np.float32], logs: F64) -> Spread:
    """An oblivious tree of `logs`, float64[m], over float32[m, features], as shares of its largest value.

    Grown greedily by squared error. The ends are cut at the logs' 1st and 99th percentiles.
    """
    logs = np.clip(logs, *np.quantile(logs, [0.01, 0.99]))
    place, chosen = np.zeros(len(x), np.int64), []
    for depth in range(_DEPTH):
        best = min(_candidates(x), key=lambda c: _error(place + ((x[:, c[0]] > c[1]) << depth), logs))
        chosen.append(best)
        place = place + ((x[:, best[0]] > best[1]) << depth)
    counts = np.bincount(place, minlength=1 << _DEPTH)
    values = np.bincount(place, logs, 1 << _DEPTH) / np.maximum(counts, 1)
    values = np.where(counts > 0, values, values[counts > 0].max())  # nothing is known there: as unsure as anywhere
    features, thresholds = np.array([f for f, _ in chosen], np.int64), np.array([t for _, t in chosen], np.float32)
    shares = np.exp(values - values.max()).astype(np.float32)
    return Spread(features, thresholds, shares)


def _candidates(x: npt.NDArray[np.float32]) -> list[tuple[int, float]]:
    found = [(0, float(x[:, 0].min()))]
    for i in range(x.shape[1]):
        values = np.unique(np.quantile(x[:, i], np.linspace(0, 1, _CUTS + 1)[:-1], method="lower"))
        found += [(i, float(v)) for v in values[:_CUTS] if v < x[:, i].max()]
    return found


def _error(place: npt.NDArray[np.int64], logs: F64) -> float:
    counts, totals = np.bincount(place), np.bincount(place, logs)
    return -float((totals**2 / np.maximum(counts, 1)).sum())


def _features(model: Model, layers: I64) -> npt.NDArray[np.float32]:
    return encode(layers)[:, [f.id for f in model.features]]
