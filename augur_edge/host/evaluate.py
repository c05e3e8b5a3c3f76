"""`evaluate`: a predictor against measured layers, network by network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from augur_edge import console, metrics, schema
from augur_edge.dataset.rows import Dataset
from augur_edge.errors import UsageError
from augur_edge.host.features import F64, I64
from augur_edge.host.roofline import Roofline
from augur_edge.predict import Predictor
from augur_edge.predict.format import loads
from augur_edge.predict.predictor import LEVEL

_KEYS = ("mape", "medape", "acc1", "acc5", "acc10", "spearman", "kendall", "coverage", "out_of_domain", "total_error")

# Mean absolute percentage errors, latency and energy, of the README of facebookresearch/Augur, by names of its files.
PUBLISHED = {
    "mnasnet": (7.16, 5.44), "mobilenetv2": (12.65, 11.60), "resnet18": (10.38, 7.65), "resnet50": (5.50, 2.03),
    "resnext": (12.92, 7.85), "squeezenet": (30.02, 21.96), "wide_resnet_50": (6.54, 5.00),
}  # fmt: skip


def target_of(predictor: Predictor) -> str:
    """`latency` or `energy`. Raises UsageError for a predictor of anything else, or of ready features."""
    target = predictor.target.rpartition("_")[0]
    if target not in {"latency", "energy"} or not predictor.takes_layers:
        raise UsageError(
            f"a predictor of {predictor.target}: only those of layers' latency_ns and energy_uj can be evaluated"
        )
    return target


def evaluate(predictor: Predictor, data: Dataset) -> dict[str, Any]:
    """The document of `schema.EVALUATE`: one entry a network, and one of all distinct layers.

    Percent in mape, medape and the two of comparison, fractions elsewhere. What cannot be said (order of one layer, an
    interval that the file lacks, a baseline where it has no fitted roofline) is None. The overall published figure is
    that of all networks, weighted by their layers; None unless each has one.
    """
    target = target_of(predictor)
    data = data.known(target)
    answers = _answers(predictor, data.layers)
    answers["baseline"] = _baseline(predictor, data.layers)
    y = data.targets[target]
    groups = []
    for name in data.names:
        rows = data.of_network(name)
        counts = np.array([data.networks[i][name] for i in rows])
        groups.append({"name": name, **figures_of(y, answers, rows, counts), "published_mape": published(name, target)})
    everything = np.arange(len(y))
    overall = {"name": "all layers", **figures_of(y, answers, everything, np.ones(len(y)))}
    return {"schema": schema.EVALUATE, "groups": groups, "overall": {**overall, "published_mape": _weighted(groups)}}


def _weighted(groups: Sequence[dict[str, Any]]) -> float | None:
    if any(g["published_mape"] is None for g in groups):
        return None
    return float(np.average([g["published_mape"] for g in groups], weights=[g["n"] for g in groups]))


def errors_by_network(predictor: Predictor, data: Dataset) -> list[tuple[str, F64]]:
    """Name and float64[n] of absolute percentage errors, a network each."""
    target = target_of(predictor)
    data = data.known(target)
    errors = 100 * metrics.relative_errors(data.targets[target], _plain(predictor, data.layers))
    return [(name, errors[data.of_network(name)]) for name in data.names]


def published(name: str, target: str) -> float | None:
    """Augur's own figure for a network of its data set, told by its files' names (resnet18_conv_layers); else None.

    A network of the same name that was measured elsewhere is no part of that data set.
    """
    stem, ending, rest = name.rpartition("/")[2].lower().partition("_conv_layers")
    found = PUBLISHED.get(stem) if ending and not rest else None
    return None if found is None else found[0 if target == "latency" else 1]


def _plain(predictor: Predictor, layers: I64) -> F64:
    return np.asarray(predictor.predict_many(layers), np.float64)


def _answers(predictor: Predictor, layers: I64) -> dict[str, F64]:
    """value, low, high and in_domain, float64[n] each; low and high are NaN where the file has no such interval."""
    value = _plain(predictor, layers)
    try:
        rows = [predictor.interval(*layer, level=LEVEL) for layer in layers.tolist()]
    except ValueError:
        nan = np.full(len(value), np.nan)
        return {"value": value, "low": nan, "high": nan, "in_domain": nan}
    low, _, high, inside = np.array(rows, np.float64).T
    return {"value": value, "low": low, "high": high, "in_domain": inside}


def _baseline(predictor: Predictor, layers: I64) -> F64:
    """The roofline fitted to the training layers; NaN where the file has none, or was moved by `adapt`."""
    meta = loads(predictor.to_bytes()).meta
    found = meta.get("training", {}).get("roofline")
    if found is None or "adapted" in meta:
        return np.full(len(layers), np.nan)
    return Roofline.from_dict(found).predict(layers)


def figures_of(y: F64, answers: dict[str, F64], rows: I64, counts: Any) -> dict[str, Any]:
    """The figures of `evaluate` over some rows. y: float64[n]; answers: value, low, high, in_domain and baseline,
    float64[n] each, NaN where not known; counts: how often each of the rows is there, for the total.
    """
    t, p = y[rows], answers["value"][rows]
    low, high, inside = (answers[name][rows] for name in ("low", "high", "in_domain"))
    known = bool(len(rows)) and not np.isnan(low).any()
    base = answers["baseline"][rows]
    values = (
        metrics.mape(t, p),
        metrics.medape(t, p),
        *(metrics.acc(t, p, percent) for percent in (1, 5, 10)),
        metrics.spearman(t, p),
        metrics.kendall(t, p),
        metrics.coverage(t, low, high) if known else None,
        float(1 - inside.mean()) if known else None,
        float((p * counts).sum() / (t * counts).sum() - 1),
    )
    figures = {"n": len(rows), **dict(zip(_KEYS, values))}
    return {**figures, "baseline_mape": None if np.isnan(base).any() else metrics.mape(t, base)}


def evaluation_text(document: dict[str, Any]) -> str:
    """The document as a table for people."""
    header = (
        "network",
        "n",
        "mean %",
        "median %",
        "in 5 %",
        "in 10 %",
        "tau",
        "covered",
        "new",
        "total %",
        "base %",
        "publ. %",
    )
    entries = [*document["groups"], document["overall"]]
    return console.table(header, [_line(entry) for entry in entries])


def _line(entry: dict[str, Any]) -> tuple[str, ...]:
    def cell(name: str, scale: float = 1, digits: int = 2) -> str:
        value = entry[name]
        return "-" if value is None else f"{scale * value:.{digits}f}"

    return (
        entry["name"], str(entry["n"]), cell("mape"), cell("medape"), cell("acc5"), cell("acc10"), cell("kendall"),
        cell("coverage"), cell("out_of_domain"), cell("total_error", 100), cell("baseline_mape"),
        cell("published_mape"),
    )  # fmt: skip
