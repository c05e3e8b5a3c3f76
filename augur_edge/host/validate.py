"""Cross-validation inside the training layers: which teacher to keep, and how far its answers are off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Callable

import numpy as np

from augur_edge.dataset.rows import Dataset, folds
from augur_edge.errors import UsageError
from augur_edge.host.checkpoint import Checkpoint
from augur_edge.host.features import F64, Tiles, infer_tiles
from augur_edge.host.teachers import TEACHERS, Teacher
from augur_edge.metrics import mape
from augur_edge.predict.encode import FIELDS

LEAST_LAYERS = 20
_FOLDS = 5
MEMBERS = ("trees", "process")
Talk = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Validated:
    """Out-of-fold predictions of each teacher, float64[n], and their mean errors in percent; `best` is the least."""

    predictions: dict[str, F64]
    mape: dict[str, float]
    best: str


def tiles_of(data: Dataset, seed: int) -> Tiles:
    """The device's tiles, from all targets of these layers."""
    return _tiles(data.layers.tobytes(), tuple(y.tobytes() for y in data.targets.values()), seed)


@lru_cache(maxsize=128)
def _tiles(layers: bytes, targets: tuple[bytes, ...], seed: int) -> Tiles:
    """Kept: teachers of one fold share them, and so do the folds of both targets."""
    rows = np.frombuffer(layers, np.int64).reshape(-1, len(FIELDS))
    return infer_tiles(rows, [np.frombuffer(y) for y in targets], seed)


def cross_validate(
    data: Dataset, target: str, choice: str, seed: int, *, talk: Talk, done: Checkpoint | None = None
) -> Validated:
    """choice: a teacher, or `auto`: trees, the process, or the stack of both, whichever errs least.

    Everything is fitted inside each fold's training layers, the tiles too. The roofline comes along as the baseline.
    done: folds that need not be computed again; each new one is put there.
    Raises UsageError for fewer than LEAST_LAYERS layers, an unknown teacher, and a target that is always the same.
    """
    y = data.targets[target]
    check(y, choice)
    names = list(dict.fromkeys(["roofline", *(MEMBERS if choice in {"auto", "stack"} else [choice])]))
    found = {name: np.empty(len(y)) for name in names}
    done = Checkpoint() if done is None else done
    for k, (train, test) in enumerate(folds(len(y), _FOLDS, seed), 1):
        answers, kept = done.get(f"fold{k}"), ", kept from before"
        if answers is None:
            part, kept = data.take(train), ""
            tiles = tiles_of(part, seed)
            fits = [TEACHERS[name](seed, tiles).fit(part.layers, part.targets[target]) for name in names]
            answers = np.stack([teacher.predict(data.layers[test]) for teacher in fits])
            done.put(f"fold{k}", answers)
        for name, values in zip(names, answers):
            found[name][test] = values
        errors = ", ".join(f"{n} {mape(y[test], found[n][test]):.1f} %" for n in names)
        talk(f"fold {k} of {_FOLDS}: mean error {errors}{kept}")
    if choice in {"auto", "stack"}:
        found["stack"] = np.exp(np.mean([np.log(found[name]) for name in MEMBERS], axis=0))
    errors_of = {name: mape(y, p) for name, p in found.items()}
    best = min(errors_of, key=lambda name: errors_of[name]) if choice == "auto" else choice
    return Validated(found, errors_of, best)


def check(y: F64, choice: str) -> None:
    """Raises UsageError where nothing can be learnt."""
    if choice not in {"auto", *TEACHERS}:
        raise UsageError(f"no teacher {choice!r}; one of auto, {', '.join(TEACHERS)}")
    if len(y) < LEAST_LAYERS:
        raise UsageError(f"{len(y)} distinct layers are too few to train on; measure at least {LEAST_LAYERS}")
    if np.ptp(y) == 0:
        raise UsageError(f"all {len(y)} layers cost {y[0]:g}: there is nothing to learn")


def fitted(data: Dataset, target: str, name: str, seed: int) -> Teacher:
    """The teacher `name`, fitted to all of the data."""
    return TEACHERS[name](seed, tiles_of(data, seed)).fit(data.layers, data.targets[target])
