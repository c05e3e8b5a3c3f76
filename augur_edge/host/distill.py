"""Distilling: a teacher's answers on many unmeasured layers into a student that the kernel runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from augur_edge.dataset.rows import UNITS, Dataset
from augur_edge.errors import UsageError
from augur_edge.host.features import I64
from augur_edge.host.intervals import Doubt
from augur_edge.host.student import Size, fit_student
from augur_edge.host.teachers import Teacher, deviation_of
from augur_edge.host.unlabelled import relatives, unlabelled
from augur_edge.metrics import mape
from augur_edge.predict import Predictor
from augur_edge.predict.bench import sample_rows, time_rows
from augur_edge.predict.encode import FIELDS, encode
from augur_edge.predict.format import dumps
from augur_edge.predict.model import Model

SIZES = (Size(128, 8), Size(128, 6), Size(64, 6), Size(64, 4), Size(32, 4), Size(16, 3))
LEVELS = (0.5, 0.8, 0.9, 0.95)
_MEASURED_WEIGHT = 10.0
_TOLERANCE = 0.05
_UNSEEN = 6000
_REST_KB = 2.5  # of provenance and intervals, which the file gets last


@dataclass(frozen=True)
class Budget:
    """What a student may cost: ns a row in the kernel here, kB of file; and how many unmeasured layers teach it."""

    max_ns: float | None = None
    max_kb: float | None = None
    labelled: int = 60_000


@dataclass(frozen=True, eq=False)
class Distilled:
    """The student as a Model of int16 leaves, its bytes, and what is not known on layers that nobody saw."""

    model: Model
    data: bytes
    doubt: Doubt
    report: dict[str, Any]


def distill(teacher: Teacher, data: Dataset, target: str, seed: int = 0, budget: Budget | None = None) -> Distilled:
    """The largest student within the budget. Raises UsageError where the smallest is still too large."""
    budget = budget or Budget()
    drawn = unlabelled(data.layers, data.ops, budget.labelled, seed)
    layers = np.concatenate([drawn, data.layers])
    labels = teacher.predict(layers)
    weights = np.concatenate([np.ones(len(drawn)), np.full(len(data), _MEASURED_WEIGHT)])
    for size in SIZES:
        if budget.max_kb is not None and size.trees * 2**size.depth * 2 / 1000 > budget.max_kb:
            continue  # its leaves alone are too large
        model = _dressed(fit_student(layers, labels, weights, size, seed), data, target)
        file = dumps(model)
        cost: dict[str, float] = {"trees": len(model.trees), "depth": size.depth, "kb": len(file) / 1000 + _REST_KB}
        if budget.max_kb is not None and cost["kb"] > budget.max_kb:
            continue
        predictor = Predictor(file)
        if budget.max_ns is not None:
            cost["ns"] = time_rows(predictor, sample_rows(model, 10_000), 1000)
            if cost["ns"] > budget.max_ns:
                continue
        unseen = relatives(data.layers, _UNSEEN, seed + 1_000_003)
        taught, learnt = teacher.predict(unseen), predictor.predict_many(unseen).astype(np.float64)
        report: dict[str, Any] = {**cost, "labelled": len(drawn), "student_to_teacher_mape": mape(taught, learnt)}
        report["cheaper_with_more_channels"] = dict(zip(("student", "teacher"), _monotone(data, predictor, teacher)))
        deviations = deviation_of(teacher, data.layers, data.targets[target], seed).deviation(unseen)
        return Distilled(model, file, Doubt(unseen, np.log(taught / learnt), deviations), report)
    raise UsageError("no student is within --max-ns and --max-kb; the smallest takes about 20 ns and 3 kB")


def _dressed(model: Model, data: Dataset, target: str) -> Model:
    """Rounded to int16, with the target and the ranges of the measured layers."""
    x = encode(data.layers)[:, [f.id for f in model.features]]
    low, high = x.min(axis=0).tolist(), x.max(axis=0).tolist()
    features = tuple(replace(f, low=a, high=b) for f, a, b in zip(model.features, low, high))
    unit = UNITS[target]
    return replace(model, features=features, target=f"{target}_{unit}", unit=unit, meta={}).quantised()


def _monotone(data: Dataset, student: Predictor, teacher: Teacher) -> tuple[float, float]:
    """Shares of measured dense convolutions that are predicted over 5 % cheaper when their channels double."""
    rows = data.layers[(data.layers[:, FIELDS.index("groups")] == 1)]
    wider = np.concatenate([_doubled(rows, "in_c"), _doubled(rows, "out_c")])
    rows = np.concatenate([rows, rows])
    if not len(rows):
        return 0.0, 0.0
    falls = (student.predict_many(wider) / student.predict_many(rows), teacher.predict(wider) / teacher.predict(rows))
    return float((falls[0] < 1 - _TOLERANCE).mean()), float((falls[1] < 1 - _TOLERANCE).mean())


def _doubled(layers: I64, name: str) -> I64:
    out: I64 = layers.copy()
    out[:, FIELDS.index(name)] *= 2
    return out
