"""What evolution guesses of a child before it is evaluated: each answer's own share in the cost, learnt as it goes."""

from __future__ import annotations

from typing import Any

import numpy as np

from augur_edge.search.goals import F64, U8

REFIT = 10  # evaluations
SHARE = 0.8  # of the children are chosen by the guess, the others as they come
POOL = 200  # children to choose from
_KEPT = 2048  # evaluations that are learnt from, the last
_WORST = 0.2  # of them count as the best of these, so that what is hopeless does not bend the line
_RIDGE = 1.0
_DIGITS = 6  # of the weights, so that machines whose linear algebra rounds differently guess the same


class Guide:
    """Ridge regression of costs on one-hot answers; nothing is guessed before the first `REFIT` evaluations.

    A linear stand-in for the objective in the manner of Jin, Surrogate-assisted evolutionary computation (Swarm and
    Evolutionary Computation 1, 2011). sizes: number of answers at each position.
    """

    def __init__(self, sizes: Any) -> None:
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.vectors: U8 = np.empty((0, len(self._starts) - 1), np.uint8)
        self.costs: F64 = np.empty(0)
        self.weights: F64 = np.zeros(int(self._starts[-1]))
        self.fresh = 0

    def learn(self, vectors: U8, costs: F64) -> None:
        """What was evaluated."""
        self.vectors = np.concatenate([self.vectors, vectors])[-_KEPT:]
        self.costs = np.concatenate([self.costs, costs])[-_KEPT:]
        self.fresh += len(costs)
        if self.fresh >= REFIT:
            self.fresh = 0
            self._fit()

    def _fit(self) -> None:
        y: F64 = np.minimum(self.costs, np.quantile(self.costs, 1 - _WORST))
        y = np.asarray((y - y.mean()) / max(float(y.std()), 1e-300), np.float64)
        x = np.zeros((len(y), len(self.weights)))
        x[np.arange(len(y))[:, None], self.vectors + self._starts[:-1]] = 1.0
        x = np.concatenate([x, np.ones((len(y), 1))], axis=1)
        ridge = _RIDGE * np.eye(x.shape[1])
        self.weights = np.round(np.linalg.solve(x.T @ x + ridge, x.T @ y)[:-1], _DIGITS)

    def best_first(self, vectors: U8) -> U8:
        """The vectors, those first that are guessed to cost least."""
        guessed = self.weights[vectors + self._starts[:-1]].sum(axis=1)
        return vectors[np.argsort(guessed, kind="stable")]
