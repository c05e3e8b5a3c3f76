"""Teachers: what predicts layers best, whatever it costs to ask. All learn ln(y / roofline)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from augur_edge.host.extra import missing, subsampled
from augur_edge.host.features import F64, I64, Tiles, physics
from augur_edge.host.roofline import Roofline


class Teacher(Protocol):
    """layers: int64[n, 16] as augur_edge.predict.encode; y and predictions: float64[n], positive, of one unit."""

    name: str

    def fit(self, layers: I64, y: F64) -> Teacher:
        """Learn from these layers; returns itself."""

    def predict(self, layers: I64) -> F64:
        """What they cost."""


class Residual:
    """A teacher of the log residual over a roofline of its own. seed: of all that is random."""

    name = ""

    def __init__(self, seed: int = 0, tiles: Tiles | None = None) -> None:
        self.seed = seed
        self.roofline = Roofline(tiles)

    def fit(self, layers: I64, y: F64) -> Any:
        self.roofline.fit(layers, y)
        cost, shares = self.roofline.predict_with_shares(layers)
        self._learn(self._features(layers, shares), np.log(y / cost))
        return self

    def predict(self, layers: I64) -> F64:
        cost, shares = self.roofline.predict_with_shares(layers)
        return np.asarray(cost * np.exp(np.clip(self._residual(self._features(layers, shares)), -5, 5)))

    def _features(self, layers: I64, shares: F64) -> F64:
        assert self.roofline.tiles is not None
        return physics(layers, self.roofline.tiles, shares)

    def _learn(self, x: F64, z: F64) -> None:
        raise NotImplementedError

    def _residual(self, x: F64) -> F64:
        raise NotImplementedError


class Trees(Residual):
    """Oblivious boosted trees (CatBoost), the mean of two seeds."""

    name = "trees"

    def _learn(self, x: F64, z: F64) -> None:
        self._models = [subsampled(self.seed + i, 400, 4, 0.06).fit(x, z) for i in range(2)]

    def _residual(self, x: F64) -> F64:
        return np.asarray(np.mean([m.predict(x) for m in self._models], axis=0))


class Process(Residual):
    """A Gaussian process: a wide and a narrow kernel, plus noise, fitted by marginal likelihood."""

    name = "process"
    most_rows = 1500

    def _learn(self, x: F64, z: F64) -> None:
        if len(z) > self.most_rows:  # the cube of the rows is what it costs
            kept = np.random.default_rng(self.seed).permutation(len(z))[: self.most_rows]
            x, z = x[kept], z[kept]
        self._mean, spread = x.mean(axis=0), x.std(axis=0)
        self._spread = np.where(spread > 1e-9, spread, 1.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says so where a bound of the kernel is reached, which is no harm
            self._model = _process().fit((x - self._mean) / self._spread, z)

    def _residual(self, x: F64) -> F64:
        blocks = np.array_split((x - self._mean) / self._spread, len(x) // 4096 + 1)
        return np.concatenate([np.asarray(self._model.predict(b)) for b in blocks])

    def deviation(self, layers: I64) -> F64:
        """float64[n]: the posterior's standard deviation of the log cost."""
        x = self._features(layers, self.roofline.predict_with_shares(layers)[1])
        blocks = np.array_split((x - self._mean) / self._spread, len(x) // 1024 + 1)
        return np.concatenate([np.asarray(self._model.predict(b, return_std=True)[1]) for b in blocks])


class Stack:
    """The geometric mean of teachers."""

    def __init__(self, teachers: Sequence[Teacher]) -> None:
        self.teachers = list(teachers)
        self.name = "+".join(t.name for t in self.teachers)

    def fit(self, layers: I64, y: F64) -> Stack:
        for teacher in self.teachers:
            teacher.fit(layers, y)
        return self

    def predict(self, layers: I64) -> F64:
        return np.asarray(np.exp(np.mean([np.log(t.predict(layers)) for t in self.teachers], axis=0)))


def deviation_of(teacher: Teacher, layers: I64, y: F64, seed: int) -> Process:
    """A process fitted to these layers: the teacher itself or one of its stack, where it is one."""
    members = teacher.teachers if isinstance(teacher, Stack) else [teacher]
    found = next((t for t in members if isinstance(t, Process)), None)
    if found is not None:
        return found
    first = members[0]
    process: Process = Process(seed, first.roofline.tiles if isinstance(first, Residual) else None).fit(layers, y)
    return process


def _node(seed: int, tiles: Tiles) -> Teacher:
    from augur_edge.host.node import Node

    return Node(seed, tiles)


def _node_augur(seed: int, tiles: Tiles) -> Teacher:
    """Of the shape that Augur published, far slower to train than the small one."""
    from augur_edge.host.node import AUGUR, Node

    return Node(seed, tiles, AUGUR)


Factory = Callable[[int, Tiles], Teacher]
TEACHERS: dict[str, Factory] = {
    "roofline": lambda seed, tiles: Roofline(tiles),
    "trees": Trees,
    "process": Process,
    "node": _node,
    "node-augur": _node_augur,
    "stack": lambda seed, tiles: Stack([Trees(seed, tiles), Process(seed, tiles)]),
}


def _process() -> Any:
    try:
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, RationalQuadratic, WhiteKernel
    except ImportError:
        raise missing("scikit-learn") from None
    wide = ConstantKernel(0.05, (1e-3, 10)) * RBF(4.0, (0.3, 100))
    narrow = ConstantKernel(0.02, (1e-4, 1)) * RationalQuadratic(1.0, 1.0, (0.1, 100), (0.1, 100))
    return GaussianProcessRegressor(wide + narrow + WhiteKernel(1e-3, (1e-5, 0.1)))
