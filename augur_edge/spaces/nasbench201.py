"""NAS-Bench-201 (Dong and Yang, ICLR 2020): 15 625 cells of six edges, five ops each; 3 stages of 5 cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from augur_edge.builder import Builder
from augur_edge.errors import UsageError
from augur_edge.network import Network
from augur_edge.spaces.base import Choice, Choices, Vector, place

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NONE, SKIP, CONV1, CONV3, POOL = range(5)
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
_CHOICES = tuple(Choice(f"edge {a}>{b}", OPS) for a, b in EDGES)
_EDGE = re.compile(r"([^|~]*)~(\d)")


def pruned(vector: Sequence[int]) -> Vector:
    """The cell with `none` for every edge that no path of working edges from the input to the output takes.

    A cell whose output does not depend on its input becomes six times `none`.
    """
    used = [op != NONE for op in vector]
    reached, wanted = {0}, {3}
    for (a, b), alive in zip(EDGES, used):  # edges are sorted by target, so sources are settled before
        if alive and a in reached:
            reached.add(b)
    for (a, b), alive in zip(reversed(EDGES), reversed(used)):
        if alive and b in wanted:
            wanted.add(a)
    return tuple(op if a in reached and b in wanted else NONE for op, (a, b) in zip(vector, EDGES))


@dataclass(frozen=True)
class NasBench201(Choices):
    """The space with its skeleton's options. Vectors hold the ops of edges 0>1 0>2 1>2 0>3 1>3 2>3 (as LatBench's).

    image: height and width in pixels. channels: of the first stage. cells: in each stage. view: `pruned` leaves out
    edges without use, as a compiler does; `raw` executes every edge, `none` as a multiplication by 0.
    """

    image: int = 32
    channels: int = 16
    cells: int = 5
    classes: int = 10
    view: str = "pruned"
    name: ClassVar[str] = "nasbench201"
    VIEWS: ClassVar[tuple[str, ...]] = ("pruned", "raw")

    @property
    def choices(self) -> tuple[Choice, ...]:
        """See `Space`."""
        return _CHOICES

    def parse(self, text: str) -> list[int]:
        """`|nor_conv_3x3~0|+|none~0|skip_connect~1|+|…~0|…~1|…~2|`."""
        groups = text.split("+")
        if len(groups) != 3:
            raise UsageError(f"{self.name}: {text!r} has {len(groups)} nodes between +, not 3")
        vector: list[int] = []
        for node, group in enumerate(groups, 1):
            parts = group.strip().strip("|").split("|")
            if len(parts) != node:
                raise UsageError(f"{self.name}: node {node} has {len(parts)} edges in {group!r}, not {node}")
            for source, part in enumerate(parts):
                found = _EDGE.fullmatch(part.strip())
                if found is None or int(found[2]) != source:
                    raise UsageError(
                        f"{self.name}: position {len(vector)} is {part!r}; write OP~{source}, "
                        f"OP one of {', '.join(OPS)}"
                    )
                vector.append(place(self.name, len(vector), _CHOICES[len(vector)], found[1]))
        return vector

    def decode(self, vector: Sequence[int]) -> str:
        """See `Space`."""
        ops = [f"{OPS[op]}~{a}" for op, (a, _) in zip(self.validate(vector), EDGES)]
        return "+".join(f"|{'|'.join(ops[i : i + n])}|" for i, n in ((0, 1), (1, 2), (3, 3)))

    def connected(self, vector: Sequence[int]) -> bool:
        """Whether the cell's output depends on its input; LatBench holds the 15 284 cells of which that is true."""
        return any(pruned(self.validate(vector)))

    def runs(self, vector: Vector) -> bool:
        """See `Space`; the raw view runs every cell."""
        return self.view == "raw" or self.connected(vector)

    def network(self, vector: Sequence[int], batch: int = 1) -> Network:
        """Stem, three stages of `cells` cells with residual blocks of stride 2 between, pooling, classifier.

        Raises UsageError for a cell without a path from input to output in the pruned view: nothing is left to run.
        """
        found = self.validate(vector)
        cell = pruned(found) if self.view == "pruned" else found
        if self.view == "pruned" and not any(cell):
            raise UsageError("no path from the cell's input to its output; view=raw runs it")
        b = Builder(self.title(found), (batch, 3, self.image, self.image))
        x = b.batch_norm(b.conv(b.input, self.channels, 3, padding=1, name="stem.conv"), name="stem.bn")
        for stage in range(3):
            if stage:
                with b.scope(f"reduce.{stage}"):
                    x = _reduce(b, x, self.channels << stage)
            for i in range(self.cells):
                with b.scope(f"stage.{stage}.cell.{i}"):
                    x = _cell(b, x, cell, raw=self.view == "raw")
        x = b.relu(b.batch_norm(x, name="last.bn"), name="last.relu")
        x = b.flatten(b.global_avg_pool(x, name="pool"), name="flatten")
        return b.network(b.dense(x, self.classes, name="classifier"))


def _conv(b: Builder, x: str, out: int, kernel: int, stride: int = 1) -> str:
    """ReLU, convolution, normalisation: the space puts them in this order."""
    x = b.conv(b.relu(x, name="relu"), out, kernel, stride=stride, padding=kernel // 2, name="conv")
    return b.batch_norm(x, name="bn")


def _reduce(b: Builder, x: str, out: int) -> str:
    """The residual block between stages; its shortcut pools 2x2, then convolves 1x1."""
    y = x
    for name, stride in (("a", 2), ("b", 1)):
        with b.scope(name):
            y = _conv(b, y, out, 3, stride)
    short = b.conv(b.avg_pool(x, 2, 2, name="shortcut.pool"), out, 1, name="shortcut.conv")
    return b.add(short, y, name="add")


def _cell(b: Builder, x: str, cell: Vector, *, raw: bool) -> str:
    """Each node is the sum of its edges."""
    nodes = {0: x}
    for (a, to), op in zip(EDGES, cell):
        if op == NONE and not raw:
            continue
        with b.scope(f"{a}-{to}"):
            y = _edge(b, nodes[a], op)
        nodes[to] = b.add(nodes[to], y, name=f"{a}-{to}.add") if to in nodes else y
    return nodes[3]


def _edge(b: Builder, x: str, op: int) -> str:
    if op == NONE:
        return b.scale(x, 0.0, name="none")
    if op == POOL:
        return b.avg_pool(x, 3, 1, 1, name="pool")
    if op == SKIP:
        return x
    return _conv(b, x, b.shape(x)[1], 1 if op == CONV1 else 3)
