"""What a search has found so far: the best, the front, and the nearest where nothing is within the limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from augur_edge.metrics import front_of
from augur_edge.search.goals import F64, U8, Problem

if TYPE_CHECKING:
    import pandas as pd

    from augur_edge.spaces import Space

KEPT = 4096  # of the front, and as many of the best, so that a search of any length fits in memory


class Part(NamedTuple):
    """What a piece of a search found, as plain data that can be kept and sent; see `Found` for each."""

    vectors: U8
    scores: F64
    asked: int
    evaluations: int
    left_out: int
    nearest: tuple[U8, float] | None


@dataclass(eq=False)
class Found:
    """Grows with `add`; can be read at any time.

    vectors: uint8[n, length], scores: float64[n, objectives], both of the front (all that is not beaten in every
    objective), or with one objective of the best, best first. asked: architectures whose limits were looked at;
    evaluations: those whose objectives were. left_out: of a front, rows beyond the `KEPT` that are held. nearest:
    where nothing was within the limits, the least beyond them.
    """

    problem: Problem
    vectors: U8 = field(default_factory=lambda: np.empty((0, 0), np.uint8))
    scores: F64 = field(default_factory=lambda: np.empty((0, 0)))
    asked: int = 0
    evaluations: int = 0
    left_out: int = 0
    nearest: tuple[U8, float] | None = None
    complete: bool = False

    def add(self, vectors: U8, scores: F64) -> None:
        """Architectures within the limits and their objectives."""
        self.evaluations += len(vectors)
        self._keep(vectors, scores)

    def _keep(self, vectors: U8, scores: F64) -> None:
        if len(self.vectors):
            vectors, scores = np.concatenate([self.vectors, vectors]), np.concatenate([self.scores, scores])
        costs = scores * self.problem.signs
        single = costs.shape[1] == 1
        kept = np.argsort(costs[:, 0], kind="stable") if single else front_of(costs)
        self.left_out += 0 if single else max(len(kept) - KEPT, 0)
        kept = kept[:KEPT]
        self.vectors, self.scores = vectors[kept], scores[kept]

    def part(self) -> Part:
        """All of it, without the problem."""
        return Part(self.vectors, self.scores, self.asked, self.evaluations, self.left_out, self.nearest)

    def absorb(self, part: Part, distinct: bool = True) -> None:
        """Takes in what another found; parts in the same order give the same whole.

        distinct: no architecture is in both; else those that are here already are not taken again.
        """
        self.asked += part.asked
        self.evaluations += part.evaluations
        self.left_out += part.left_out
        if part.nearest is not None and not len(self.vectors):
            self.nearest = min(self.nearest or part.nearest, part.nearest, key=lambda near: near[1])
        if not len(part.vectors):
            return
        fresh = np.ones(len(part.vectors), bool)
        if not distinct and len(self.vectors):
            fresh = ~self._here(part.vectors, part.scores)
        self._keep(part.vectors[fresh], part.scores[fresh])

    def _here(self, vectors: U8, scores: F64) -> npt.NDArray[np.bool_]:
        """bool[n]: those that are kept already. Only what scores the same can be the same."""
        here = np.isin(scores[:, 0], self.scores[:, 0])
        known = {bytes(v) for v in self.vectors[np.isin(self.scores[:, 0], scores[here, 0])]}
        here[here] = [bytes(v) in known for v in vectors[here]]
        return here

    def look(self, vectors: U8, excess: F64) -> None:
        """Limits of architectures: how many were asked, and the nearest while none is within."""
        self.asked += len(vectors)
        if len(vectors) and not len(self.vectors):
            i = int(np.argmin(excess))
            if excess[i] > 0 and (self.nearest is None or excess[i] < self.nearest[1]):
                self.nearest = (vectors[i].copy(), float(excess[i]))

    def to_frame(self, space: Space) -> pd.DataFrame:
        """As a data frame: `architecture`, and a column for each objective with its unit. Raises MissingExtraError."""
        from augur_edge.extras import pandas

        names = [f"{o.name}_{o.unit}" if o.unit else o.name for o in self.problem.objectives]
        frame: pd.DataFrame = pandas().DataFrame(self.scores.reshape(-1, len(names)), columns=names)
        frame.insert(0, "architecture", [space.title(vector) for vector in self.vectors.tolist()])
        return frame

    @property
    def best(self) -> tuple[int, ...]:
        """The best architecture, of a front the best in its first objective. Raises LookupError where there is none."""
        if not len(self.vectors):
            raise LookupError("nothing is within the limits")
        i = int(np.argmin(self.scores[:, 0] * self.problem.signs[0]))
        return tuple(int(v) for v in self.vectors[i])
