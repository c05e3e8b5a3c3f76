"""A predictor of architectures moved to a new device by a few measured ones; numpy alone, so it runs on the device.

`train --transfer-from` keeps in the file what its source devices have in common (augur_edge.predict.transfer).
"""

from __future__ import annotations

import random
from collections.abc import Collection

import numpy as np

from augur_edge import spaces
from augur_edge._kernel import Predictor
from augur_edge.errors import DataError, UsageError
from augur_edge.predict.adapt import trained_on
from augur_edge.predict.designs import CELL, F64, I64, design
from augur_edge.predict.encode_spaces import prune, slot_sizes
from augur_edge.predict.format import dumps
from augur_edge.predict.model import Feature, Level, Model, Table
from augur_edge.predict.transfer import Posterior, Prior, fit, grain_of, suggest
from augur_edge.predict.widths import LEVELS, factor, stretch_in

_POOL = 2000
_TYPICAL = 2 / 3


def has_prior(model: Model) -> bool:
    """Whether the file knows source devices."""
    return isinstance(model.meta.get("transfer"), dict)


def prior_in(model: Model) -> tuple[str, Prior]:
    """Space and prior of a file. Raises UsageError where it has none, DataError where it is damaged."""
    if not has_prior(model):
        raise UsageError("this predictor knows no source devices; train it with --transfer-from A B C")
    space = model.encoder.partition("/")[0]
    try:
        found = np.array(model.meta["transfer"]["coefficients"], np.float64)
    except (KeyError, TypeError, ValueError):
        found = np.zeros(0)
    answers = spaces.get(space).sizes
    width = 1 + sum(answers) * (2 if space == CELL else 1)
    if found.ndim != 2 or found.shape[1] != width or not len(found) or not np.isfinite(found).all():
        raise DataError(f"the predictor's prior has shape {found.shape}, not (sources, {width}) of finite numbers")
    return space, Prior(found)


def suggested(model: Model, count: int, seed: int = 0) -> list[list[int]]:
    """The `count` vectors most worth measuring on a new device, best first, among 2000 of the space."""
    if count < 1:
        raise UsageError(f"--suggest {count}: at least 1 architecture")
    space, prior = prior_in(model)
    pool = _pool(space, seed)
    return [pool[i].tolist() for i in suggest(prior, design(space, pool, spaces.get(space).sizes), count)]


def _pool(space: str, seed: int) -> I64:
    """int64[n <= 2000, length]: different architectures at random; no cells that lead nowhere: they cannot run."""
    known = spaces.get(space)
    pool = np.array(known.sample(min(_POOL, known.size), random.Random(seed)), np.int64)
    return pool[prune(pool).any(axis=1)] if space == CELL else pool


def adapted(model: Model, vectors: I64, y: F64, devices: Collection[str] = ()) -> Model:
    """The model of the device on which y float64[n], in the model's unit, was measured. Raises as `transfer.fit`.

    devices: what it is called in the samples, if that is known.
    """
    space, prior = prior_in(model)
    rows = design(space, vectors, spaces.get(space).sizes)
    found = fit(prior, rows, y, grain_of(y))
    before = np.asarray(Predictor(dumps(model)).predict_many(np.ascontiguousarray(vectors, np.uint8)), np.float64)
    value, deviation = found.predict(design(space, _pool(space, 0), spaces.get(space).sizes))
    stretch = stretch_in(model.meta["transfer"])
    typical = float(np.median(deviation / np.maximum(value, 1e-9))) * factor(_TYPICAL, len(y), stretch)
    about = {
        "samples": len(y),
        "vectors": np.asarray(vectors).tolist(),
        "mape_before": round(100 * float(np.abs(before / y - 1).mean()), 3),
        "typical_percent": round(100 * typical, 3),
    }
    widths = [(level, float(np.median(deviation)) * factor(level, len(y), stretch)) for level in LEVELS]
    levels = tuple(Level(level, -width, width) for level, width in widths)
    return Model(
        (Feature(model.features[0].name, model.features[0].id),), (), encoder=model.encoder, target=model.target,
        unit=model.unit, link="identity", tables=linear_tables(space, found), levels=levels,
        bias=float(found.mean[0]), meta={**trained_on(model.meta, devices), "adapted": about},
    )  # fmt: skip


def linear_tables(space: str, found: Posterior) -> tuple[Table, ...]:
    """The coefficients of the design's one-hots as tables of the space's first slots, which stand in the same order."""
    sizes = slot_sizes(f"{space}/1")
    tables, at, slot = [], 1, 0
    while at < len(found.mean):
        tables.append(Table(slot, found.mean[at : at + sizes[slot]].astype(np.float32)))
        at, slot = at + sizes[slot], slot + 1
    return tuple(tables)
