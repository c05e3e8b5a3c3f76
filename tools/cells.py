"""Latency-limited search on NAS-Bench-201's measured cells: the steps that `eagle_results.py` puts together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable, NamedTuple

import numpy as np

from augur_edge import spaces
from augur_edge.host.arch.training import Plan, train
from augur_edge.predict import Predictor
from augur_edge.search import Figure, Found, Limit, Problem, evolve, exhaustive, from_table, random_search
from augur_edge.tables import ArchTable

SPACE = spaces.get("nasbench201")


@dataclass(frozen=True)
class Effort:
    """How much is run."""

    seeds: int = 10
    seeds_asked: int = 5  # of searches that ask a predictor
    evaluations: int = 1000
    samples: tuple[int, ...] = (100, 900)
    quantiles: tuple[float, ...] = (0.1, 0.25, 0.5, 0.75, 0.9)
    teacher: str = "auto"
    devices: int | None = None  # of those that others published


QUICK = Effort(2, 2, 100, (40,), (0.25, 0.5), "process", 1)


class Picked(NamedTuple):
    """The most accurate of what was found that truly is within the limit; looks: how many were measured till there.

    first_over: by what share the very first was beyond the limit, 0 within. accuracy is -inf where none is within.
    """

    accuracy: float
    latency_ns: float
    looks: int
    first_over: float


class Outcome(NamedTuple):
    """A device's limit, how it was searched, and every seed's result (one for `all cells`)."""

    device: str
    samples: int
    quantile: float
    limit_ns: float
    best: float
    method: str
    picked: Sequence[Picked]

    @property
    def gaps(self) -> np.ndarray:
        """float64[seeds]: points of accuracy below the true best within the limit."""
        return np.array([self.best - p.accuracy for p in self.picked])


def figure_of(table: ArchTable, column: str | None = None) -> Figure:
    """A measured column as a figure."""
    return from_table(table, column, SPACE)


def pick(found: Found, latency: Figure, bound: float) -> Picked:
    """What is left of a search by a predictor when the found are measured, the most accurate first."""
    true = latency(found.vectors) if len(found.vectors) else np.empty(0)
    over = max(float(true[0]) / bound - 1, 0.0) if len(true) else 0.0
    inside = np.flatnonzero(true <= bound)
    if not len(inside):
        return Picked(-np.inf, np.nan, len(true), over)
    i = int(inside[0])
    return Picked(float(found.scores[i, 0]), float(true[i]), i + 1, over)


def searched(
    accuracy: Figure, asked: Figure, latency: Figure, bound: float, *, seeds: int, evaluations: int
) -> dict[str, list[Picked]]:
    """By method: `evolution`, `random` and `all cells`. asked: held against the limit; latency: what was measured."""
    limits = [Limit(asked, bound)]
    methods: dict[str, Callable[..., Found]] = {"evolution": evolve, "random": random_search}
    found = {
        name: [
            pick(method(SPACE, accuracy, limits, evaluations=evaluations, seed=seed), latency, bound)
            for seed in range(seeds)
        ]
        for name, method in methods.items()
    }
    found["all cells"] = [pick(exhaustive(SPACE, Problem([accuracy], limits)), latency, bound)]
    return found


def best_of(accuracy: Figure, table: ArchTable, bound_ns: float, column: str | None = None) -> float:
    """Accuracy of the true best within the limit, from the two tables alone."""
    rows, values, _ = table.usable(column)
    return float(np.nanmax(accuracy(table.vectors[rows][values <= bound_ns].astype(np.uint8))))


def predictor_of(table: ArchTable, plan: Plan) -> Figure:
    """Trained as `augur-edge train --space` does, and asked by the kernel."""
    trained = train(table, plan, lambda line: None, lambda line: None)
    return Figure("latency", "ns", Predictor(trained.data).predict_many)
