"""Searches for the best architecture within limits: random, evolution, and all of a small space.

Limits are looked at first, since a predictor answers in nanoseconds; objectives, which may cost minutes, only within
them. An evaluation is one architecture whose objectives were asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Callable

import numpy as np

from augur_edge.errors import UsageError
from augur_edge.search.found import Found
from augur_edge.search.goals import F64, U8, Figure, Limit, Problem
from augur_edge.search.moves import Moves, Seen
from augur_edge.spaces import Space

POPULATION = 50
TOURNAMENT = 5
CROSSED = 0.9
NEAR = 4  # batches without anything new before children differ in one more answer
EXHAUSTIBLE = 1 << 24
_BATCH = 1 << 14
_BARREN = 500  # batches in a row without anything new within the limits: there is no more

Progress = Callable[[Found], None]


def evolve(
    space: Space,
    objective: Figure,
    limits: Sequence[Limit] = (),
    *,
    evaluations: int = 1000,
    batch: int = 1,
    population: int = POPULATION,
    seed: int = 0,
    progress: Progress = lambda found: None,
) -> Found:
    """Evolution: the worst of the population makes room for a child of the winners of two tournaments.

    Every architecture is evaluated once. batch: children made at a time; 1 learns most from each evaluation, some
    thousands are fastest. progress: told after every batch; what it raises ends the search, and it may keep its Found.
    Raises ObjectiveError. Steady-state selection as in Syswerda, A study of reproduction in generational and
    steady-state genetic algorithms (1991); tournaments and point mutations as in Real et al., Regularized evolution for
    image classifier architecture search (AAAI 2019), from which it differs in removing the worst, not the oldest.
    """
    method = _Evolution(population, batch)
    return _run(space, Problem([objective], limits), method, evaluations=evaluations, seed=seed, progress=progress)


def random_search(
    space: Space,
    objective: Figure,
    limits: Sequence[Limit] = (),
    *,
    evaluations: int = 1000,
    seed: int = 0,
    progress: Progress = lambda found: None,
) -> Found:
    """The best of random architectures within the limits, none of them twice."""
    return _run(space, Problem([objective], limits), _Random(), evaluations=evaluations, seed=seed, progress=progress)


def exhaustive(
    space: Space, problem: Problem, *, progress: Progress = lambda found: None, start: int = 0, stop: int | None = None
) -> Found:
    """All of the space, or its indices from `start` to `stop`. Raises UsageError where it is too large for that."""
    total = space.combinations
    if total > EXHAUSTIBLE:
        raise UsageError(f"{space.name} has {space.size} architectures, too many to try all; use --method evolution")
    found = Found(problem)
    for vectors in _all(space, start, total if stop is None else stop):
        evaluate(problem, found, within(problem, found, vectors))
        progress(found)
    found.complete = True
    return found


def _all(space: Space, start: int, stop: int) -> Iterator[U8]:
    """Every valid architecture in the order of indices, position 0 fastest."""
    sizes = np.array(space.sizes)
    steps = np.concatenate([[1], np.cumprod(sizes[:-1])])
    moves = Moves(space, np.random.default_rng(0))
    for first in range(start, stop, _BATCH):
        indices = np.arange(first, min(first + _BATCH, stop))
        yield moves.valid(((indices[:, None] // steps) % sizes).astype(np.uint8))


class _Random:
    """Proposes random architectures."""

    batch = 256

    def propose(self, moves: Moves, count: int, barren: int) -> U8:
        return moves.random(count)

    def learn(self, vectors: U8, costs: F64) -> None:
        """Nothing."""


class _Evolution:
    """A population, best first."""

    def __init__(self, population: int, batch: int) -> None:
        if population < 2 or batch < 1:
            raise UsageError(f"a population of {population} and batches of {batch}: at least 2 and 1")
        self.population, self.batch = population, batch
        self._vectors = np.empty((0, 0), np.uint8)
        self._costs = np.empty(0)

    def propose(self, moves: Moves, count: int, barren: int) -> U8:
        """Children, more than asked, since some are not new; random architectures until the population is full.

        barren: batches in a row without anything new. The nearest are tried first, and then further ones.
        """
        n = len(self._costs)
        if n < self.population:
            return moves.random(max(count, 16))
        winners = moves.rng.integers(0, n, (2, 2 * count + 14, TOURNAMENT)).min(axis=2)  # best first: the least place
        return moves.children(
            self._vectors[winners[0]], self._vectors[winners[1]], CROSSED, min(1 + barren // NEAR, len(moves.sizes))
        )

    def learn(self, vectors: U8, costs: F64) -> None:
        """Take in what was evaluated, and keep the best."""
        if len(self._costs):
            vectors, costs = np.concatenate([self._vectors, vectors]), np.concatenate([self._costs, costs])
        order = np.argsort(costs, kind="stable")[: self.population]
        self._vectors, self._costs = vectors[order], costs[order]


def _run(
    space: Space, problem: Problem, method: _Random | _Evolution, *, evaluations: int, seed: int, progress: Progress
) -> Found:
    if evaluations < 1:
        raise UsageError(f"{evaluations} evaluations: at least one is needed")
    found, seen = Found(problem), Seen(len(space.choices))
    moves, barren = Moves(space, np.random.default_rng(seed)), 0
    while found.evaluations < evaluations and barren < _BARREN:
        wanted = min(method.batch, evaluations - found.evaluations)
        vectors = method.propose(moves, wanted, barren)
        chosen = seen.new(within(problem, found, vectors), wanted)
        costs = evaluate(problem, found, chosen)
        method.learn(chosen, costs)
        barren = 0 if len(chosen) else barren + 1
        progress(found)
    found.complete = True
    return found


def within(problem: Problem, found: Found, vectors: U8) -> U8:
    """Those within the limits."""
    excess = problem.excess(vectors)
    found.look(vectors, excess)
    return np.asarray(vectors[excess == 0])


def evaluate(problem: Problem, found: Found, vectors: U8) -> F64:
    """The cost of each, float64[n], in the first objective; all go into `found`."""
    if not len(vectors):
        return np.empty(0)
    scores = problem.scores(vectors)
    found.add(vectors, scores)
    return np.asarray(scores[:, 0] * problem.signs[0])
