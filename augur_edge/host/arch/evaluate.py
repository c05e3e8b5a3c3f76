"""`evaluate` for predictors of architectures: the same document as that of layers, one group a device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from augur_edge import schema
from augur_edge.errors import UsageError
from augur_edge.host.arch.samples import Samples
from augur_edge.host.evaluate import figures_of
from augur_edge.predict import Predictor
from augur_edge.predict.designs import F64
from augur_edge.predict.format import loads
from augur_edge.predict.predictor import LEVEL
from augur_edge.tables.eagle import PredictionLog, write_log


def trained_vectors(predictor: Predictor) -> list[list[int]]:
    """The architectures it was trained on, or moved to its device by: by its provenance.

    Raises UsageError for a file that does not say.
    """
    meta = loads(predictor.to_bytes()).meta
    found = meta.get("adapted", meta.get("training", {})).get("vectors")
    if not isinstance(found, list):
        raise UsageError("--exclude-trained: the predictor does not say which architectures it was trained on")
    return found


def evaluate(predictor: Predictor, data: Samples) -> dict[str, Any]:
    """The document of `schema.EVALUATE`. Raises UsageError where nothing is left, and for another target or space."""
    if not len(data.y):
        raise UsageError("no architecture is left to evaluate")
    if predictor.encoder.partition("/")[0] != data.space or predictor.unit != data.unit:
        raise UsageError(
            f"a predictor of {predictor.target} in {predictor.unit} for {predictor.encoder}: the data is {data.unit} "
            f"of {data.space}"
        )
    answers = _answers(predictor, data)
    rows = np.arange(len(data.y))
    figures = {**figures_of(data.y, answers, rows, np.ones(len(rows))), "published_mape": None}
    return {
        "schema": schema.EVALUATE,
        "target": predictor.target,
        "groups": [{"name": data.device, **figures}],
        "overall": {"name": "all architectures", **figures},
    }


def append_eagle_log(path: Path, predictor: Predictor, data: Samples, trained: Sequence[Sequence[int]]) -> None:
    """Truth, prediction and point a line; the training points; the mean error and Eagle's shares, of the prediction.

    Latency is in seconds there. A file that is there is added to, after a line of `===`.
    """
    scale = {"ns": 1e-9, "uj": 1e-6}.get(data.unit, 1.0)
    truth, answer = data.y * scale, np.asarray(predictor.predict_vectors(data.vectors), np.float64) * scale
    shares = [float((np.abs(truth - answer) <= leeway * answer).mean()) for leeway in (0.01, 0.05, 0.1, 0.2)]
    points = list(zip(truth.tolist(), answer.tolist(), map(tuple, data.vectors.tolist())))
    figures = [str(float(np.abs(truth - answer).mean())), str(shares)]
    write_log(PredictionLog(points, [tuple(v) for v in trained], figures), path)


def _answers(predictor: Predictor, data: Samples) -> dict[str, F64]:
    value = np.asarray(predictor.predict_vectors(data.vectors), np.float64)
    model = loads(predictor.to_bytes())
    level = next((v for v in model.levels if v.level >= LEVEL), None)
    nan = np.full(len(value), np.nan)
    low, high = nan, nan
    if level is not None and model.link == "exp":
        low, high = value * np.exp(level.low), value * np.exp(level.high)
    elif level is not None:
        low, high = value + level.low, value + level.high
    return {"value": value, "low": low, "high": high, "in_domain": np.ones(len(value)), "baseline": nan}
