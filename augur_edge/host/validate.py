"""Cross-validation inside the training layers: which teacher to keep, and how far its answers are off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np

from augur_edge.dataset.rows import Dataset, folds
from augur_edge.errors import UsageError
from augur_edge.host.features import F64, Tiles, infer_tiles
from augur_edge.host.teachers import TEACHERS, Teacher
from augur_edge.metrics import mape

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
    return infer_tiles(data.layers, list(data.targets.values()), seed)


def cross_validate(data: Dataset, target: str, choice: str, seed: int, talk: Talk) -> Validated:
    """choice: a teacher, or `auto`: trees, the process, or the stack of both, whichever errs least.

    Everything is fitted inside each fold's training layers, the tiles too. The roofline comes along as the baseline.
    Raises UsageError for fewer than LEAST_LAYERS layers, an unknown teacher, and a target that is always the same.
    """
    y = data.targets[target]
    check(y, choice)
    names = list(dict.fromkeys(["roofline", *(MEMBERS if choice in {"auto", "stack"} else [choice])]))
    found = {name: np.empty(len(y)) for name in names}
    for k, (train, test) in enumerate(folds(len(y), _FOLDS, seed), 1):
        part = data.take(train)
        tiles = tiles_of(part, seed)
        for name in names:
            teacher = TEACHERS[name](seed, tiles).fit(part.layers, part.targets[target])
            found[name][test] = teacher.predict(data.layers[test])
        errors = ", ".join(f"{n} {mape(y[test], found[n][test]):.1f} %" for n in names)
        talk(f"fold {k} of {_FOLDS}: mean error {errors}")
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
