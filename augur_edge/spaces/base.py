"""What every search space can do: text, vector and index of an architecture, random ones, near ones, and its Network.

A vector is a tuple of small whole numbers, one for each choice that the space leaves open; `choices` names them.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from math import prod
from typing import ClassVar, Protocol

from augur_edge.errors import UsageError
from augur_edge.network import Network

Vector = tuple[int, ...]
_TRIES = 1000  # random vectors drawn in a row without finding a valid one that is new


@dataclass(frozen=True)
class Choice:
    """One open question of a space: its name and the legal answers; a vector holds an answer's place."""

    name: str
    ops: tuple[str, ...]


class Space(Protocol):
    """A search space. All methods raise UsageError for what is no architecture of it: position, and the legal ops."""

    @property
    def name(self) -> str:
        """As in `measure --space NAME`."""

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What a vector's numbers mean, position by position."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many legal answers each position has."""

    @property
    def size(self) -> int:
        """Number of valid vectors."""

    @property
    def label(self) -> str:
        """The name with the options that are not as usual: `nasbench201@classes=100`."""

    def title(self, vector: Sequence[int]) -> str:
        """`LABEL:ARCHITECTURE`, by which a network of the space is measured and stored."""

    def encode(self, text: str) -> Vector:
        """The vector of an architecture's own text, or of a vector (`0,3,1`) or an index (`#12`) written as text."""

    def decode(self, vector: Sequence[int]) -> str:
        """The inverse of `encode`."""

    def validate(self, vector: Sequence[int]) -> Vector:
        """The vector as a tuple, if it is an architecture of this space."""

    def index(self, vector: Sequence[int]) -> int:
        """Place among all combinations of answers, position 0 changing fastest (Eagle's order)."""

    def at(self, index: int) -> Vector:
        """The inverse of `index`."""

    @property
    def combinations(self) -> int:
        """Of answers, architectures or not; every `index` is below it."""

    def vector_or_none(self, index: int) -> Vector | None:
        """`at`, but None for answers that are no architecture together."""

    def runs(self, vector: Vector) -> bool:
        """Whether the network computes something of its input."""

    def sample(self, count: int, rng: random.Random) -> list[Vector]:
        """`count` different architectures, each as likely as any other."""

    def neighbours(self, vector: Sequence[int]) -> Iterator[Vector]:
        """Every architecture that differs in one answer."""

    def mutate(self, vector: Sequence[int], rng: random.Random) -> Vector:
        """One of the neighbours."""

    def crossover(self, a: Sequence[int], b: Sequence[int], rng: random.Random) -> Vector:
        """An architecture whose every answer is that of one of the two."""

    def network(self, vector: Sequence[int], batch: int = 1) -> Network:
        """The whole network, with the space's own skeleton around the choices."""


@dataclass(frozen=True)
class Choices:
    """All of `Space` but the network and the text, for spaces whose vectors are answers to independent questions.

    A space with rules between its answers overrides `check`, and `size` if it knows it; one with a text of its own
    `parse` and `decode`.
    """

    name: ClassVar[str]

    @property
    def choices(self) -> tuple[Choice, ...]:
        """See `Space`."""
        raise NotImplementedError

    @property
    def sizes(self) -> tuple[int, ...]:
        """See `Space`."""
        return tuple(len(c.ops) for c in self.choices)

    @property
    def combinations(self) -> int:
        """See `Space`."""
        return prod(self.sizes)

    @property
    def size(self) -> int:
        """See `Space`."""
        return self.combinations

    @property
    def label(self) -> str:
        """See `Space`."""
        changed = [f"{f.name}={getattr(self, f.name)}" for f in fields(self) if getattr(self, f.name) != f.default]
        return f"{self.name}@{','.join(changed)}" if changed else self.name

    def title(self, vector: Sequence[int]) -> str:
        """See `Space`."""
        return f"{self.label}:{self.decode(vector)}"

    def check(self, vector: Vector) -> str | None:
        """Why answers that are legal one by one are no architecture together, or None."""
        return None

    def validate(self, vector: Sequence[int]) -> Vector:
        """See `Space`."""
        if len(vector) != len(self.choices):
            raise UsageError(f"{self.name}: a vector has {len(self.choices)} numbers, this one {len(vector)}")
        for position, (value, choice) in enumerate(zip(vector, self.choices)):
            if value != int(value) or not 0 <= value < len(choice.ops):
                raise UsageError(
                    f"{self.name}: position {position} ({choice.name}) is {value}; legal: {numbered(choice.ops)}"
                )
        found = tuple(int(v) for v in vector)
        why = self.check(found)
        if why is not None:
            raise UsageError(f"{self.name}: {why}")
        return found

    def encode(self, text: str) -> Vector:
        """See `Space`."""
        text = text.strip()
        if text.startswith("#"):
            if not text[1:].isdecimal():
                raise UsageError(f"{self.name}: {text!r} is no index; write #0 to #{self.combinations - 1}")
            return self.at(int(text[1:]))
        parts = [part.strip() for part in text.strip("()[] ").split(",")]
        if all(part.isdecimal() for part in parts):
            return self.validate([int(part) for part in parts])
        return self.validate(self.parse(text))

    def parse(self, text: str) -> list[int]:
        """A vector, not validated, of the space's own text: by default the answers' names with commas."""
        parts = [part.strip() for part in text.split(",")]
        if len(parts) != len(self.choices):
            raise UsageError(
                f"{self.name}: {len(parts)} answers with commas, not {len(self.choices)}; "
                f"the first of them is one of {', '.join(self.choices[0].ops)}"
            )
        return [place(self.name, i, choice, part) for i, (part, choice) in enumerate(zip(parts, self.choices))]

    def decode(self, vector: Sequence[int]) -> str:
        """See `Space`."""
        return ",".join(choice.ops[value] for value, choice in zip(self.validate(vector), self.choices))

    def index(self, vector: Sequence[int]) -> int:
        """See `Space`."""
        found = 0
        for value, size in zip(reversed(self.validate(vector)), reversed(self.sizes)):
            found = found * size + value
        return found

    def at(self, index: int) -> Vector:
        """See `Space`."""
        if not 0 <= index < self.combinations:
            raise UsageError(f"{self.name}: index {index} is not within 0 to {self.combinations - 1}")
        return self.validate(self._answers(index))

    def _answers(self, index: int) -> Vector:
        vector = []
        for size in self.sizes:
            index, value = divmod(index, size)
            vector.append(value)
        return tuple(vector)

    def vector_or_none(self, index: int) -> Vector | None:
        """See `Space`."""
        vector = self._answers(index)
        return vector if self.check(vector) is None else None

    def runs(self, vector: Vector) -> bool:
        """See `Space`."""
        return True

    def draw(self, rng: random.Random) -> Vector:
        """Random answers, which together may be no architecture."""
        return tuple(map(rng.randrange, self.sizes))

    def sample(self, count: int, rng: random.Random) -> list[Vector]:
        """See `Space`."""
        if not 0 <= count <= self.size:
            raise UsageError(f"{self.name}: {count} architectures asked for, it has {self.size}")
        found: dict[Vector, None] = {}
        misses = 0
        while len(found) < count:
            vector = self.draw(rng)
            if vector in found or self.check(vector) is not None:
                misses += 1
                if misses > _TRIES * (count + 1):
                    raise UsageError(f"{self.name}: cannot find {count} different architectures; ask for fewer")
                continue
            found[vector] = None
        return list(found)

    def neighbours(self, vector: Sequence[int]) -> Iterator[Vector]:
        """See `Space`."""
        start = self.validate(vector)
        for i, size in enumerate(self.sizes):
            for value in range(size):
                near = (*start[:i], value, *start[i + 1 :])
                if value != start[i] and self.check(near) is None:
                    yield near

    def mutate(self, vector: Sequence[int], rng: random.Random) -> Vector:
        """See `Space`."""
        return rng.choice(list(self.neighbours(vector)))

    def crossover(self, a: Sequence[int], b: Sequence[int], rng: random.Random) -> Vector:
        """See `Space`; the first parent where the two do not mix."""
        first, second = self.validate(a), self.validate(b)
        for _ in range(_TRIES):
            child = tuple(rng.choice(pair) for pair in zip(first, second))
            if self.check(child) is None:
                return child
        return first


def numbered(ops: Sequence[str]) -> str:
    """`0 none, 1 skip_connect, …` for messages."""
    return ", ".join(f"{i} {op}" for i, op in enumerate(ops))


def place(space: str, position: int, choice: Choice, op: str) -> int:
    """Where `op` stands among a choice's. Raises UsageError with the position, the legal ops and the nearest one."""
    if op in choice.ops:
        return choice.ops.index(op)
    near = difflib.get_close_matches(op, choice.ops, 1, 0.6)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"{space}: position {position} ({choice.name}) is {op!r}; legal: {', '.join(choice.ops)}{hint}")
