"""How sure a predictor of architectures is: intervals for its file, from samples that were predicted unseen.

Of few samples a teacher's own left-out predictions flatter it, because its settings come from all of them: it is
fitted again without each fifth. What the student misses of its teacher is added. A transfer by fewer samples than a
quantile needs takes its posterior's deviation (augur_edge.predict.widths).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

import numpy as np

from augur_edge.host.arch.samples import Samples, everything
from augur_edge.host.arch.student import Student, errors_of
from augur_edge.host.arch.teachers import LEAST, ArchTeacher
from augur_edge.host.arch.transfer import Transfer
from augur_edge.host.intervals import conformal
from augur_edge.predict.designs import F64
from augur_edge.predict.model import Level
from augur_edge.predict.widths import factor, student_t

_FOLDS, _DRAWS = 5, 50
_REFITTED = 200  # samples; of more, settings hardly follow a single one, and a fit takes a minute
_LEAST_ERRORS = 10


def levels_of(
    teacher: ArchTeacher, again: Callable[[], ArchTeacher], picked: Samples, student: Student, levels: Sequence[float]
) -> tuple[Level, ...]:
    """Intervals in the link's space; none where the teacher predicts no sample unseen. again: a fresh teacher."""
    if isinstance(teacher, Transfer) and len(picked.y) < LEAST:
        return _by_deviation(teacher, picked, student.model.link, levels)
    left_out = teacher.left_out
    if len(left_out) != len(picked.y):
        return ()
    if teacher.refits and len(picked.y) <= _REFITTED:
        left_out = _refitted(again, picked)
    known = np.isfinite(left_out)
    if known.sum() < _LEAST_ERRORS:
        return ()
    errors = errors_of(student.model, picked.y[known], left_out[known])
    gaps = np.random.default_rng(0).choice(student.gaps, (_DRAWS, len(errors)))
    return tuple(_wide_enough(v, errors) for v in conformal(errors + gaps, levels))


def _refitted(again: Callable[[], ArchTeacher], picked: Samples) -> F64:
    """float64[n]: each sample by a teacher that saw four fifths, without it."""
    part = np.random.default_rng(0).permutation(len(picked.y)) % _FOLDS
    found = np.empty(len(picked.y))
    for k in range(_FOLDS):
        model = again().fit(picked.vectors[part != k], picked.y[part != k])
        found[part == k] = model.predict(picked.vectors[part == k])
    return found


def _wide_enough(level: Level, errors: F64) -> Level:
    """Between the extremes of n errors lie (n - 1) / (n + 1) of new ones: beyond that, Student's bounds."""
    n = len(errors)
    if level.level <= (n - 1) / (n + 1):
        return level
    width = student_t(level.level, n - 1) * float(np.sqrt((errors**2).mean() * (1 + 1 / n)))
    return Level(level.level, min(level.low, -width), max(level.high, width))


def _by_deviation(teacher: Transfer, picked: Samples, link: str, levels: Sequence[float]) -> tuple[Level, ...]:
    some = everything(picked.space, 1000, 0)
    typical = teacher.deviations(some)
    if link == "identity":
        typical = typical * teacher.predict(some)
    wide = float(np.median(typical))
    found = [(v, wide * factor(v, len(picked.y), teacher.stretch)) for v in sorted(set(levels))]
    return tuple(Level(level, -width, width) for level, width in found)
