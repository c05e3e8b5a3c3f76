"""Architecture vectors as the rows of a linear model: one-hots of every choice, as written and as it is executed.

Measurements differ in whether an op that leads nowhere costs time (HELP's) or not (LatBench's): a cell of NAS-Bench-201
shows both views side by side. Numpy alone, all vectors at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from augur_edge.predict.encode_spaces import prune

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

CELL = "nasbench201"


def one_hot(vectors: I64, answers: Sequence[int]) -> F64:
    """float64[n, sum(answers)]: position i's answer among its answers[i]. vectors: int64[n, len(answers)]."""
    return np.hstack([(vectors[:, i, None] == np.arange(k)) for i, k in enumerate(answers)]).astype(np.float64)


def views(space: str, vectors: I64) -> I64:
    """int64[n, positions or twice that]: the vector, and for NAS-Bench-201 its pruned view after it."""
    vectors = np.asarray(vectors, np.int64)
    return np.hstack([vectors, prune(vectors)]) if space == CELL else vectors


def design(space: str, vectors: I64, answers: Sequence[int]) -> F64:
    """float64[n, d]: a column of ones, then the one-hots of every view. answers: legal ones of each position."""
    seen = views(space, vectors)
    wide = [*answers] * (seen.shape[1] // len(answers))
    return np.hstack([np.ones((len(seen), 1)), one_hot(seen, wide)])
