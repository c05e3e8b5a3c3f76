"""The methods of a search as rounds of tasks, with all that is needed to go on after an interruption."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Protocol

from augur_edge.errors import UsageError
from augur_edge.search.islands import Epoch, Island
from augur_edge.search.work import SLOW_BATCH, Draw, Job, Span, Task

EXHAUSTIBLE = 1 << 40
SPAN = 1 << 18
_STREAMS = 64
_DRAWN = 1 << 20  # at most, by one task
_EPOCH = 64  # batches of an island between two migrations
_MIGRANTS = 2


class Method(Protocol):
    """state: plain data, arrays among it."""

    @property
    def distinct(self) -> bool:
        """Whether no two tasks find the same architecture."""

    def tasks(self, live: bool) -> Iterator[Task]:
        """What is left of this round, none where the search is over. live: tasks are to be short."""

    def take(self, state: Any) -> None:
        """The state of a task's result; they come in the order of the tasks."""

    def state(self) -> dict[str, Any]:
        """Where it is, between two tasks."""

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""


class Exhaustive:
    """All of a space, span by span."""

    distinct = True

    def __init__(self, job: Job, start: int, stop: int | None) -> None:
        total = job.space.combinations
        last = total if stop is None else stop
        if not 0 <= start <= last <= total:
            raise UsageError(f"indices {start} to {last}: {job.space.name} has 0 to {total}")
        if total > EXHAUSTIBLE:
            raise UsageError(
                f"{job.space.name} has {job.space.size} architectures, too many to try all; use --method evolution"
            )
        self.next, self.stop = start, last
        self._step = SLOW_BATCH if job.problem.slow else SPAN

    def tasks(self, live: bool) -> Iterator[Task]:
        """See `Method`."""
        return (Span(i, min(i + self._step, self.stop)) for i in range(self.next, self.stop, self._step))

    def take(self, state: Any) -> None:
        """See `Method`."""
        self.next = min(self.next + self._step, self.stop)

    def state(self) -> dict[str, Any]:
        """See `Method`."""
        return {"next": self.next}

    def restore(self, state: dict[str, Any]) -> None:
        """See `Method`."""
        self.next = state["next"]


class Random:
    """Random architectures, from streams that each have a share; what some lack in the end, the others find."""

    distinct = True

    def __init__(self, evaluations: int, seed: int) -> None:
        self.seed = seed
        n = min(evaluations, max(_STREAMS, -(-evaluations // _DRAWN)))
        self.places = [0] * n
        self.over = [False] * n
        self.missing = evaluations
        self._round: list[tuple[int, int]] = []  # stream and share of what is left of this round

    def tasks(self, live: bool) -> Iterator[Task]:
        """See `Method`."""
        if not self._round:
            going = [i for i, over in enumerate(self.over) if not over]
            shares = [self.missing // len(going) + (k < self.missing % len(going)) for k in range(len(going))]
            self._round = [(i, share) for i, share in zip(going, shares) if share]
        n = len(self.places)
        return (Draw(self.seed, i, n, self.places[i], share) for i, share in list(self._round))

    def take(self, state: Any) -> None:
        """See `Method`."""
        i, _ = self._round.pop(0)
        self.places[i], self.over[i], found = state
        self.missing -= found

    def state(self) -> dict[str, Any]:
        """See `Method`."""
        return {"places": self.places, "over": self.over, "missing": self.missing, "round": self._round}

    def restore(self, state: dict[str, Any]) -> None:
        """See `Method`."""
        self.places, self.over, self.missing = state["places"], state["over"], state["missing"]
        self._round = [(i, share) for i, share in state["round"]]


class Evolution:
    """Islands, each an epoch at a time; then the best of each settle on the next.

    One island alone is the same whatever its epochs are. Migration along a ring: Whitley, Rana and Heckendorn, The
    island model genetic algorithm, J. Comput. Inf. Technol. 7 (1999).
    """

    def __init__(self, job: Job, evaluations: int, seed: int, *, islands: int, population: int, batch: int) -> None:
        if not 1 <= islands <= evaluations:
            raise UsageError(f"{islands} islands for {evaluations} evaluations: at least one island, each with one")
        sizes = job.space.sizes
        shares = [evaluations // islands + (k < evaluations % islands) for k in range(islands)]
        self.islands = [
            Island(sizes, population, batch, share, [seed, k] if k else seed) for k, share in enumerate(shares)
        ]
        self._epoch = max(population, _EPOCH * batch)
        self._turn = 0
        self._going: list[int] = []  # islands of this round

    @property
    def distinct(self) -> bool:
        """See `Method`."""
        return len(self.islands) == 1 and self.islands[0].seen.exact

    def tasks(self, live: bool) -> Iterator[Task]:
        """See `Method`."""
        if self._turn == len(self._going):
            self._turn, self._going = 0, [k for k, island in enumerate(self.islands) if not island.over]
        most = 1 if live and len(self.islands) == 1 else self._epoch
        # a copy where others work meanwhile: what is kept of this round is how it began
        islands = (self.islands[k] if live else deepcopy(self.islands[k]) for k in self._going[self._turn :])
        return (Epoch(island, most) for island in islands)

    def take(self, state: Any) -> None:
        """See `Method`."""
        self.islands[self._going[self._turn]] = state
        self._turn += 1
        if self._turn == len(self._going) and len(self.islands) > 1:
            best = [island.best(_MIGRANTS) for island in self.islands]
            for k, island in enumerate(self.islands):
                island.take(*best[k - 1])

    def state(self) -> dict[str, Any]:
        """See `Method`."""
        found: dict[str, Any] = {"turn": self._turn, "going": self._going}
        for k, island in enumerate(self.islands):
            found.update({f"{k}_{name}": value for name, value in island.state().items()})
        return found

    def restore(self, state: dict[str, Any]) -> None:
        """See `Method`."""
        self._turn, self._going = state["turn"], state["going"]
        for k, island in enumerate(self.islands):
            own = {name: value for name, value in state.items() if name.startswith(f"{k}_")}
            island.restore({name.partition("_")[2]: value for name, value in own.items()})
