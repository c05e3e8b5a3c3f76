"""`train --space`: pick the samples, fit a teacher, distill it, and keep in the file what it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable

import numpy as np

from augur_edge import __version__, spaces
from augur_edge.errors import UsageError
from augur_edge.host.arch.levels import levels_of
from augur_edge.host.arch.samples import ITERATIVE, Samples, chosen, prior_of, samples_of, sources_of
from augur_edge.host.arch.student import distilled
from augur_edge.host.arch.sums import LayerSums
from augur_edge.host.arch.teachers import LEAST, OF_FEATURES, TEACHERS, ArchTeacher
from augur_edge.host.arch.transfer import Transfer
from augur_edge.host.distill import LEVELS
from augur_edge.metrics import mape
from augur_edge.predict.format import dumps
from augur_edge.predict.transfer import LEAST as LEAST_TRANSFER
from augur_edge.tables import ArchTable

Talk = Callable[[str], None]
_DIGITS = 7
_NEEDS = {
    **dict.fromkeys(("auto", "stack"), ("scipy", "catboost")),
    **dict.fromkeys(("process", "plain-process"), ("scipy",)),
    "trees": ("catboost",),
    **dict.fromkeys(("eagle-gcn", "eagle-mlp", "eagle-accuracy", "relation"), ("torch",)),
}


@dataclass(frozen=True)
class Plan:
    """How to train. device: column of the table; samples: None for all; sources: devices to transfer from."""

    device: str | None = None
    samples: int | None = None
    seed: int = 0
    teacher: str = "auto"
    sources: Sequence[str] = ()
    select: str = "random"
    levels: Sequence[float] = LEVELS
    about: dict[str, Any] = field(default_factory=dict)
    warm_up: Path | None = None
    layer_predictor: Path | None = None
    space: str = ""  # with its options, as the networks are to be built; or the table's


@dataclass(frozen=True, eq=False)
class Trained:
    """The file, the teacher behind it, the samples it learnt from, and what there is to say."""

    data: bytes
    teacher: ArchTeacher
    samples: Samples
    report: dict[str, Any]


def train(table: ArchTable, plan: Plan, talk: Talk, warn: Talk) -> Trained:
    """A predictor of one column; the same table, plan and seed give the same file. Raises UsageError and DataError."""
    data = samples_of(table, plan.device, warn)
    sources = sources_of(table, plan.sources, data.device, warn)
    prior = prior_of(sources) if sources else None
    more = _sums(plan, data.space, talk)
    if plan.select == ITERATIVE:
        teacher, picked = _iterated(plan, data)
    else:
        picked = data.take(chosen(data, plan.samples, plan.select, plan.seed, prior))
        _check(picked, bool(sources))
        teacher = _teacher(plan, picked, sources, more)
        talk(f"{teacher.name}: {len(picked.y)} of {len(data.y)} architectures of {data.device}")
        teacher.fit(picked.vectors, picked.y)
    student = distilled(teacher.predict, picked, plan.seed)
    report: dict[str, Any] = {
        "version": __version__, "space": data.space, "device": data.device, "seed": plan.seed,
        "teacher": teacher.name, "select": plan.select, "sources": list(plan.sources),
        "left_out_mape": _left_out(teacher, picked.y), "student": student.kind,
        "student_to_teacher_mape": round(student.gap, 4), "samples": len(picked.y),
    }  # fmt: skip
    meta: dict[str, Any] = {"training": {**report, **plan.about, "vectors": picked.vectors.tolist()}}
    if prior is not None and isinstance(teacher, Transfer):
        meta["transfer"] = {
            "space": data.space, "sources": list(plan.sources),
            "coefficients": np.round(prior.coefficients, _DIGITS).tolist(),
            "stretch": np.round(teacher.stretch, _DIGITS).tolist(),
        }  # fmt: skip
    levels = levels_of(teacher, lambda: _teacher(plan, picked, sources, more), picked, student, plan.levels)
    model = replace(student.model, levels=levels, meta=meta)
    return Trained(dumps(model), teacher, picked, report)


def _check(picked: Samples, transfers: bool) -> None:
    least = LEAST_TRANSFER if transfers else LEAST
    if len(picked.y) < least:
        hint = "" if transfers else ", or --transfer-from devices that are measured already"
        raise UsageError(f"{len(picked.y)} samples: at least {least} are needed{hint}")
    if np.ptp(picked.y) == 0:
        raise UsageError(f"all {len(picked.y)} samples are {picked.y[0]:g} {picked.unit}: there is nothing to learn")


def packages_of(plan: Plan) -> tuple[str, ...]:
    """Modules that the plan's teacher imports, besides numpy."""
    if plan.sources:
        return () if len(plan.sources) >= LEAST_TRANSFER else ("catboost",)
    return _NEEDS.get(plan.teacher, ())


def _sums(plan: Plan, space: str, talk: Talk) -> LayerSums | None:
    if plan.layer_predictor is None:
        return None
    if plan.sources or plan.teacher == "transfer":
        raise UsageError(f"--layer-predictor is for --teacher {OF_FEATURES}, not for --transfer-from")
    return LayerSums(plan.layer_predictor, spaces.parse(plan.space or space), talk)


def _iterated(plan: Plan, data: Samples) -> tuple[ArchTeacher, Samples]:
    """BRP-NAS's iterative sampling, with the table as what is measured."""
    from augur_edge.host.arch.gcn import PRESETS
    from augur_edge.host.arch.relation import Relation, iterate

    if plan.teacher != "relation" or plan.samples is None or plan.sources:
        raise UsageError("--select iterative is for --teacher relation with --samples N")
    if not LEAST <= plan.samples <= len(data.y):
        raise UsageError(f"--samples {plan.samples}: {LEAST} to {len(data.y)}, which {data.device} has")
    body = _body(plan, data.space)
    known = {tuple(v): y for v, y in zip(data.vectors.tolist(), data.y.tolist())}
    teacher, taken = iterate(
        data.vectors, lambda some: np.array([known[tuple(v)] for v in some.tolist()]), plan.samples,
        seed=plan.seed, make=lambda: Relation(plan.seed, PRESETS["eagle-accuracy"], body),
    )  # fmt: skip
    return teacher, data.take(taken)


def _teacher(plan: Plan, picked: Samples, sources: Sequence[Samples], more: LayerSums | None) -> ArchTeacher:
    known = ("auto", "transfer", *TEACHERS)
    if plan.teacher not in known:
        raise UsageError(f"no teacher {plan.teacher!r} for architectures; one of {', '.join(known)}")
    if sources and plan.warm_up is not None:
        raise UsageError("--warm-up is for networks, --transfer-from for devices: give one of the two")
    if sources and plan.teacher in ("auto", "transfer"):
        return Transfer(sources, picked.step, plan.seed)
    if sources or plan.teacher == "transfer":
        raise UsageError("--transfer-from and --teacher transfer go together; other teachers learn from one device")
    name = "stack" if plan.teacher == "auto" else plan.teacher
    if plan.warm_up is not None:
        return _warmed(plan, picked.space, name)
    return TEACHERS[name](picked.space, spaces.get(picked.space).sizes, plan.seed, more)


def _warmed(plan: Plan, space: str, name: str) -> ArchTeacher:
    """A network that starts from the body of one that learnt other figures: latencies, or zero-cost scores."""
    from augur_edge.host.arch.gcn import PRESETS, Eagle
    from augur_edge.host.arch.relation import Relation

    if name != "relation" and name not in PRESETS:
        raise UsageError(f"--warm-up is for --teacher relation, {', '.join(PRESETS)}")
    body = _body(plan, space)
    if name == "relation":
        return Relation(plan.seed, PRESETS["eagle-accuracy"], body)
    return Eagle(plan.seed, PRESETS[name], start=body)


def _body(plan: Plan, space: str) -> ArchTeacher | None:
    """A fitted network of the plan's kind on what `--warm-up` names."""
    from augur_edge.tables import read_table

    if plan.warm_up is None:
        return None
    table = read_table(plan.warm_up, space, "percent")
    values = table.column().values
    rows = np.flatnonzero(np.isfinite(values))  # scores may be of any sign
    if len(rows) and np.ptp(values[rows]) == 0:
        raise UsageError(f"{plan.warm_up}: all {len(rows)} figures are {values[rows[0]]:g}: there is nothing to learn")
    if plan.teacher != "relation" and not (values[rows] > 0).all():
        raise UsageError(f"{plan.warm_up}: --teacher {plan.teacher} learns positive figures; others order for relation")
    made = TEACHERS[plan.teacher](space, spaces.get(space).sizes, plan.seed)
    return made.fit(table.vectors[rows].astype(np.int64), values[rows])


def _left_out(teacher: ArchTeacher, y: Any) -> float | None:
    known = np.isfinite(teacher.left_out)
    if len(known) != len(y) or not known.any():
        return None
    return round(mape(y[known], teacher.left_out[known]), 4)
