"""NSGA-II for several objectives, by pymoo, with the moves of our spaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import numpy as np

from augur_edge.errors import MissingExtraError, UsageError
from augur_edge.search.evolve import Progress
from augur_edge.search.found import Found
from augur_edge.search.goals import F64, Figure, Limit, Problem
from augur_edge.search.moves import Moves
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
) -> Found:
    """The front of several objectives within the limits.

    Deb et al., A fast and elitist multiobjective genetic algorithm: NSGA-II, IEEE Trans. Evol. Comput. 6 (2002), as
    implemented by pymoo; here an evaluation is any architecture the algorithm asks about, within the limits or not.
    Raises MissingExtraError without pymoo, ObjectiveError, and UsageError for a single objective.
    """
    if len(objectives) < 2:
        raise UsageError("NSGA-II weighs several objectives; for one, evolution is better")
    problem = Problem(objectives, limits)
    found, moves = Found(problem), Moves(space, np.random.default_rng(seed))

    def ask(x: Any) -> tuple[F64, F64]:
        """Costs, float64[n, objectives], infinite beyond a limit, and by how much it is exceeded, float64[n]."""
        vectors = np.asarray(x, np.uint8)
        excess = problem.excess(vectors)
        found.look(vectors, excess)
        costs = np.full((len(vectors), len(objectives)), 1e30)
        inside = excess == 0
        if inside.any():
            scores = problem.scores(vectors[inside])
            found.add(vectors[inside], scores)
            costs[inside] = scores * problem.signs
        progress(found)
        return costs, np.minimum(excess, 1e30)

    _minimise(moves, ask, len(objectives), population=population, evaluations=evaluations, seed=seed)
    found.complete = True
    return found


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
