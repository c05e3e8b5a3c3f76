"""Cells with made-up latencies that a device could have: ops in turn, additions, and what a chain saves."""

from __future__ import annotations

import numpy as np

from augur_edge.host.arch.graph import cell_features, inputs_of
from augur_edge.predict.designs import F64, I64


def cells(count: int, seed: int = 0) -> I64:
    """Different connected cells."""
    places = np.random.default_rng(seed).permutation(15625)
    found = np.stack(np.unravel_index(places, [5] * 6, order="F"), axis=1).astype(np.int64)
    return found[inputs_of(found)[:, 6] > 0][:count]


def latency_ns(vectors: I64, weights: tuple[float, ...] = (1.0, 6.0, 0.7), noise: float = 0.0, seed: int = 0) -> F64:
    """float64[n]: a skeleton, the ops' own cost, the additions'."""
    counts = cell_features(vectors)["counts"]
    exact = 2e6 + 5e5 * (counts[:, :3] @ np.array(weights)) + 2e5 * counts[:, 3]
    return exact * np.exp(noise * np.random.default_rng(seed).normal(size=len(exact)))
