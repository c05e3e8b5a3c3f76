"""Populations that evolve: one, or several that send their best to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from augur_edge.errors import UsageError
from augur_edge.search.found import Found
from augur_edge.search.goals import F64, U8
from augur_edge.search.guide import POOL, SHARE, Guide
from augur_edge.search.moves import Met, Moves, Seen
from augur_edge.search.work import Job, Result, evaluate

POPULATION = 50
TOURNAMENT = 5
CROSSED = 0.9
NEAR = 4  # batches without anything new before children differ in one more answer
GUIDED = 64  # at most so large a batch is worth guessing; larger ones are for objectives that cost next to nothing
BARREN = 500  # batches in a row without anything new within the limits: there is no more


class Island:
    """A population, best first. total: evaluations it may make; done: those it has made."""

    def __init__(self, sizes: Sequence[int], population: int, batch: int, total: int, seed: int | list[int]) -> None:
        if population < 2 or batch < 1:
            raise UsageError(f"a population of {population} and batches of {batch}: at least 2 and 1")
        self.population, self.batch, self.total = population, batch, total
        self.done = self.barren = self.stale = 0
        self.rng = np.random.default_rng(seed)
        self.guide = Guide(sizes) if batch <= GUIDED else None
        self.seen: Seen | Met = Seen(len(sizes)) if self.guide is None else Met()
        self.vectors: U8 = np.empty((0, len(sizes)), np.uint8)
        self.costs: F64 = np.empty(0)
        self._beyond: tuple[U8, F64] = (self.vectors, self.costs)  # the nearest to the limits, and by how much

    @property
    def over(self) -> bool:
        """Whether it has made all its evaluations, or finds nothing new any more."""
        return self.done >= self.total or self.barren >= BARREN

    def evolve(self, job: Job, most: int) -> Result:
        """Go on for `most` evaluations, or a batch more; raises ObjectiveError."""
        found, moves, stop = Found(job.problem), Moves(job.space, self.rng), min(self.done + most, self.total)
        while self.done < stop and not self.over:
            wanted = min(self.batch, self.total - self.done)
            vectors = self._propose(moves, wanted)
            excess = job.problem.excess(vectors)
            found.look(vectors, excess)
            chosen = self._chosen(vectors[excess == 0], wanted)
            costs = evaluate(job, found, chosen)[:, 0] * job.problem.signs[0]
            self._learn(chosen, costs)
            if self.guide is not None:
                self.guide.learn(chosen, costs)
            if not len(self.costs):
                self._approach(vectors, excess)
            self.done += len(chosen)
            self._tire(len(chosen), min(wanted, int((excess == 0).sum())))
        return Result(found.part(), self)

    def _tire(self, new: int, wanted: int) -> None:
        """Counts batches without anything new, and how much further children are to go where most are known."""
        self.barren = 0 if new else self.barren + 1
        if self.batch > 1 and wanted:
            known = 2 * new < wanted
            self.stale = max(self.stale + (1 if known else -1 if new == wanted else 0), 0)
            self.stale = min(self.stale, self.vectors.shape[1] - 1)

    def take(self, vectors: U8, costs: F64) -> None:
        """Others, already evaluated, settle here."""
        fresh = self.seen.new(vectors)
        known = {bytes(v): cost for v, cost in zip(vectors, costs.tolist())}
        self._learn(fresh, np.array([known[bytes(v)] for v in fresh]))

    def best(self, count: int) -> tuple[U8, F64]:
        """The best of the population and their costs."""
        return self.vectors[:count], self.costs[:count]

    def _chosen(self, vectors: U8, count: int) -> U8:
        """Those that are new, most of them by what is guessed."""
        if self.guide is None or len(self.costs) < self.population:
            return self.seen.new(vectors, count)
        guessed = int(self.rng.binomial(count, SHARE))
        first = self.seen.new(self.guide.best_first(vectors), guessed)
        return np.concatenate([first, self.seen.new(vectors, count - len(first))])

    def _propose(self, moves: Moves, count: int) -> U8:
        """Children, more than asked, since some are not new; random architectures until the population is full.

        The nearest are tried first, and further ones after batches in a row without anything new, and as long as most
        of larger batches are known: a population that has converged would else be asked for its neighbours for ever.
        """
        n = len(self.costs)
        if n < self.population:
            return self._first(moves, max(count, 16))
        most = 2 * count + 14 if self.guide is None else max(POOL, 2 * count)
        winners = self.rng.integers(0, n, (2, most, TOURNAMENT)).min(axis=2)  # best first: the least place
        steps = min(1 + self.stale + self.barren // NEAR, len(moves.sizes))
        return moves.children(self.vectors[winners[0]], self.vectors[winners[1]], CROSSED, steps)

    def _first(self, moves: Moves, count: int) -> U8:
        """Random ones; where batches of them held nothing within the limits, half are children of the nearest."""
        drawn = moves.random(count)
        near = self.vectors if len(self.vectors) else self._beyond[0]
        if self.barren < NEAR or not len(near):
            return drawn
        winners = self.rng.integers(0, len(near), (2, count, 2)).min(axis=2)
        return np.concatenate([drawn[: count // 2], moves.children(near[winners[0]], near[winners[1]], CROSSED)])

    def _approach(self, vectors: U8, excess: F64) -> None:
        """Keep those that are least beyond the limits, as Deb (2000) ranks what breaks them."""
        known = np.isfinite(excess)
        near = np.concatenate([self._beyond[0], vectors[known]])
        far = np.concatenate([self._beyond[1], excess[known]])
        _, first = np.unique(near, axis=0, return_index=True)
        order = first[np.argsort(far[first], kind="stable")][: self.population]
        self._beyond = near[order], far[order]

    def _learn(self, vectors: U8, costs: F64) -> None:
        """Take in what was evaluated, and keep the best."""
        if not len(costs):
            return
        vectors, costs = np.concatenate([self.vectors, vectors]), np.concatenate([self.costs, costs])
        order = np.argsort(costs, kind="stable")[: self.population]
        self.vectors, self.costs = vectors[order], costs[order]

    def state(self) -> dict[str, Any]:
        """All of it as arrays and plain data."""
        guide = self.guide
        learnt = {} if guide is None else {"known": guide.vectors, "paid": guide.costs, "weights": guide.weights}
        return {
            **learnt, "fresh": 0 if guide is None else guide.fresh,
            "rng": self.rng.bit_generator.state, "met": self.seen.state(),
            "counts": [self.done, self.barren, self.stale],
            "vectors": self.vectors, "costs": self.costs, "near": self._beyond[0], "far": self._beyond[1],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        self.seen.restore(state["met"])
        self.rng.bit_generator.state = state["rng"]
        self.done, self.barren, self.stale = state["counts"]
        self.vectors, self.costs = state["vectors"], state["costs"]
        self._beyond = state["near"], state["far"]
        if self.guide is not None:
            self.guide.vectors, self.guide.costs = state["known"], state["paid"]
            self.guide.weights, self.guide.fresh = state["weights"], state["fresh"]


@dataclass(frozen=True, eq=False)
class Epoch:
    """Some evaluations of an island; its state afterwards is the result's."""

    island: Island
    most: int

    def do(self, job: Job) -> Result:
        """See `Task`."""
        return self.island.evolve(job, self.most)
