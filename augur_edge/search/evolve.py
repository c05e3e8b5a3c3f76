"""Searches for the best architecture within limits: random, evolution, and all of a small space.

Limits are looked at first, since a predictor answers in nanoseconds; objectives, which may cost minutes, only within
them. An evaluation is one architecture whose objectives were asked for. Every search takes `workers`, who do it
together (`Here(jobs)` for threads, `host.cluster.Cluster` for other machines) and find the very same, and a
`checkpoint`, from which it goes on after an interruption to the very same end.
"""

from __future__ import annotations

from collections.abc import Sequence

from augur_edge.errors import UsageError
from augur_edge.search.drive import Checkpoint, Progress, drive
from augur_edge.search.found import Found
from augur_edge.search.goals import Figure, Limit, Problem
from augur_edge.search.islands import POPULATION
from augur_edge.search.methods import Evolution, Exhaustive, Random
from augur_edge.search.work import Job, Workers
from augur_edge.spaces import Space


def _untold(found: Found) -> None:
    """Nobody asks."""


def evolve(
    space: Space,
    objective: Figure,
    limits: Sequence[Limit] = (),
    *,
    evaluations: int = 1000,
    batch: int = 1,
    population: int = POPULATION,
    seed: int = 0,
    progress: Progress = _untold,
    islands: int = 1,
    workers: Workers | None = None,
    checkpoint: Checkpoint | None = None,
) -> Found:
    """Evolution: the worst of the population makes room for a child of the winners of two tournaments.

    Every architecture is evaluated once, on each island (of more than two million by batches above 64, some again);
    where nothing new is left within the limits, the search ends before it has made all its evaluations. batch:
    children made at a time; 1 learns most from each evaluation, some thousands are fastest. Up to 64, children are made
    in plenty, and most of those that are evaluated are chosen by a linear guess of their cost (`Guide`). islands:
    populations that share the evaluations; one is done by one worker. progress: told after every batch, of several
    islands after every epoch; what it raises ends the search, and it may keep its Found. Raises ObjectiveError.

    Steady-state selection as in Syswerda, A study of reproduction in generational and steady-state genetic algorithms
    (1991); tournaments and point mutations as in Real et al., Regularized evolution for image classifier architecture
    search (AAAI 2019), from which it differs in removing the worst, not the oldest.
    """
    job = Job(space, Problem([objective], limits))
    demand(evaluations)
    method = Evolution(job, evaluations, seed, islands=islands, population=population, batch=batch)
    return drive(job, method, progress, workers, checkpoint)


def random_search(
    space: Space,
    objective: Figure,
    limits: Sequence[Limit] = (),
    *,
    evaluations: int = 1000,
    seed: int = 0,
    progress: Progress = _untold,
    workers: Workers | None = None,
    checkpoint: Checkpoint | None = None,
) -> Found:
    """The best of random architectures within the limits, none of them twice (in spaces beyond 2^60 hardly ever)."""
    demand(evaluations)
    job = Job(space, Problem([objective], limits))
    return drive(job, Random(evaluations, seed), progress, workers, checkpoint)


def exhaustive(
    space: Space,
    problem: Problem,
    *,
    progress: Progress = _untold,
    start: int = 0,
    stop: int | None = None,
    workers: Workers | None = None,
    checkpoint: Checkpoint | None = None,
) -> Found:
    """All of the space, or its indices from `start` to `stop`.

    Raises UsageError for other indices, and where the space is too large for that.
    """
    job = Job(space, problem)
    return drive(job, Exhaustive(job, start, stop), progress, workers, checkpoint)


def demand(evaluations: int) -> None:
    """Raises UsageError for none."""
    if evaluations < 1:
        raise UsageError(f"{evaluations} evaluations: at least one is needed")
