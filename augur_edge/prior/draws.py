"""Random draws that are the same on every platform and with every numpy.

Only the raw 64-bit words of PCG64 are used, whose stream numpy promises to keep (that of its distributions it does
not), and no logarithm, whose last digit differs between C libraries.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """An endless stream of choices, named by a seed (0 or more) and the purpose it serves."""

    def __init__(self, seed: int, purpose: str) -> None:
        from numpy.random import PCG64, SeedSequence

        self._bits = PCG64(SeedSequence([seed, zlib.crc32(purpose.encode())]))
        self._words: list[int] = []

    def fraction(self) -> float:
        """Uniform in [0, 1), a multiple of 2**-53."""
        if not self._words:
            self._words = self._bits.random_raw(1024).tolist()
        return (self._words.pop() >> 11) * 2.0**-53

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.fraction() < probability

    def integer(self, low: int, high: int) -> int:
        """Uniform from `low` to `high`, both included; up to 2**40 values."""
        return low + int(self.fraction() * (high - low + 1))

    def octave(self, low: int, high: int) -> int:
        """From `low` (at least 1) to `high`, both included: each doubling equally likely, uniform within one."""
        while True:
            power = self.integer(low.bit_length(), high.bit_length()) - 1
            value = self.integer(1 << power, (2 << power) - 1)
            if low <= value <= high:
                return value

    def pick(self, options: Sequence[T], weights: Sequence[float] = ()) -> T:
        """One of `options`, in proportion to `weights` (equal unless given)."""
        if not weights:
            return options[self.integer(0, len(options) - 1)]
        left = self.fraction() * sum(weights)
        for option, weight in zip(options, weights):
            left -= weight
            if left < 0:
                return option
        return options[-1]
