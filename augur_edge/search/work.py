"""Pieces of a search that can be done anywhere, and who does them: this process, by itself or with threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, Protocol

import numpy as np

from augur_edge.search.draws import BLOCK, Draws
from augur_edge.search.found import Found, Part
from augur_edge.search.goals import F64, U8, ObjectiveError, Problem
from augur_edge.search.moves import Moves
from augur_edge.spaces import Space

BATCH = 1 << 14
SLOW_BATCH = 64
_HOPELESS = 1 << 17  # architectures looked at in a row with none within the limits: there is no more


@dataclass(frozen=True, eq=False)
class Job:
    """What is searched, and for what."""

    space: Space
    problem: Problem


class Result(NamedTuple):
    """What a task found, and what its method needs to go on: of a `Draw`, its place and whether there is more."""

    part: Part
    state: Any


class Task(Protocol):
    """A piece of a search. It can be pickled, and done again it finds the same."""

    def do(self, job: Job) -> Result:
        """Raises ObjectiveError with the `part` that was found before."""


class Workers(Protocol):
    """Who does tasks. live: one by one in this process, so that each can be short, and what it changes is changed."""

    live: bool

    def run(self, job: Job, tasks: Iterable[Task]) -> Iterator[Result]:
        """Results in the order of the tasks."""


class Here:
    """This process. jobs: threads; the kernel and most of numpy leave the interpreter to others while they work."""

    def __init__(self, jobs: int = 1) -> None:
        self.jobs = jobs
        self.live = jobs == 1

    def run(self, job: Job, tasks: Iterable[Task]) -> Iterator[Result]:
        """See `Workers`."""
        if self.live:
            yield from (task.do(job) for task in tasks)
            return
        waiting, left = deque[Future[Result]](), iter(tasks)
        pool = ThreadPoolExecutor(self.jobs)
        try:
            waiting.extend(pool.submit(task.do, job) for task in islice(left, 2 * self.jobs))
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(task.do, job) for task in islice(left, 1))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class Span:
    """All architectures with indices from `start` to `stop`."""

    start: int
    stop: int

    def do(self, job: Job) -> Result:
        """See `Task`."""
        found = Found(job.problem)
        sizes = np.array(job.space.sizes)
        steps = np.concatenate([[1], np.cumprod(sizes[:-1])])
        moves = Moves(job.space, np.random.default_rng(0))
        for first in range(self.start, self.stop, BATCH):
            indices = np.arange(first, min(first + BATCH, self.stop))
            vectors = moves.valid(((indices[:, None] // steps) % sizes).astype(np.uint8))
            evaluate(job, found, within(job.problem, found, vectors))
        return Result(found.part(), None)


@dataclass(frozen=True)
class Draw:
    """`quota` random architectures within the limits, from a place of a stream on (see `Draws`)."""

    seed: int
    stream: int
    streams: int
    position: int
    quota: int

    def do(self, job: Job) -> Result:
        """See `Task`; the state: the place after the last taken, whether it is the end, how many were evaluated."""
        found, draws = Found(job.problem), Draws(job.space, self.seed, self.stream, self.streams)
        position, over, barren = self.position, False, 0
        slow_limits = any(limit.figure.slow for limit in job.problem.limits)
        while found.evaluations < self.quota and not over:
            wanted = self.quota - found.evaluations
            vectors, places, end = draws.piece(position, wanted if slow_limits else BLOCK)
            excess = job.problem.excess(vectors)
            inside = np.flatnonzero(excess == 0)[:wanted]
            looked = len(vectors) if len(inside) < wanted else int(inside[-1]) + 1
            found.look(vectors[:looked], excess[:looked])
            evaluate(job, found, vectors[inside])
            barren = 0 if len(inside) else barren + end - position
            over = end == position or barren >= _HOPELESS
            position = end if len(inside) < wanted else int(places[inside[-1]]) + 1
        return Result(found.part(), (position, over, found.evaluations))


def within(problem: Problem, found: Found, vectors: U8) -> U8:
    """Those within the limits."""
    excess = problem.excess(vectors)
    found.look(vectors, excess)
    return np.asarray(vectors[excess == 0])


def evaluate(job: Job, found: Found, vectors: U8) -> F64:
    """Scores, float64[n, objectives]; all go into `found`.

    Where one fails, those before it are kept, and ObjectiveError names it.
    """
    scored = [np.empty((0, len(job.problem.objectives)))]
    step = SLOW_BATCH if job.problem.slow else max(len(vectors), 1)
    for first in range(0, len(vectors), step):
        some = vectors[first : first + step]
        scores, error = _scored(job.problem, some)
        if len(scores):
            found.add(some[: len(scores)], scores)
        if error is not None:
            where = f", for {job.space.title(some[len(scores)].tolist())}" if len(scores) < len(some) else ""
            told = ObjectiveError(f"{error}{where}")
            told.part = found.part()
            raise told from error
        scored.append(scores)
    return np.concatenate(scored)


def _scored(problem: Problem, vectors: U8) -> tuple[F64, ObjectiveError | None]:
    """Scores of the architectures before the first that fails, looked for by halves, and how it fails."""
    try:
        return problem.scores(vectors), None
    except ObjectiveError as e:
        error = e
    if error.known is not None:
        return error.known, error
    if len(vectors) < 2:
        return np.empty((0, len(problem.objectives))), error
    half = len(vectors) // 2
    first, failed = _scored(problem, vectors[:half])
    if failed is not None:
        return first, failed
    rest, failed = _scored(problem, vectors[half:])
    return np.concatenate([first, rest]), failed or error
