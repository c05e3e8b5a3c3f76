"""From devices already measured to a new one by a handful of architectures; numpy alone, so it runs on the device.

A device is a linear model over the space's one-hots. What the models of the source devices, each divided by its
median, have in common is the prior of the new device's: a Gaussian with their mean and covariance, along whose mean
the scale is free. Posterior, uncertainty and the choice of what to measure are then closed forms: Bayesian linear
regression and greedy design (Chaloner and Verdinelli, Statistical Science 10, 1995).

How noisy the new device is, and how far it leaves what the sources span, nobody knows beforehand: all SETTINGS are
carried along, averaged by what the samples say of them (and evenly while there is none), so nothing is to be tuned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge.errors import DataError, UsageError

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

LEAST = 3
# standard deviation of a measurement's noise, of the median; variance of what no source varies
SETTINGS = tuple((noise, spread) for noise in (0.01, 0.03, 0.1) for spread in (1e-6, 1e-5, 1e-4, 1e-3))
_RIDGE = 1e-4
_NEGLIGIBLE = 1e-3  # share of the evidence below which a setting is dropped


@dataclass(frozen=True, eq=False)
class Prior:
    """What the sources have in common. coefficients: float64[sources, d], of each device divided by its median."""

    coefficients: F64

    @property
    def mean(self) -> F64:
        """float64[d]."""
        return np.asarray(self.coefficients.mean(axis=0))

    def covariance(self, spread: float) -> F64:
        """float64[d, d], with the free scale along the mean."""
        apart = self.coefficients - self.mean
        found = apart.T @ apart / max(len(apart) - 1, 1) + np.outer(self.mean, self.mean)
        return np.asarray(found + spread * np.eye(len(self.mean)))


@dataclass(frozen=True, eq=False)
class Posterior:
    """The new device: coefficients float64[d] with covariance float64[d, d], and a measurement's noise; in y's unit."""

    mean: F64
    covariance: F64
    noise: float

    def predict(self, rows: F64) -> tuple[F64, F64]:
        """Values and their standard deviations, float64[n] each. rows: float64[n, d] of the design."""
        variance = np.maximum(((rows @ self.covariance) * rows).sum(axis=1), 0) + self.noise**2
        return rows @ self.mean, np.sqrt(variance)


def learn_prior(devices: Sequence[tuple[F64, F64]]) -> Prior:
    """From devices, each the design float64[n, d] of what was measured there and its values float64[n], positive."""
    if not devices:
        raise UsageError("no source device to transfer from")
    return Prior(np.stack([_ridge(rows, y) for rows, y in devices]))


def _ridge(rows: F64, y: F64) -> F64:
    """float64[d]: the coefficients of one device over its median."""
    gram = rows.T @ rows / len(rows) + _RIDGE * np.eye(rows.shape[1])
    return np.asarray(np.linalg.solve(gram, rows.T @ y / len(y) / np.median(y)))


def suggest(prior: Prior, rows: F64, count: int, measured: Sequence[int] = ()) -> list[int]:
    """Places of the `count` of `rows` most worth measuring after those `measured`, in the order to measure them.

    Each takes the largest share from the posterior variance, summed over all rows; shares of all settings are
    multiplied. rows: float64[n, d]; O(n d) memory and O(n d) time a step, once O(n d^2).
    """
    states = [_State(prior, rows, noise, spread) for noise, spread in SETTINGS]
    taken: list[int] = list(measured)
    for place in measured:
        for state in states:
            state.measure(place)
    for _ in range(min(count, len(rows) - len(taken))):
        gain = -np.asarray(sum(s.left() for s in states))
        gain[taken] = -1.0
        taken.append(int(gain.argmax()))
        for state in states:
            state.measure(taken[-1])
    return taken[len(measured) :]


class _State:
    """The posterior under one setting: spread is rows @ covariance, seen that times the rows' second moments."""

    def __init__(self, prior: Prior, rows: F64, noise: float, spread: float) -> None:
        self.rows, self.noise = rows, noise
        self.moments = rows.T @ rows / len(rows)
        self.spread = rows @ prior.covariance(spread)
        self.seen = self.spread @ self.moments

    def left(self) -> F64:
        """float64[n]: log share of the mean variance that is left when a row is measured."""
        own = (self.spread * self.rows).sum(axis=1)
        gain = (self.seen * self.spread).sum(axis=1) / (np.maximum(own, 0) + self.noise**2)
        return np.asarray(np.log(np.maximum(1 - gain / own.mean(), 1e-9)))

    def measure(self, place: int) -> None:
        """By rank one."""
        step = self.spread[place].copy()
        along = (self.rows @ step) / (max(float(step @ self.rows[place]), 0.0) + self.noise**2)
        self.spread -= np.outer(along, step)
        self.seen -= np.outer(along, step @ self.moments)


def grain_of(y: F64) -> float:
    """The largest power of ten that divides all of y, rounded to whole numbers; at least 1.

    Of latencies in ns kept as whole milliseconds that is 1e6.
    """
    whole, step = np.rint(y), 1.0
    while whole.any() and not (whole % (10 * step)).any():
        step *= 10
    return step


def fit(prior: Prior, rows: F64, y: F64, grain: float = 0.0) -> Posterior:
    """The device of which y float64[n], positive, was measured at rows float64[n, d].

    grain: the step that y was rounded to, whose error adds to the noise. The posteriors of all settings are averaged
    by their marginal likelihood. Raises UsageError for fewer than 3 samples, DataError for values not positive.
    """
    if len(y) < LEAST:
        raise UsageError(f"{len(y)} measured architectures: at least {LEAST} are needed")
    guess = rows @ prior.mean
    if not (y > 0).all() or not (guess > 0).all():
        raise DataError("a sample, or what the sources say of it, is not positive: measure other architectures")
    scale = float(np.median(y / guess))
    found = [_posterior(prior, rows, y / scale, grain / scale, setting) for setting in SETTINGS]
    logs = np.array([evidence for evidence, _ in found])
    shares = np.exp(logs - logs.max())
    kept = [(share, part) for share, (_, part) in zip(shares / shares.sum(), found) if share > _NEGLIGIBLE]
    total = sum(share for share, _ in kept)
    mean = sum(share * part.mean for share, part in kept) / total
    covariance: Any = 0.0
    for share, part in kept:
        covariance = covariance + share / total * (part.covariance + np.outer(part.mean - mean, part.mean - mean))
    noise = float(np.sqrt(sum(share * part.noise**2 for share, part in kept) / total))
    return Posterior(mean * scale, covariance * scale**2, noise * scale)


def _posterior(prior: Prior, rows: F64, z: F64, grain: float, setting: tuple[float, float]) -> tuple[float, Posterior]:
    """Log marginal likelihood and posterior under one setting; wider where the samples stray further than it thinks."""
    covariance = prior.covariance(setting[1])
    noise = float(np.hypot(setting[0], grain / np.sqrt(12)))
    gain = covariance @ rows.T
    inner = rows @ gain + noise**2 * np.eye(len(z))
    miss = z - rows @ prior.mean
    weights = np.linalg.solve(inner, np.column_stack([miss, gain.T]))
    distance = float(miss @ weights[:, 0])
    evidence = -(float(np.linalg.slogdet(inner)[1]) + distance) / 2
    wrong = max(1.0, distance / len(z))
    left = (covariance - gain @ weights[:, 1:]) * wrong
    return evidence, Posterior(prior.mean + gain @ weights[:, 0], left, noise * float(np.sqrt(wrong)))
