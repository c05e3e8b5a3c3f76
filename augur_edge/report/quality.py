"""The section of a predictor beside measured runs: predicted against measured, errors, how often intervals hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augur_edge import metrics
from augur_edge.errors import UsageError
from augur_edge.predict import Predictor
from augur_edge.report.figure import Figure, Section, Table, Trace, axis
from augur_edge.report.network import POINTS, ROWS
from augur_edge.stats import summarise
from augur_edge.store.records import NetworkRecord, RunRecord
from augur_edge.units import time_text

F64 = npt.NDArray[np.float64]
LEVELS = (0.5, 0.8, 0.9, 0.95)


@dataclass(frozen=True, eq=False)
class _Asked:
    """A network's layers that the predictor could be asked about. truth, answer: float64[n], ns."""

    name: str
    layers: Sequence[str]
    truth: F64
    answer: F64
    held: dict[float, int]
    without: int

    @property
    def errors(self) -> F64:
        """float64[n], percent of the measured value, signed."""
        return 100 * (self.answer / self.truth - 1)


def section(name: str, predictor: Predictor, runs: Sequence[RunRecord]) -> Section:
    """Every network of the runs beside the predictor. Raises UsageError where no layer of them can be asked."""
    if predictor.target != "latency_ns" or not predictor.takes_layers:
        raise UsageError(f"{name}: a predictor of {predictor.target}; a report compares those of layers' latency_ns")
    found = [_ask(predictor, network) for run in runs for network in run.networks]
    asked = [a for a in found if a is not None]
    if not asked:
        raise UsageError(f"{name}: none of the runs' layers is of a kind that can be predicted")
    truth, answer = (np.concatenate([getattr(a, what) for a in asked]) for what in ("truth", "answer"))
    facts = [
        ("layers", str(len(truth))),
        ("mean absolute percentage error", f"{metrics.mape(truth, answer):.2f} %"),
        ("median", f"{metrics.medape(truth, answer):.2f} %"),
        ("within 10 %", f"{100 * metrics.acc(truth, answer, 10):.1f} %"),
    ]
    without = sum(a.without for a in asked)
    remarks = [f"{without} layers without a known shape are left out"] if without else []
    figures = [_scatter(asked), _boxes(asked), *_calibration(asked)]
    return Section(f"Predictor {name}", facts, remarks, figures)


def _ask(predictor: Predictor, network: NetworkRecord) -> _Asked | None:
    layers = [m for m in network.measurements if m.kind == "layer" and m.mode == network.mode and len(m.samples_ns)]
    known = [(m, m.spec) for m in layers if m.spec is not None]
    if not known:
        return None
    truth = np.array([summarise(m.samples_ns, m.loops).median for m, _ in known])
    answer = np.array([predictor.predict(spec) for _, spec in known])
    held = {}
    for level in LEVELS:
        try:
            bounds = [predictor.interval(spec, level=level) for _, spec in known]
        except ValueError:  # the file stores no such level
            continue
        held[level] = sum(low <= t <= high for (low, _, high, _), t in zip(bounds, truth.tolist()))
    name = f"{network.name} ({network.runtime})"
    return _Asked(name, [m.name for m, _ in known], truth, answer, held, len(layers) - len(known))


def _scatter(asked: Sequence[_Asked]) -> Figure:
    traces: list[Trace] = [
        {
            "type": "scatter", "mode": "markers", "name": a.name, "series": i,
            "x": (a.truth[:POINTS] / 1e3).tolist(), "y": (a.answer[:POINTS] / 1e3).tolist(),
            "customdata": list(a.layers[:POINTS]),
            "hovertemplate": "%{customdata}<br>measured %{x:.2f} us, predicted %{y:.2f} us",
        }
        for i, a in enumerate(asked)
    ]  # fmt: skip
    low = min(float(min(a.truth.min(), a.answer.min())) for a in asked) / 1e3
    high = max(float(max(a.truth.max(), a.answer.max())) for a in asked) / 1e3
    equal = {"type": "line", "x0": low, "y0": low, "x1": high, "y1": high}
    layout = {"xaxis": axis("measured, us", type="log"), "yaxis": axis("predicted, us", type="log"), "shapes": [equal]}
    rows = [
        (layer, time_text(t), time_text(p), f"{100 * (p / t - 1):+.1f} %")
        for a in asked
        for layer, t, p in zip(a.layers, a.truth.tolist(), a.answer.tolist())
    ]
    table = Table(("layer", "measured", "predicted", "error"), rows[:ROWS], max(0, len(rows) - ROWS))
    return Figure("Predicted against measured", traces, layout, table, "On the dotted line both are equal.")


def _boxes(asked: Sequence[_Asked]) -> Figure:
    traces: list[Trace] = [
        {"type": "box", "orientation": "h", "name": a.name, "series": i, "x": np.abs(a.errors[:POINTS]).tolist(),
         "boxpoints": "outliers", "showlegend": False}
        for i, a in enumerate(asked)
    ]  # fmt: skip
    layout = {"xaxis": axis("absolute error, % of the measured", rangemode="tozero"), "yaxis": {"automargin": True}}
    rows = [
        (a.name, str(len(a.truth)), f"{np.abs(a.errors).mean():.2f} %", f"{np.median(np.abs(a.errors)):.2f} %",
         f"{np.abs(a.errors).max():.2f} %", f"{100 * (a.answer.sum() / a.truth.sum() - 1):+.2f} %")
        for a in asked
    ]  # fmt: skip
    table = Table(("network", "layers", "mean error", "median", "largest", "of the sum"), rows)
    return Figure("Error per network", traces, layout, table, height_px=140 + 60 * len(asked))


def _calibration(asked: Sequence[_Asked]) -> list[Figure]:
    """How often intervals held what was measured, over how often they say they do; none where a file has none."""
    n = sum(len(a.truth) for a in asked)
    levels = [level for level in LEVELS if all(level in a.held for a in asked)]
    if not levels:
        return []
    shares = [sum(a.held[level] for a in asked) / n for level in levels]
    traces: list[Trace] = [
        {"type": "scatter", "mode": "lines+markers", "series": 0, "x": [100 * v for v in levels],
         "y": [100 * v for v in shares], "hovertemplate": "said %{x:.0f} %, held %{y:.1f} %<extra></extra>"}
    ]  # fmt: skip
    right = {"type": "line", "x0": 0, "y0": 0, "x1": 100, "y1": 100}
    layout = {
        "xaxis": axis("what the interval says, %", range=[0, 100]),
        "yaxis": axis("layers inside it, %", range=[0, 101]),
        "shapes": [right],
    }
    table = Table(("level", "held"), [(f"{100 * v:.0f} %", f"{100 * s:.1f} %") for v, s in zip(levels, shares)])
    note = "On the dotted line intervals hold as often as they say; a file answers with its least level not below."
    return [Figure("Calibration of the intervals", traces, layout, table, note, 360)]
