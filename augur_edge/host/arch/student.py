"""A teacher of architectures into an .augpred file: a table where a space is small, else tables of its parts.

All 15 625 cells of NAS-Bench-201 are one table, so its student is its teacher, rounded to float32. Of larger spaces the
student is a sum over choices and over pairs of neighbouring choices, fitted to what the teacher says of many
architectures by cyclic ridge regression, of the figures or of their logs, whichever comes closer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np

from augur_edge.host.arch.samples import Samples, everything
from augur_edge.metrics import mape
from augur_edge.predict import Predictor
from augur_edge.predict.designs import CELL, F64, I64
from augur_edge.predict.encode_spaces import encoder_of, feature_names, slot_sizes, slots
from augur_edge.predict.format import dumps
from augur_edge.predict.model import Feature, Model, Table

LABELLED = 30_000
_WHOLE = 12  # slot of nasbench201/1: the cell's index
_SWEEPS = 12
_RIDGE = 0.1
TARGETS = {"ns": "latency_ns", "uj": "energy_uj", "percent": "accuracy_percent"}


@dataclass(frozen=True, eq=False)
class Student:
    """The model, and how far it is from its teacher on architectures that neither saw.

    gap: mean, in percent; gaps: float64[m] of single ones, as `errors_of` has them.
    """

    model: Model
    gap: float
    kind: str
    gaps: F64


def errors_of(model: Model, truth: F64, value: F64) -> F64:
    """float64[n] in the space of the model's link: of logs, or differences."""
    return np.asarray(np.log(truth / value) if model.link == "exp" else truth - value)


def distilled(predict: Callable[[I64], F64], data: Samples, seed: int) -> Student:
    """A student of `predict` over the space of `data`, in the data's unit."""
    encoder = encoder_of(data.space)
    if data.space == CELL:
        cells = everything(CELL, 1 << 20, seed)
        table = Table(_WHOLE, np.log(predict(cells)).astype(np.float32))
        return Student(_model(data, encoder, (table,), "exp", 0.0), 0.0, "table", np.zeros(1))
    vectors = np.concatenate([data.vectors, everything(data.space, LABELLED, seed)])
    labels = predict(vectors)
    unseen = everything(data.space, 2000, seed + 1_000_003)
    taught = predict(unseen)
    found = []
    for link, z in (("identity", labels / np.median(labels)), ("exp", np.log(labels))):
        scale = float(np.median(labels)) if link == "identity" else 1.0
        tables = _additive(encoder, vectors, z, scale)
        model = _model(data, encoder, tables, link, float(z.mean()) * scale)
        learnt = np.asarray(Predictor(dumps(model)).predict_vectors(unseen), np.float64)
        found.append(Student(model, mape(taught, learnt), f"tables, {link}", errors_of(model, taught, learnt)))
    return min(found, key=lambda student: student.gap)


def _model(data: Samples, encoder: str, tables: tuple[Table, ...], link: str, bias: float) -> Model:
    target = TARGETS[data.unit]
    first = Feature(feature_names(encoder)[0], 0)  # a file has at least one
    return Model((first,), (), encoder=encoder, target=target, unit=data.unit, link=link, bias=bias, tables=tables)


def _additive(encoder: str, vectors: I64, z: F64, scale: float) -> tuple[Table, ...]:
    """A table a slot, each fitted in turn to what the others leave of z float64[n], times scale."""
    places = slots(encoder, vectors)
    values = [np.zeros(size) for size in slot_sizes(encoder)]
    rest = z - z.mean()
    for _ in range(_SWEEPS):
        for column, table in zip(places.T, values):
            mass = np.bincount(column, minlength=len(table)) + _RIDGE
            step = (np.bincount(column, rest, len(table)) - _RIDGE * table) / mass
            np.add(table, step, out=table)
            rest = rest - step[column]
    return tuple(Table(i, (v * scale).astype(np.float32)) for i, v in enumerate(values))
