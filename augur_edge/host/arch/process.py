"""A Gaussian process over several blocks of features at once, with noise that forgives outliers.

The kernel is a sum: linear in some blocks, Matern-3/2 over others, every feature with a length scale of its own, found
by marginal likelihood with a weak prior (Rasmussen and Williams, 2006, ch. 5). Samples far off are then given more
noise, as under a Student likelihood, and the rest is fitted again. Samples' own leave-one-out predictions are free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from augur_edge.host.extra import missing
from augur_edge.predict.designs import F64

LINEAR, MATERN = "linear", "matern"
_JITTER = 1e-6
_FREEDOM = 4.0  # degrees of freedom of the noise
_FIRST = 400  # samples on which the search for length scales begins
_FIRST_STEPS, _STEPS, _MORE = 80, 40, 10


@dataclass(frozen=True)
class Part:
    """A term of the kernel over one block of features."""

    kind: str
    block: str


@dataclass(eq=False)
class Process:
    """fit(blocks, y) then predict(blocks): mean and standard deviation. blocks: float64[n, width] by name."""

    parts: Sequence[Part]
    seed: int = 0
    theta: F64 = field(default_factory=lambda: np.zeros(0))
    left_out: F64 = field(default_factory=lambda: np.zeros(0))  # leave-one-out predictions of the samples

    def fit(self, blocks: Mapping[str, F64], y: F64) -> Process:
        """y: float64[n], of any scale and sign."""
        self._centre, spread = float(y.mean()), float(y.std())
        self._spread = spread if spread > 0 else 1.0
        self._scales = {p.block: _scale(blocks[p.block]) for p in self.parts}
        x, z = self._inputs(blocks), (y - self._centre) / self._spread
        ease = np.ones(len(z))
        self.theta = self._start(x)
        self._prior = self.theta.copy()
        if len(z) > 1.5 * _FIRST:
            some = np.random.default_rng(self.seed).permutation(len(z))[:_FIRST]
            self._search([a[some] for a in x], z[some], ease[some], _FIRST_STEPS)
        self._search(x, z, ease, _STEPS)
        for _ in range(2):
            off = np.abs(self._solve(x, z, ease))
            middle = max(1.4826 * float(np.median(off)), 1e-9)
            ease = (_FREEDOM + (off / middle) ** 2) / (_FREEDOM + 1)
            self._search(x, z, ease, _MORE)
        self.left_out = (z - self._solve(x, z, ease)) * self._spread + self._centre
        self._x = x
        return self

    def predict(self, blocks: Mapping[str, F64]) -> tuple[F64, F64]:
        """Mean and standard deviation, float64[n] each, of a new measurement."""
        from scipy.linalg import cho_solve

        x = self._inputs(blocks)
        means, deviations = [], []
        for rows in np.array_split(np.arange(len(x[0])), len(x[0]) // 2048 + 1):
            part = [a[rows] for a in x]
            k = self._kernel(part, self._x)[0]
            means.append(k @ self._weights)
            known = (k * cho_solve(self._factor, k.T).T).sum(axis=1)
            deviations.append(self._own(part) - known)
        variance = np.maximum(np.concatenate(deviations), 0) + np.exp(self.theta[-1])
        return np.concatenate(means) * self._spread + self._centre, np.sqrt(variance) * self._spread

    def _inputs(self, blocks: Mapping[str, F64]) -> list[F64]:
        """The parts' features, each of mean 0 and deviation 1 in the samples; constant ones are left out."""
        found = []
        for part in self.parts:
            mean, deviation, kept = self._scales[part.block]
            found.append((blocks[part.block][:, kept] - mean) / deviation)
        return found

    def _start(self, x: Sequence[F64]) -> F64:
        logs: list[float] = []
        for part, a in zip(self.parts, x):
            logs += [-1.0 if part.kind == LINEAR else -0.5, *[-float(np.log(a.shape[1]))] * a.shape[1]]
        return np.array([*logs, np.log(0.01)])

    def _kernel(self, a: Sequence[F64], b: Sequence[F64]) -> tuple[F64, list[Any]]:
        """float64[n, m], and per part its own term, its slope by the squared distance, and its weights."""
        total, terms, at = np.zeros((len(a[0]), len(b[0]))), [], 0
        for part, p, q in zip(self.parts, a, b):
            width = p.shape[1]
            size, weights = np.exp(self.theta[at]), np.exp(self.theta[at + 1 : at + 1 + width])
            at += 1 + width
            if part.kind == LINEAR:
                term, slope = size * ((p * weights) @ q.T), None
            else:
                root = np.sqrt(weights)
                distance = (
                    ((p * root) ** 2).sum(axis=1)[:, None] + ((q * root) ** 2).sum(axis=1) - 2 * (p * weights) @ q.T
                )
                r = np.sqrt(3 * np.maximum(distance, 0))
                slope = -1.5 * size * np.exp(-r)
                term = (1 + r) * slope / -1.5
            total += term
            terms.append((term, slope, weights))
        return total, terms

    def _own(self, x: Sequence[F64]) -> F64:
        """float64[n]: the kernel of each row with itself."""
        total, at = np.zeros(len(x[0])), 0
        for part, a in zip(self.parts, x):
            size, weights = np.exp(self.theta[at]), np.exp(self.theta[at + 1 : at + 1 + a.shape[1]])
            total += size * ((a * a) @ weights) if part.kind == LINEAR else size
            at += 1 + a.shape[1]
        return total

    def _search(self, x: Sequence[F64], z: F64, ease: F64, steps: int) -> None:
        try:
            from scipy.optimize import minimize
        except ImportError:
            raise missing("scipy") from None
        found = minimize(
            self._loss, self.theta, args=(x, z, ease), jac=True, method="L-BFGS-B", options={"maxiter": steps}
        )
        self.theta = np.asarray(found.x)

    def _loss(self, theta: F64, x: Sequence[F64], z: F64, ease: F64) -> tuple[float, F64]:
        """Negative log marginal likelihood plus that of the prior over theta, and its gradient."""
        self.theta = theta
        covariance, terms = self._kernel(x, x)
        factor, inverse = _factored(covariance, np.exp(theta[-1]) * ease + _JITTER)
        weights = inverse @ z
        off = theta - self._prior
        loss = 0.5 * z @ weights + np.log(np.diag(factor)).sum() + 0.125 * off @ off
        outer = 0.5 * (inverse - np.outer(weights, weights))
        slope, at = off / 4, 0
        for a, (term, by_distance, scales) in zip(x, terms):
            width = a.shape[1]
            slope[at] += (outer * term).sum()
            if by_distance is None:
                slope[at + 1 : at + 1 + width] += np.exp(theta[at]) * scales * (a * (outer @ a)).sum(axis=0)
            else:
                pull = outer * by_distance
                both = (a * a * pull.sum(axis=1)[:, None]).sum(axis=0) - (a * (pull @ a)).sum(axis=0)
                slope[at + 1 : at + 1 + width] += 2 * scales * both
            at += 1 + width
        slope[-1] += np.exp(theta[-1]) * (np.diag(outer) * ease).sum()
        return float(loss), slope

    def _solve(self, x: Sequence[F64], z: F64, ease: F64) -> F64:
        """Keeps what predictions need; float64[n] of each sample less what the others say of it."""
        covariance = self._kernel(x, x)[0]
        factor, inverse = _factored(covariance, np.exp(self.theta[-1]) * ease + _JITTER)
        self._factor, self._weights = (factor, True), inverse @ z
        return np.asarray(self._weights / np.diag(inverse))


def _scale(block: F64) -> tuple[F64, F64, Any]:
    deviation = block.std(axis=0)
    kept = np.flatnonzero(deviation > 1e-9)
    return block[:, kept].mean(axis=0), deviation[kept], kept


def _factored(covariance: F64, noise: F64) -> tuple[F64, F64]:
    """Lower Cholesky factor and inverse; more noise is added where rounding asks for it."""
    from scipy.linalg import lapack

    for more in (0.0, 1e-5, 1e-3, 1e-1):
        full = covariance.copy()
        full[np.diag_indices(len(full))] += noise + more
        factor, failed = lapack.dpotrf(full, lower=1)
        if not failed:
            break
    inverse = np.tril(lapack.dpotri(factor, lower=1)[0])
    return factor, inverse + np.tril(inverse, -1).T
