"""A space in random order, each architecture once, in streams that share nothing: any piece can be drawn anywhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from augur_edge.search.goals import U8
from augur_edge.search.moves import Moves
from augur_edge.spaces import Space

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

BLOCK = 4096
_ORDERED = (
    1 << 60
)  # combinations up to which each comes once; in a larger space a draw of 10^9 repeats one in 10^3 times
_ROUNDS = 6


class Draws:
    """Stream `stream` of `streams`. The same seed gives the same order whatever piece is asked for first.

    Small spaces are walked in the order of a Feistel network over their indices, as in Black and Rogaway, Ciphers with
    arbitrary finite domains (CT-RSA 2002); larger ones are drawn block by block, each from a generator of its own.
    """

    def __init__(self, space: Space, seed: int, stream: int, streams: int) -> None:
        self.seed, self.stream, self.streams = seed, stream, streams
        self._sizes = np.array(space.sizes, np.int64)
        self._moves = Moves(space, np.random.default_rng(0))
        self._total = space.combinations
        self._keys = np.random.default_rng(seed).integers(0, 1 << 63, _ROUNDS, np.uint64)

    def piece(self, position: int, count: int) -> tuple[U8, I64, int]:
        """At most `count` architectures from a place of the stream on, their places, and the place after the last.

        uint8[n, length], int64[n]: fewer where rules of the space took some, or at the end of a block. The place after
        the last is `position` itself where the stream is at its end.
        """
        end = min(position + count, (position // BLOCK + 1) * BLOCK)
        if self._total <= _ORDERED:
            end = min(end, -(-(self._total - self.stream) // self.streams))
        if end <= position:
            return np.empty((0, len(self._sizes)), np.uint8), np.empty(0, np.int64), position
        places = np.arange(position, end)
        vectors = self._ordered(places) if self._total <= _ORDERED else self._drawn(position, end)
        good = self._moves.legal(vectors)
        return vectors[good], places[good], end

    def _ordered(self, places: I64) -> U8:
        left = _shuffled(places * self.streams + self.stream, self._total, self._keys)
        vectors = np.empty((len(left), len(self._sizes)), np.uint8)
        for i, size in enumerate(self._sizes.tolist()):
            left, vectors[:, i] = np.divmod(left, size)
        return vectors

    def _drawn(self, position: int, end: int) -> U8:
        block = position // BLOCK
        rng = np.random.default_rng([self.seed, self.stream, block])
        vectors = np.empty((BLOCK, len(self._sizes)), np.uint8)
        for size in np.unique(self._sizes).tolist():
            columns = np.flatnonzero(self._sizes == size)
            vectors[:, columns] = rng.integers(0, size, (BLOCK, len(columns)), np.uint8)
        return np.asarray(vectors[position - block * BLOCK : end - block * BLOCK])


def _shuffled(indices: I64, total: int, keys: U64) -> I64:
    """Where a random order of 0 … total - 1 puts each: a permutation of the next power of four, walked into range."""
    half = max(1, -(-(total - 1).bit_length() // 2))
    found = indices.astype(np.uint64)
    outside = np.ones(len(found), bool)
    while outside.any():
        found[outside] = _feistel(found[outside], np.uint64(half), keys)
        outside = found >= np.uint64(total)
    return found.astype(np.int64)


def _feistel(values: U64, half: np.uint64, keys: U64) -> U64:
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = values >> half, values & mask
    for key in keys:
        mixed = (right + key) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0x94D049BB133111EB)
        left, right = right, left ^ ((mixed >> np.uint64(32)) & mask)
    return np.asarray((left << half) | right, np.uint64)
