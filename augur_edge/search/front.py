"""Fronts: what nothing beats in all respects, and the volume that it covers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def front_of(costs: F64) -> I64:
    """Places of the rows of float64[n, k] that no other row beats: is as good in all columns and better in one.

    Less is better. Of equal rows the first; sorted by the first column.
    """
    order = np.lexsort(costs.T[::-1])
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
