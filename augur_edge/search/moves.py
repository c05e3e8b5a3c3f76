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
    """Which architectures were met: 64-bit hashes in a table that grows fourfold as it fills, up to `MOST` places.

    From then on one that finds its places taken takes another's, which may be new again. No other is taken for one
    that was met, but for a clash of two hashes.
    """

    LEAST, MOST = 1 << 16, 1 << 22  # places; the last are 32 MB, and hold two million architectures
    _PROBES = 16

    def __init__(self, length: int) -> None:
        odd = np.random.default_rng(20).integers(0, 1 << 63, length, np.uint64) * np.uint64(2) + np.uint64(1)
        self._odd = odd
        self._last = np.zeros(self.LEAST, np.uint64)
        self._taken = 0

    @property
    def exact(self) -> bool:
        """Whether nothing that was met was forgotten."""
        return len(self._last) < self.MOST

    def new(self, vectors: U8, most: int | None = None) -> U8:
        """The first `most` of those not met before, each once, in their order; from now on they are met."""
        hashes = (vectors.astype(np.uint64) + np.uint64(1)) @ self._odd
        hashes ^= hashes >> np.uint64(29)
        hashes *= np.uint64(0xBF58476D1CE4E5B9)
        fresh = np.flatnonzero(~self._met(hashes))
        _, first = np.unique(hashes[fresh], return_index=True)
        chosen = fresh[np.sort(first)][:most]
        self._add(hashes[chosen])
        return vectors[chosen]

    def _places(self, hashes: U64, probe: int) -> npt.NDArray[np.int64]:
        """Of the top bits, then in steps of the low ones."""
        home = hashes >> np.uint64(65 - len(self._last).bit_length())
        if probe == 0:
            return np.asarray(home, np.int64)
        step = (hashes & np.uint64(0xFFFF)) | np.uint64(1)
        return np.asarray((home + np.uint64(probe) * step) & np.uint64(len(self._last) - 1), np.int64)

    def _met(self, hashes: U64) -> npt.NDArray[np.bool_]:
        met, rows = np.zeros(len(hashes), bool), np.arange(len(hashes))
        for probe in range(self._PROBES):
            there = self._last[self._places(hashes[rows], probe)]
            same = there == hashes[rows]
            met[rows[same]] = True
            rows = rows[~same & (there != 0)]
            if not len(rows):
                break
        return met

    def _add(self, hashes: U64) -> None:
        """Different ones that are not there."""
        while len(self._last) < self.MOST and 2 * (self._taken + len(hashes)) > len(self._last):
            self._grow()
        left = self._put(hashes)
        while len(left) and len(self._last) < self.MOST:
            self._grow()
            left = self._put(left)
        self._last[self._places(left, 0)] = left

    def _grow(self) -> None:
        known = self._last[self._last != 0]
        self._last, self._taken = np.zeros(4 * len(self._last), np.uint64), 0
        left = self._put(known)
        if len(left):  # as good as never: most places are free
            self._add(left)

    def _put(self, hashes: U64) -> U64:
        """Those that found no free place."""
        for probe in range(self._PROBES):
            places = self._places(hashes, probe)
            free = self._last[places] == 0
            self._last[places[free]] = hashes[free]
            there = self._last[places] == hashes  # not if it was taken before, or by another of these
            self._taken += int(there.sum())
            hashes = hashes[~there]
            if not len(hashes):
                break
        return hashes

    def __getstate__(self) -> tuple[U64, U64]:
        return self._odd, self.state()

    def __setstate__(self, state: tuple[U64, U64]) -> None:
        self._odd = state[0]
        self.restore(state[1])

    def state(self) -> U64:
        """uint64[2, 1 + taken]: how many places there are, then those that are taken, with their hashes below."""
        taken = np.flatnonzero(self._last)
        found = np.zeros((2, 1 + len(taken)), np.uint64)
        found[0, 0], found[0, 1:], found[1, 1:] = len(self._last), taken, self._last[taken]
        return found

    def restore(self, state: U64) -> None:
        """The inverse of `state`, place by place, so that the same is forgotten later."""
        self._last, self._taken = np.zeros(int(state[0, 0]), np.uint64), state.shape[1] - 1
        self._last[state[0, 1:].astype(np.int64)] = state[1, 1:]


class Met:
    """As `Seen`, but all that were ever met: for searches of few that are asked for again and again."""

    exact = True

    def __init__(self) -> None:
        self._met: dict[bytes, None] = {}

    def new(self, vectors: U8, most: int | None = None) -> U8:
        """The first `most` of those not met before, each once, in their order; from now on they are met."""
        chosen: list[int] = []
        for i, key in enumerate(map(bytes, vectors)):
            if most is not None and len(chosen) >= most:
                break
            if key not in self._met:
                self._met[key] = None
                chosen.append(i)
        return vectors[chosen]

    def state(self) -> U8:
        """uint8[n, length] of all."""
        return np.array([list(key) for key in self._met], np.uint8)

    def restore(self, state: U8) -> None:
        """The inverse of `state`."""
        self._met = dict.fromkeys(map(bytes, state))
