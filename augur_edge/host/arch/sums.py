"""What a predictor of layers makes of whole architectures: the sum over each one's Network, as teachers' feature."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable

import numpy as np

from augur_edge.errors import DataError, UsageError
from augur_edge.predict import Predictor
from augur_edge.predict.designs import F64, I64
from augur_edge.predict.encode_spaces import prune
from augur_edge.spaces import Space, Vector
from augur_edge.spaces.nasbench201 import NasBench201

Talk = Callable[[str], None]
_MANY = 1000  # networks to build, of which it is said: a thousand takes four seconds


class LayerSums:
    """sums(vectors int64[n, length]): float64[n, 1], positive, in the predictor's unit. What was asked is remembered.

    Cells of NAS-Bench-201 that execute the same are one network; those that execute nothing are taken in the raw view.
    """

    def __init__(self, path: Path, space: Space, talk: Talk = lambda line: None) -> None:
        """Raises UsageError for a predictor of architectures, DataError for a damaged file."""
        self.predictor, self.path, self.space, self.talk = Predictor.load(path), path, space, talk
        self._known: dict[Vector, float] = {}
        if not self.predictor.takes_layers:
            raise UsageError(f"{path}: a predictor for {self.predictor.encoder}, not for layers")

    def __call__(self, vectors: I64) -> F64:
        keys = [tuple(v) for v in self._executed(np.asarray(vectors, np.int64)).tolist()]
        missing = [key for key in dict.fromkeys(keys) if key not in self._known]
        if len(missing) > _MANY:
            self.talk(f"{self.path.name}: adds up the layers of {len(missing)} networks")
        self._known.update((key, self._sum(key)) for key in missing)
        return np.array([[self._known[key]] for key in keys])

    def _executed(self, vectors: I64) -> I64:
        if not isinstance(self.space, NasBench201) or self.space.view != "pruned":
            return vectors
        found = prune(vectors)
        return np.where(found.any(axis=1, keepdims=True), found, vectors)

    def _sum(self, vector: Vector) -> float:
        space = self.space
        if not space.runs(vector) and isinstance(space, NasBench201):
            space = replace(space, view="raw")
        total = self.predictor.predict_network(space.network(vector))
        if not 0 < total < float("inf"):
            raise DataError(f"{self.path}: makes {total:g} {self.predictor.unit} of {space.title(vector)}")
        return total
