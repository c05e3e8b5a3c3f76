"""`train`: choose a teacher by cross-validation, fit it, distill it, and say in the file where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from augur_edge import __version__
from augur_edge.dataset.rows import Dataset
from augur_edge.host.checkpoint import Checkpoint
from augur_edge.host.distill import LEVELS, Budget, Distilled, distill
from augur_edge.host.intervals import intervals
from augur_edge.host.roofline import Roofline
from augur_edge.host.teachers import Teacher
from augur_edge.host.totals import Totals, fit_totals
from augur_edge.host.validate import Talk, Validated, cross_validate, fitted, tiles_of
from augur_edge.metrics import mape
from augur_edge.predict import Predictor
from augur_edge.predict.format import dumps


@dataclass(frozen=True)
class Plan:
    """How to train. levels: of the intervals; about: more for the file's provenance, such as digests of its data."""

    target: str
    teacher: str = "auto"
    seed: int = 0
    levels: Sequence[float] = LEVELS
    budget: Budget = field(default_factory=Budget)
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Trained:
    """The predictor's file, the teacher it was distilled from, and what cross-validation said."""

    data: bytes
    teacher: Teacher
    report: dict[str, Any]


def train(data: Dataset, plan: Plan, talk: Talk = lambda line: None, done: Checkpoint | None = None) -> Trained:
    """A predictor of `plan.target` from all layers of `data` that have it; the same data and seed give the same file.

    done: what an interrupted training of the same has reached, and where this one keeps what it reaches.

    Raises UsageError and DataError, one line each, where the data cannot be learnt from.
    """
    data = data.known(plan.target)
    y = data.targets[plan.target]
    validated = cross_validate(data, plan.target, plan.teacher, plan.seed, talk=talk, done=done)
    talk(f"teacher: {validated.best}, {validated.mape[validated.best]:.2f} % out of fold")
    teacher = fitted(data, plan.target, validated.best, plan.seed)
    made = distill(teacher, data, plan.target, plan.seed, plan.budget)
    residuals = np.log(y / validated.predictions[validated.best])
    report = _report(data, plan, validated, made)
    levels, spread = intervals(made.model, data.layers, residuals, made.doubt, plan.levels, seed=plan.seed)
    whole = plan.target == "latency"
    totals = fit_totals(data, validated.predictions[validated.best], plan.levels) if whole else Totals()
    model = replace(
        made.model,
        levels=levels,
        spread=spread,
        overhead=totals.once,
        layer_overhead=totals.per_layer,
        meta={"training": {**report, **_of_networks(data, totals), **plan.about}},
    )
    return Trained(dumps(model), teacher, report)


def _report(data: Dataset, plan: Plan, validated: Validated, made: Distilled) -> dict[str, Any]:
    """What the file says of its training."""
    y, tiles = data.targets[plan.target], tiles_of(data, plan.seed)
    student = Predictor(made.data).predict_many(data.layers).astype(np.float64)
    return {
        "version": __version__,
        **_setting(data),
        "target": plan.target,
        "seed": plan.seed,
        "layers": len(data),
        "ops": data.ops,
        "devices": sorted(data.devices),
        "teacher": validated.best,
        "out_of_fold_mape": {name: round(value, 4) for name, value in sorted(validated.mape.items())},
        "training_mape": round(mape(y, student), 4),
        "tiles": {"inner": tiles.inner, "outer": tiles.outer, "least": tiles.least},
        "student": made.report,
        "roofline": Roofline(tiles).fit(data.layers, y).to_dict(),
    }


def _of_networks(data: Dataset, totals: Totals) -> dict[str, Any]:
    """What is known of whole networks; nothing for a target that was not measured so."""
    if not totals.report:
        return {}
    return {"network": {**totals.report, **({"calls": data.calls.to_dict()} if data.calls else {})}}


def _setting(data: Dataset) -> dict[str, Any]:
    """Device, runtime and threads that the layers were measured with, where the data says so."""
    words = [part.strip() for setting in data.devices for part in setting.split(",")]
    if len(words) < 2:
        return {"device": words[0]} if words else {}
    threads = int(words[2].split()[0]) if len(words) > 2 else 1
    return {"device": words[0], "runtime": words[1], "threads": threads}
