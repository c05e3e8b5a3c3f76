"""NAS-Bench-101 (Ying et al., ICML 2019): modules of up to seven vertices and nine edges."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import ClassVar

from augur_edge.builder import Builder
from augur_edge.errors import UsageError
from augur_edge.network import Network
from augur_edge.spaces.base import Choice, Choices, Vector, place

VERTICES = 7
MAX_EDGES = 9
OUTPUT = VERTICES - 1
OPS = ("conv3x3", "conv1x1", "maxpool3x3")
EDGES = tuple((a, b) for a in range(VERTICES) for b in range(a + 1, VERTICES))
_CHOICES = (
    *(Choice(f"edge {a}>{b}", ("no", "yes")) for a, b in EDGES),
    *(Choice(f"vertex {v}", OPS) for v in range(1, OUTPUT)),
)
VALID = 243 * 573_494
"""Adjacency matrices of at most nine edges with a path from input to output, times the ops of five vertices."""


def pruned(vector: Sequence[int]) -> set[tuple[int, int]]:
    """The edges on a path from the input (vertex 0) to the output (vertex 6)."""
    edges = [edge for edge, there in zip(EDGES, vector) if there]
    reached, wanted = {0}, {OUTPUT}
    for a, b in edges:
        if a in reached:
            reached.add(b)
    for a, b in reversed(edges):
        if b in wanted:
            wanted.add(a)
    return {(a, b) for a, b in edges if a in reached and b in wanted}


def vertex_channels(edges: set[tuple[int, int]], channels: int) -> dict[int, int]:
    """Channels of the inner vertices: those joined at the output share its, others take the widest reader's."""
    joined = sorted(a for a, b in edges if b == OUTPUT and a != 0)
    found = {v: channels // len(joined) + (i < channels % len(joined)) for i, v in enumerate(joined)}
    for v in range(OUTPUT - 1, 0, -1):
        readers = [found[b] for a, b in edges if a == v and b != OUTPUT]
        if v not in found and readers:
            found[v] = max(readers)
    return found


@dataclass(frozen=True)
class NasBench101(Choices):
    """The space with its skeleton's options. Vectors: 21 edges, 0 or 1, by source and then target; ops of vertices 1-5.

    A vertex on no path is left out, so modules of fewer vertices are in it too.
    """

    image: int = 32
    channels: int = 128
    stacks: int = 3
    modules: int = 3
    classes: int = 10
    name: ClassVar[str] = "nasbench101"

    @property
    def choices(self) -> tuple[Choice, ...]:
        """See `Space`."""
        return _CHOICES

    @property
    def size(self) -> int:
        """See `Space`; many of them are the same graph (423 624 are not)."""
        return VALID

    def check(self, vector: Vector) -> str | None:
        """At most nine edges, and a path."""
        n_edges = sum(vector[: len(EDGES)])
        if n_edges > MAX_EDGES:
            return f"{n_edges} edges, at most {MAX_EDGES}"
        return None if pruned(vector) else "no path from vertex 0, the input, to vertex 6, the output"

    def parse(self, text: str) -> list[int]:
        """`0>1+1>2+2>6/conv3x3,conv1x1,maxpool3x3,conv3x3,conv3x3`: edges, then the ops of vertices 1 to 5."""
        left, slash, right = text.partition("/")
        ops = [part.strip() for part in right.split(",")]
        if not slash or len(ops) != OUTPUT - 1:
            raise UsageError(f"{self.name}: {text!r}: write EDGES/OPS, as 0>1+1>6/ and five of {', '.join(OPS)}")
        names = [f"{a}>{b}" for a, b in EDGES]
        vector = [0] * len(EDGES)
        for edge in left.split("+"):
            if edge.strip() not in names:
                raise UsageError(f"{self.name}: edge {edge.strip()!r} is none of {', '.join(names)}")
            vector[names.index(edge.strip())] = 1
        return vector + [place(self.name, 21 + i, _CHOICES[21 + i], op) for i, op in enumerate(ops)]

    def decode(self, vector: Sequence[int]) -> str:
        """See `Space`."""
        found = self.validate(vector)
        edges = "+".join(f"{a}>{b}" for (a, b), there in zip(EDGES, found) if there)
        return f"{edges}/{','.join(OPS[op] for op in found[len(EDGES) :])}"

    def draw(self, rng: random.Random) -> Vector:
        """See `Choices`; at most nine edges, each set of them as likely as any other, so that few draws are in vain."""
        (count,) = rng.choices(range(MAX_EDGES + 1), [comb(len(EDGES), k) for k in range(MAX_EDGES + 1)])
        edges = set(rng.sample(range(len(EDGES)), count))
        return (*(int(i in edges) for i in range(len(EDGES))), *(rng.randrange(3) for _ in range(OUTPUT - 1)))

    def network(self, vector: Sequence[int], batch: int = 1) -> Network:
        """3x3 stem, stacks of modules with halved pictures and doubled channels between, mean, classifier."""
        found = self.validate(vector)
        b = Builder(self.title(found), (batch, 3, self.image, self.image))
        x = _conv(b, b.input, self.channels, 3, "stem")
        for stack in range(self.stacks):
            if stack:
                x = b.max_pool(x, 2, 2, name=f"down.{stack}")
            for i in range(self.modules):
                with b.scope(f"stack.{stack}.module.{i}"):
                    x = _module(b, x, found, self.channels << stack)
        x = b.flatten(b.global_avg_pool(x, name="pool"), name="flatten")
        return b.network(b.dense(x, self.classes, name="classifier"))


def _conv(b: Builder, x: str, out: int, kernel: int, name: str) -> str:
    with b.scope(name):
        x = b.batch_norm(b.conv(x, out, kernel, padding=kernel // 2, name="conv"), name="bn")
        return b.relu(x, name="relu")


def _sum(b: Builder, xs: list[str], name: str) -> str:
    total = xs[0]
    for i, x in enumerate(xs[1:]):
        total = b.add(total, x, name=f"{name}.add{i}")
    return total


def _module(b: Builder, x: str, vector: Vector, channels: int) -> str:
    """Inner edges are cut to the narrower vertex and summed, the input's projected; the output concatenates."""
    edges = pruned(vector)
    tensors: dict[int, str] = {}
    sizes = vertex_channels(edges, channels) if edges != {(0, OUTPUT)} else {}
    for v in sorted(sizes):
        inputs = [_cut(b, tensors[a], sizes[v], f"{a}-{v}.cut") for a in range(1, v) if (a, v) in edges]
        if (0, v) in edges:
            inputs.append(_conv(b, x, sizes[v], 1, f"0-{v}"))
        y = _sum(b, inputs, f"vertex.{v}")
        op = OPS[vector[len(EDGES) + v - 1]]
        pool = op == "maxpool3x3"
        tensors[v] = b.max_pool(y, 3, 1, 1, name=f"{v}.pool") if pool else _conv(b, y, sizes[v], int(op[4]), f"{v}")
    joined = [tensors[v] for v in sorted(sizes) if (v, OUTPUT) in edges]
    parts = [b.concat(joined, name="concat") if len(joined) > 1 else joined[0]] if joined else []
    if (0, OUTPUT) in edges:
        parts.append(_conv(b, x, channels, 1, "0-6"))
    return _sum(b, parts, "output")


def _cut(b: Builder, x: str, channels: int, name: str) -> str:
    batch, have, h, w = b.shape(x)
    return x if have == channels else b.slice(x, (0, 0, 0, 0), (batch, channels, h, w), name=name)
