"""How far a transferred predictor may be off; numpy alone, so it runs on the device.

The posterior's deviation comes from as many samples as there are, so its quantiles are Student's. How much wider the
truth lies is seen on the source devices: each in turn is taken for a new one that the others are to explain (Fisch et
al., Few-shot conformal prediction with auxiliary tasks, ICML 2021). Nothing of the new device enters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from augur_edge.errors import DataError
from augur_edge.predict.designs import F64
from augur_edge.predict.transfer import LEAST, Prior, fit

COUNTS = (3, 5, 10, 20, 50)  # of samples
LEVELS = (0.5, 0.8, 0.9, 0.95)
_DRAWS, _TESTED, _GRID = 2, 400, 200_001
_LEAST_VALUE = 1e-3  # of the median, in place of answers that are not positive


def student_t(level: float, freedom: int) -> float:
    """The bound that |t| stays below with probability `level`; freedom: degrees of it, at least 1."""
    angle = np.linspace(0, np.pi / 2, _GRID)  # t = sqrt(freedom) tan(angle) makes the density a power of the cosine
    density = np.cos(angle) ** (freedom - 1)
    share = np.cumsum((density[1:] + density[:-1]) / 2)
    return float(np.sqrt(freedom) * np.tan(np.interp(level, share / share[-1], angle[1:])))


def stretches(prior: Prior, devices: Sequence[tuple[F64, F64, float]], seed: int) -> F64:
    """float64[counts, levels]: of how much Student's bounds must be stretched to hold, sources left out in turn.

    prior: of all of them; devices: each its design float64[n, d], its values float64[n], and their step. Errors count
    by difference or by ratio, whichever is the larger of what is typical. All ones for fewer than 3 sources.
    """
    bounds = np.array([[student_t(level, count) for level in LEVELS] for count in COUNTS])
    if len(devices) < LEAST:
        return np.ones_like(bounds)
    rng = np.random.default_rng(seed)
    scores: list[list[F64]] = [[] for _ in COUNTS]
    for i, (rows, y, step) in enumerate(devices):
        others = Prior(np.delete(prior.coefficients, i, axis=0))
        for _ in range(_DRAWS):
            order = rng.permutation(len(y))
            order = order[rows[order] @ others.mean > 0]  # `fit` takes no others
            test = order[-min(_TESTED, len(order) // 2) :]
            for found, count in zip(scores, COUNTS):
                known = order[: min(count, len(order) // 2)]
                if len(known) >= LEAST:
                    found.append(_scores(others, (rows[known], y[known], step), rows[test], y[test]))
    held = [np.quantile(np.concatenate(found), LEVELS) if found else bound for found, bound in zip(scores, bounds)]
    return np.asarray(np.maximum(np.array(held) / bounds, 1.0))


def _scores(prior: Prior, known: tuple[F64, F64, float], rows: F64, y: F64) -> F64:
    """float64[n]: errors on rows, over what is typical of the posterior there."""
    value, deviation = fit(prior, *known).predict(rows)
    value = np.maximum(value, _LEAST_VALUE * max(float(np.median(value)), 1e-9))
    plain = np.abs(y - value) / np.median(deviation)
    return np.asarray(np.maximum(plain, np.abs(np.log(y / value)) / np.median(deviation / value)))


def factor(level: float, samples: int, stretch: F64) -> float:
    """How many typical deviations of a posterior of `samples` measurements hold `level` of the new ones."""
    column = min(range(len(LEVELS)), key=lambda i: abs(LEVELS[i] - level))
    return student_t(level, samples) * float(np.interp(np.log(samples), np.log(COUNTS), stretch[:, column]))


def stretch_in(transfer: dict[str, object]) -> F64:
    """What a predictor's provenance says of it; ones where it says nothing. Raises DataError where it is damaged."""
    if "stretch" not in transfer:
        return np.ones((len(COUNTS), len(LEVELS)))
    try:
        found = np.array(transfer["stretch"], np.float64)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.shape != (len(COUNTS), len(LEVELS)) or not (found >= 1).all() or not np.isfinite(found).all():
        raise DataError(f"the predictor's stretch has shape {found.shape}, not {(len(COUNTS), len(LEVELS))} from 1 on")
    return found
