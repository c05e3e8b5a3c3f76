"""Random, mutated and crossed architectures, many at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge.search.goals import U8
from augur_edge.spaces import Choices, Space

U64 = npt.NDArray[np.uint64]


class Moves:
    """A space's moves over uint8[n, length]. Spaces with rules between answers drop what breaks them, one by one."""

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self.space, self.rng = space, rng
        self.sizes = np.array(space.sizes)
        self._free = np.flatnonzero(self.sizes > 1)
        self._ruled = getattr(type(space), "check", None) is not Choices.check

    def random(self, count: int) -> U8:
        """Up to `count` architectures, each as likely as any other; fewer where rules took some."""
        drawn = self.rng.integers(0, self.sizes, (count, len(self.sizes)))
        return self.valid(drawn.astype(np.uint8))

    def children(self, mothers: U8, fathers: U8, crossed: float, steps: int = 1) -> U8:
        """Of each pair a child: half of the father's answers where it is `crossed`, then `steps` answers mutated.

        crossed: share of the children that have two parents. uint8[n or fewer, length].
        """
        n, length = mothers.shape
        two: npt.NDArray[np.bool_] = np.asarray(self.rng.random(n) < crossed)
        bits = (self.rng.integers(0, 2, (n, length), np.uint8) == 1) & two[:, None]
        return self.valid(self._changed(np.where(bits, fathers, mothers), steps))

    def some(self, count: int) -> U8:
        """Exactly `count` random architectures."""
        found = self.random(count)
        while len(found) < count:
            found = np.concatenate([found, self.random(count)])
        return found[:count]

    def crossed(self, mothers: U8, fathers: U8) -> U8:
        """Of each pair a child with half of the father's answers; the mother where a rule forbids it."""
        found = np.where(self.rng.integers(0, 2, mothers.shape, np.uint8) == 1, fathers, mothers)
        return self._or(found, mothers)

    def mutated(self, vectors: U8) -> U8:
        """Each with one answer changed; as it was where a rule forbids it."""
        return self._or(self._changed(vectors.copy(), 1), vectors)

    def _changed(self, vectors: U8, steps: int) -> U8:
        """In place: one answer of each after another becomes any but what it was."""
        rows = np.arange(len(vectors))
        for _ in range(steps):
            places = self._free[self.rng.integers(0, len(self._free), len(rows))]
            sizes = self.sizes[places]
            vectors[rows, places] = (vectors[rows, places] + self.rng.integers(1, sizes)) % sizes
        return vectors

    def _or(self, vectors: U8, otherwise: U8) -> U8:
        return vectors if not self._ruled else np.where(self.legal(vectors)[:, None], vectors, otherwise)

    def legal(self, vectors: U8) -> npt.NDArray[np.bool_]:
        """bool[n]: those that break no rule of the space."""
        if not self._ruled:
            return np.ones(len(vectors), bool)
        space: Any = self.space
        return np.array([space.check(tuple(v)) is None for v in vectors.tolist()], bool)

    def valid(self, vectors: U8) -> U8:
        """Those that break no rule of the space."""
        return vectors[self.legal(vectors)] if self._ruled else vectors


class Seen:
    """Which architectures were met lately: the last of each of 2^20 places of a 64-bit hash.

    No other is taken for one that was met, but for a clash of two hashes of 64 bits; one met long ago may be new again.
    """

    PLACES = 1 << 20

    def __init__(self, length: int) -> None:
        odd = np.random.default_rng(20).integers(0, 1 << 63, length, np.uint64) * np.uint64(2) + np.uint64(1)
        self._odd = odd
        self._last = np.zeros(self.PLACES, np.uint64)

    def new(self, vectors: U8, most: int | None = None) -> U8:
        """The first `most` of those not met before, each once, in their order; from now on they are met."""
        hashes = (vectors.astype(np.uint64) + np.uint64(1)) @ self._odd
        hashes ^= hashes >> np.uint64(29)
        hashes *= np.uint64(0xBF58476D1CE4E5B9)
        places = (hashes >> np.uint64(44)).astype(np.int64)
        fresh = np.flatnonzero(self._last[places] != hashes)
        _, first = np.unique(hashes[fresh], return_index=True)
        chosen = fresh[np.sort(first)][:most]
        self._last[places[chosen]] = hashes[chosen]
        return vectors[chosen]

    def __getstate__(self) -> tuple[U64, U64, U64]:
        """Only the places that are taken: a short search has few."""
        taken = np.flatnonzero(self._last).astype(np.uint64)
        return self._odd, taken, self._last[taken.astype(np.int64)]

    def __setstate__(self, state: tuple[U64, U64, U64]) -> None:
        self._odd, taken, hashes = state
        self._last = np.zeros(self.PLACES, np.uint64)
        self._last[taken.astype(np.int64)] = hashes

    def state(self) -> list[npt.NDArray[Any]]:
        """The places that are taken, and their hashes."""
        return list(self.__getstate__()[1:])

    def restore(self, taken: U64, hashes: U64) -> None:
        """The inverse of `state`."""
        self.__setstate__((self._odd, taken, hashes))


class Met:
    """As `Seen`, but all that were ever met: for searches of few that are asked for again and again."""

    def __init__(self) -> None:
        self._met: dict[bytes, None] = {}

    def new(self, vectors: U8, most: int | None = None) -> U8:
        """The first `most` of those not met before, each once, in their order; from now on they are met."""
        chosen = []
        for i, key in enumerate(map(bytes, vectors)):
            if most is not None and len(chosen) >= most:
                break
            if key not in self._met:
                self._met[key] = None
                chosen.append(i)
        return vectors[chosen]

    def state(self) -> list[npt.NDArray[Any]]:
        """uint8[n, length] of all, and nothing else."""
        return [np.array([list(key) for key in self._met], np.uint8), np.empty(0)]

    def restore(self, taken: U8, hashes: Any) -> None:
        """The inverse of `state`."""
        self._met = dict.fromkeys(map(bytes, taken))
