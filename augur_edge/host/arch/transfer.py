"""The teacher that knows other devices: their linear models as the prior, and what these miss as further features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from augur_edge import spaces
from augur_edge.host.arch.samples import Samples
from augur_edge.host.arch.teachers import Boosted
from augur_edge.predict.designs import F64, I64, design
from augur_edge.predict.transfer import LEAST, Posterior, Prior, fit, learn_prior
from augur_edge.predict.widths import stretches


class Transfer:
    """Bayesian linear regression under the sources' prior. predict: float64[m]; deviations: relative, float64[m].

    With fewer than three sources their spread says little, so what a linear model misses of each is learnt by trees
    from all of its own measurements, and joins the design with the source's own weight as its prior mean.
    """

    name = "transfer"
    refits = False

    def __init__(self, sources: Sequence[Samples], step: float = 0.0, seed: int = 0) -> None:
        self.sources, self.step = list(sources), step
        self.answers = spaces.get(sources[0].space).sizes
        self.rests: list[tuple[Boosted, Prior]] = []
        self.left_out = np.zeros(0)
        if len(sources) < LEAST:
            self.rests = [self._rest(s, seed) for s in sources]
        prior = learn_prior([(self._linear(s.vectors), s.y) for s in sources])
        own = np.eye(len(self.rests)) if self.rests else np.zeros((len(sources), 0))
        self.prior = Prior(np.hstack([prior.coefficients, own]))
        self.stretch = stretches(prior, [(self._linear(s.vectors), s.y, s.step) for s in sources], seed)

    def fit(self, vectors: I64, y: F64) -> Transfer:
        """Raises UsageError for fewer than 3 samples."""
        rows = self.design(vectors)
        self.posterior: Posterior = fit(self.prior, rows, y, self.step)
        if len(y) > LEAST:
            self.left_out = np.array([self._without(rows, y, i) for i in range(len(y))])
        return self

    def predict(self, vectors: I64) -> F64:
        value = self.posterior.predict(self.design(vectors))[0]
        return np.asarray(np.maximum(value, self._least(value)))

    def deviations(self, vectors: I64) -> F64:
        """float64[m]: standard deviation of a new measurement, relative to the prediction."""
        value, deviation = self.posterior.predict(self.design(vectors))
        return np.asarray(deviation / np.maximum(value, self._least(value)))

    def design(self, vectors: I64) -> F64:
        """float64[n, d]."""
        more = [self._missed(trees, p, vectors) for trees, p in self.rests]
        return np.hstack([self._linear(vectors), *more])

    def _linear(self, vectors: I64) -> F64:
        return design(self.sources[0].space, vectors, self.answers)

    def _rest(self, source: Samples, seed: int) -> tuple[Boosted, Prior]:
        trees = Boosted(source.space, self.answers, seed, folds=0)
        trees.fit(source.vectors, source.y / np.median(source.y))
        return trees, learn_prior([(self._linear(source.vectors), source.y)])

    def _missed(self, trees: Boosted, prior: Prior, vectors: I64) -> F64:
        """float64[n, 1]: trees less the linear model, of the source's median."""
        return np.asarray(trees.predict(vectors) - self._linear(vectors) @ prior.mean)[:, None]

    def _without(self, rows: F64, y: F64, i: int) -> float:
        keep = np.arange(len(y)) != i
        value = float(fit(self.prior, rows[keep], y[keep], self.step).predict(rows[[i]])[0][0])
        return max(value, 0.1 * float(y.min()))

    @staticmethod
    def _least(value: F64) -> float:
        return max(0.01 * float(np.median(value)), 1e-9)
