"""How fast the kernel is here: ns a row by kernel and by rows at a time, and the memory that a row touches."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge import _kernel
from augur_edge.predict.model import Model

BLOCK_NS = 2_000_000
REPEATS = 9


def sample_rows(model: Model, n: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """float32[n, features] that reach the trees' leaves: thresholds of the forest itself, a little up or down."""
    rng = np.random.default_rng(seed)
    x = np.zeros((n, len(model.features)), np.float32)
    for i in range(len(model.features)):
        known = [t.thresholds[t.features == i] for t in model.trees]
        borders = np.unique(np.concatenate([*known, np.zeros(1, np.float32)]))
        x[:, i] = rng.choice(borders, n) * rng.choice(np.array([0.99, 1.01], np.float32), n)
    return x


def time_rows(predictor: _kernel.Predictor, x: npt.NDArray[np.float32], at_once: int) -> float:
    """ns a row when `at_once` rows are asked at a time, from C: the lower quartile of nine blocks of some ms."""
    calls = max(1, 20_000 // at_once)
    took = _kernel.time_calls(predictor, x, at_once, calls)
    calls = max(1, int(calls * BLOCK_NS / max(took, 1)))
    blocks = sorted(_kernel.time_calls(predictor, x, at_once, calls) for _ in range(REPEATS))
    return blocks[REPEATS // 4] / (calls * at_once)


def touched_bytes(model: Model, rows: int) -> int:
    """Bytes of the predictor that `rows` rows read: a line of 64 for each leaf, or all leaves; and all comparisons."""
    size = 4 if model.leaves == "float32" else 2
    leaves = sum(min(rows * 64, (1 << t.depth) * size) for t in model.trees)
    slots = sum(2 * t.depth for t in model.trees)
    borders = len({(int(f), float(b)) for t in model.trees for f, b in zip(t.features, t.thresholds)})
    return leaves + slots + 4 * borders


def bench(predictor: _kernel.Predictor, model: Model, rows: list[int], kernels: list[str]) -> list[dict[str, Any]]:
    """One entry a kernel: its name and ns a row by rows at a time. The kernel selected before is selected after."""
    before = _kernel.kernel()
    x = sample_rows(model, max(10_000, *rows))
    results = []
    try:
        for name in kernels:
            _kernel.select_kernel(name)
            results.append({"kernel": name, "ns_per_row": {n: time_rows(predictor, x, n) for n in rows}})
    finally:
        _kernel.select_kernel(before)
    return results
