"""NSGA-II for several objectives, by pymoo, with the moves of our spaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import numpy as np

from augur_edge.errors import DataError, MissingExtraError, UsageError
from augur_edge.search.drive import Checkpoint, Progress
from augur_edge.search.evolve import demand
from augur_edge.search.found import Found
from augur_edge.search.goals import F64, U8, Figure, Limit, Problem
from augur_edge.search.moves import Moves
from augur_edge.search.work import Job, evaluate
from augur_edge.spaces import Space

POPULATION = 100

Ask = Callable[[Any], "tuple[F64, F64]"]


def nsga2(
    space: Space,
    objectives: Sequence[Figure],
    limits: Sequence[Limit] = (),
    *,
    evaluations: int = 10_000,
    population: int = POPULATION,
    seed: int = 0,
    progress: Progress = lambda found: None,
    checkpoint: Checkpoint | None = None,
) -> Found:
    """The front of several objectives within the limits.

    Deb et al., A fast and elitist multiobjective genetic algorithm: NSGA-II, IEEE Trans. Evol. Comput. 6 (2002), as
    implemented by pymoo; here an evaluation is any architecture the algorithm asks about, within the limits or not.
    checkpoint: keeps every answer, so that what was interrupted is gone through again without asking.
    Raises MissingExtraError without pymoo, ObjectiveError, and UsageError for a single objective or no evaluations.
    """
    if len(objectives) < 2:
        raise UsageError("NSGA-II weighs several objectives; for one, evolution is better")
    demand(evaluations)
    job = Job(space, Problem(objectives, limits))
    asked = _Asked(job, Found(job.problem), progress, checkpoint)
    moves = Moves(space, np.random.default_rng(seed))
    _minimise(moves, asked, len(objectives), population=population, evaluations=evaluations, seed=seed)
    asked.found.complete = True
    return asked.found


class _Asked:
    """Answers what the algorithm asks, and keeps all answers in their order."""

    def __init__(self, job: Job, found: Found, progress: Progress, checkpoint: Checkpoint | None) -> None:
        self.job, self.found, self.progress, self.checkpoint = job, found, progress, checkpoint
        saved = checkpoint.load() if checkpoint else None
        self._kept: list[tuple[U8, F64, F64]] = []
        self._known = iter(() if saved is None else _batches(saved[1]))
        if checkpoint and saved is None:
            checkpoint.save(found, dict, now=True)

    def __call__(self, x: Any) -> tuple[F64, F64]:
        """Costs, float64[n, objectives], infinite beyond a limit, and by how much it is exceeded, float64[n]."""
        vectors = np.asarray(x, np.uint8)
        known = next(self._known, None)
        if known is None:
            excess, scores = self._answer(vectors)
        elif np.array_equal(known[0], vectors):
            _, excess, scores = known
            self.found.look(vectors, excess)
            self.found.add(vectors[excess == 0], scores[excess == 0])
        else:
            raise DataError("the checkpoint was left by another version of pymoo or numpy; search without --resume")
        self._kept.append((vectors, excess, scores))
        if self.checkpoint and known is None:
            self.checkpoint.save(self.found, self._state)
        self.progress(self.found)
        return np.where(np.isnan(scores), 1e30, scores * self.job.problem.signs), np.minimum(excess, 1e30)

    def _answer(self, vectors: U8) -> tuple[F64, F64]:
        """What each is beyond the limits by, and scores, NaN beyond."""
        excess = self.job.problem.excess(vectors)
        self.found.look(vectors, excess)
        scores = np.full((len(vectors), len(self.job.problem.objectives)), np.nan)
        inside = excess == 0
        if inside.any():
            scores[inside] = evaluate(self.job, self.found, vectors[inside])
        return excess, scores

    def _state(self) -> dict[str, Any]:
        vectors, excess, scores = (np.concatenate(column) for column in zip(*self._kept))
        return {"lengths": [len(k[0]) for k in self._kept], "asked": vectors, "excess": excess, "answers": scores}


def _batches(state: dict[str, Any]) -> list[tuple[U8, F64, F64]]:
    """One for each time the algorithm asked."""
    ends = np.cumsum(state.get("lengths", []), dtype=int)[:-1]
    if not len(state.get("lengths", [])):
        return []
    columns = [np.split(state[name], ends) for name in ("asked", "excess", "answers")]
    return list(zip(*columns))


def _minimise(moves: Moves, ask: Ask, n_objectives: int, *, population: int, evaluations: int, seed: int) -> None:
    try:
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.core.crossover import Crossover
        from pymoo.core.mutation import Mutation
        from pymoo.core.problem import Problem as Weighed
        from pymoo.optimize import minimize
    except ImportError:
        raise MissingExtraError("NSGA-II is pymoo's: pip install 'augur-edge[search]'") from None
    length = len(moves.sizes)

    class Asked(Weighed):  # type: ignore[misc]
        def _evaluate(self, x: Any, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
            costs, excess = ask(x)
            out["F"], out["G"] = costs, excess[:, None]

    class Crossed(Crossover):  # type: ignore[misc]
        def _do(self, problem: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
            return np.stack([moves.crossed(a, b) for a, b in ((x[0], x[1]), (x[1], x[0]))])

    class Mutated(Mutation):  # type: ignore[misc]
        def _do(self, problem: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
            return moves.mutated(x)

    start = moves.some(population)
    algorithm = NSGA2(
        pop_size=len(start), sampling=start, crossover=Crossed(2, 2, prob=1.0), mutation=Mutated(prob=1.0)
    )
    asked = Asked(n_var=length, n_obj=n_objectives, n_ieq_constr=1, xl=0, xu=moves.sizes - 1, vtype=int)
    minimize(asked, algorithm, ("n_eval", evaluations), seed=seed, verbose=False)
