"""Teachers of whole architectures: Gaussian process, boosted trees, the stack of both, and Eagle's baselines.

All take vectors int64[n, length] and positive targets float64[n]; relative errors are what counts, so they learn logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable, Protocol

import numpy as np

from augur_edge.errors import UsageError
from augur_edge.host.arch.graph import cell_features
from augur_edge.host.arch.process import LINEAR, MATERN, Part, Process
from augur_edge.host.extra import subsampled
from augur_edge.predict.designs import CELL, F64, I64, one_hot
from augur_edge.predict.encode_spaces import encoder_of, feature_names, features, prune

LEAST = 20
_FOLDS = 5
_WORK = ("macs", "raw macs", "bytes", "raw bytes", "params")
_MOST = 1500  # samples of a Gaussian process: time goes with the cube


More = Callable[[I64], F64]
"""Further features of vectors, float64[n, k], positive: costs that somebody else foretells."""


class ArchTeacher(Protocol):
    """fit, then predict; `left_out`: of each sample, a prediction that did not see it, NaN or of length 0 for none.

    refits: whether only a fit without the sample, settings and all, is honest where samples are few.
    """

    name: str
    refits: bool
    left_out: F64

    def fit(self, vectors: I64, y: F64) -> ArchTeacher:
        """y: float64[n], positive, in any unit."""

    def predict(self, vectors: I64) -> F64:
        """float64[m], in the unit of y."""


def blocks_of(space: str, vectors: I64, answers: Sequence[int]) -> dict[str, F64]:
    """Features by block, float64[n, ...]: of any space its one-hots and counts; of a cell its graph too."""
    vectors = np.asarray(vectors, np.int64)
    choices = one_hot(vectors, answers)
    if space != CELL:
        most = max(answers)
        counts = np.stack([(vectors == k).sum(axis=1) for k in range(most)], axis=1).astype(np.float64)
        return {"all": np.hstack([counts, choices]), "choices": choices, "counts": counts}
    cell = cell_features(vectors)
    totals = np.hstack([cell["counts"], cell["steps"][:, :16]])
    return {
        "all": np.hstack([cell["counts"], cell["steps"]]),
        "counts": totals,
        "places": cell["places"],
        "choices": choices,
        "executed": one_hot(prune(vectors), answers),
    }


def work_of(space: str, vectors: I64) -> F64:
    """MACs, bytes and parameters where the space's encoder knows them: float64[n, 0 or more]."""
    encoder = encoder_of(space)
    kept = [i for i, name in enumerate(feature_names(encoder)) if name in _WORK]
    return np.asarray(features(encoder, vectors)[:, kept], np.float64)


def _parts(space: str, more: More | None) -> list[Part]:
    told = [Part(LINEAR, "told"), Part(MATERN, "told")] if more else []
    if space == CELL:
        return [Part(LINEAR, "all"), Part(MATERN, "counts"), Part(MATERN, "places"), Part(MATERN, "choices"), *told]
    return [Part(LINEAR, "all"), Part(MATERN, "choices"), *told]


class Gaussian:
    """A Gaussian process on logs, or on the figures themselves (log=False)."""

    refits = True

    def __init__(
        self, space: str, answers: Sequence[int], seed: int = 0, more: More | None = None, *, log: bool = True
    ) -> None:
        self.space, self.answers, self.seed, self.more, self.log = space, tuple(answers), seed, more, log
        self.name = "process" if log else "plain-process"
        self.left_out = np.zeros(0)

    def fit(self, vectors: I64, y: F64) -> Gaussian:
        rows = np.arange(len(y))
        if len(y) > _MOST:
            rows = np.random.default_rng(self.seed).permutation(len(y))[:_MOST]
        self._process = Process(_parts(self.space, self.more), self.seed)
        self._process.fit(self._blocks(vectors[rows]), self._in(y[rows]))
        if len(rows) == len(y):
            self.left_out = self._out(self._process.left_out)
        else:
            self.left_out = self.predict(vectors)
            self.left_out[rows] = self._out(self._process.left_out)
        return self

    def predict(self, vectors: I64) -> F64:
        return self._out(self._process.predict(self._blocks(vectors))[0])

    def deviations(self, vectors: I64) -> F64:
        """float64[m]: standard deviation of a new measurement, relative to the prediction."""
        mean, deviation = self._process.predict(self._blocks(vectors))
        return np.asarray(deviation if self.log else deviation / self._out(mean))

    def _blocks(self, vectors: I64) -> dict[str, F64]:
        found = blocks_of(self.space, vectors, self.answers)
        if self.more is not None:
            found["told"] = np.log(self.more(vectors)) if self.log else self.more(vectors)
        return found

    def _in(self, y: F64) -> F64:
        self._least = 0.3 * float(y.min())
        return np.log(y) if self.log else y

    def _out(self, value: F64) -> F64:
        return np.asarray(np.exp(value) if self.log else np.maximum(value, self._least))


class Boosted:
    """Oblivious boosted trees (CatBoost) on logs of all features; left_out by five folds, unless `folds` is 0."""

    name = "trees"
    refits = False

    def __init__(
        self, space: str, answers: Sequence[int], seed: int = 0, more: More | None = None, *, folds: int = _FOLDS
    ) -> None:
        self.space, self.answers, self.seed, self.more, self.folds = space, tuple(answers), seed, more, folds
        self.left_out = np.zeros(0)

    def fit(self, vectors: I64, y: F64) -> Boosted:
        x, z = self._features(vectors), np.log(y)
        part = np.random.default_rng(self.seed).permutation(len(y)) % max(min(self.folds, len(y)), 1)
        self.left_out = np.full(len(y), np.nan)
        for k in range(min(self.folds, len(y))):
            self.left_out[part == k] = np.exp(self._trees().fit(x[part != k], z[part != k]).predict(x[part == k]))
        self._model = self._trees().fit(x, z)
        return self

    def predict(self, vectors: I64) -> F64:
        return np.asarray(np.exp(self._model.predict(self._features(vectors))))

    def _trees(self) -> Any:
        return subsampled(self.seed, 300, 5, 0.1)

    def _features(self, vectors: I64) -> F64:
        """The linear terms of the other teachers span MACs and bytes; a tree needs them as columns."""
        found = blocks_of(self.space, vectors, self.answers)
        kept = [found[name] for name in found if name != "counts" or self.space != CELL]
        told = [self.more(vectors)] if self.more else []
        return np.hstack([np.asarray(vectors), *kept, work_of(self.space, vectors), *told])


class Stack:
    """A weighted geometric mean of teachers; weights from their left-out predictions, none negative, sum 1."""

    name = "stack"
    refits = True

    def __init__(self, members: Sequence[ArchTeacher]) -> None:
        self.members = list(members)
        self.left_out = np.zeros(0)
        self.weights = np.zeros(0)

    def fit(self, vectors: I64, y: F64) -> Stack:
        logs = np.stack([np.log(m.fit(vectors, y).left_out) for m in self.members], axis=1)
        self.weights = _weights(logs, np.log(y))
        self.left_out = np.exp(logs @ self.weights)
        return self

    def predict(self, vectors: I64) -> F64:
        return np.asarray(np.exp(np.stack([np.log(m.predict(vectors)) for m in self.members], axis=1) @ self.weights))


def _weights(logs: F64, truth: F64) -> F64:
    """float64[k] on the grid of tenths: those of the least mean absolute error of logs, which outliers do not rule."""
    k = logs.shape[1]
    grid = np.array(np.meshgrid(*[np.arange(11)] * k)).reshape(k, -1).T
    grid = grid[grid.sum(axis=1) == 10] / 10
    errors = np.abs(logs @ grid.T - truth[:, None]).mean(axis=0)
    return np.asarray(grid[int(errors.argmin())])


def _plain(space: str, answers: Sequence[int], seed: int, more: More | None = None) -> ArchTeacher:
    return Gaussian(space, answers, seed, more, log=False)


def _stack(space: str, answers: Sequence[int], seed: int, more: More | None = None) -> ArchTeacher:
    return Stack([make(space, answers, seed, more) for make in (Gaussian, _plain, Boosted)])


def _eagle(preset: str) -> Factory:
    def made(space: str, answers: Sequence[int], seed: int, more: More | None = None) -> ArchTeacher:
        from augur_edge.host.arch.gcn import PRESETS, Eagle

        _cells_alone("Eagle's networks", space, more)
        return Eagle(seed, PRESETS[preset])

    return made


def _relation(space: str, answers: Sequence[int], seed: int, more: More | None = None) -> ArchTeacher:
    from augur_edge.host.arch.gcn import PRESETS
    from augur_edge.host.arch.relation import Relation

    _cells_alone("the relation predictor", space, more)
    return Relation(seed, PRESETS["eagle-accuracy"])


def _cells_alone(who: str, space: str, more: More | None) -> None:
    """Raises UsageError for what a network of Eagle's cannot take."""
    if space != CELL:
        raise UsageError(f"{who}: drawn for {CELL}, not for {space}; use --teacher stack")
    if more is not None:
        raise UsageError(f"{who}: no features beside the graph; --layer-predictor is for --teacher {OF_FEATURES}")


Factory = Callable[..., ArchTeacher]
"""(space, answers, seed, more features or None) to a fresh teacher."""
OF_FEATURES = "stack, process, plain-process and trees"
TEACHERS: dict[str, Factory] = {
    "process": Gaussian,
    "plain-process": _plain,
    "trees": Boosted,
    "stack": _stack,
    "eagle-gcn": _eagle("eagle-gcn"),
    "eagle-mlp": _eagle("eagle-mlp"),
    "eagle-accuracy": _eagle("eagle-accuracy"),
    "relation": _relation,
}
