"""DARTS (Liu, Simonyan and Yang, ICLR 2019): a normal and a reduction cell of four nodes, each node with two inputs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

from augur_edge.builder import Builder
from augur_edge.errors import UsageError
from augur_edge.network import Network
from augur_edge.spaces.base import Choice, Choices, Vector, place

OPS = (
    "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5",
)  # fmt: skip
NODES = 4
PAIRS = tuple(tuple(combinations(range(node + 2), 2)) for node in range(NODES))
"""Two inputs of a node: 0 and 1 are the two cells before, then the nodes in order."""
_EDGE = re.compile(r"([^|~]*)~(\d)")


def _choices() -> tuple[Choice, ...]:
    found = []
    for cell in ("normal", "reduce"):
        for node in range(NODES):
            found.append(Choice(f"{cell} node {node} inputs", tuple(f"{a}+{b}" for a, b in PAIRS[node])))
            found += [Choice(f"{cell} node {node} {which} op", OPS) for which in ("first", "second")]
    return tuple(found)


_CHOICES = _choices()


@dataclass(frozen=True)
class Darts(Choices):
    """The space with its CIFAR skeleton's options. Vectors: per node of either cell the pair of inputs and two ops."""

    image: int = 32
    channels: int = 36
    cells: int = 20
    classes: int = 10
    name: ClassVar[str] = "darts"

    @property
    def choices(self) -> tuple[Choice, ...]:
        """See `Space`."""
        return _CHOICES

    def parse(self, text: str) -> list[int]:
        """`|OP~0|OP~1|+|OP~0|OP~2|+…/…`: four nodes of the normal cell, `/`, four of the reduction cell."""
        cells = text.split("/")
        nodes = [group for cell in cells for group in cell.split("+")]
        if len(cells) != 2 or len(nodes) != 2 * NODES:
            raise UsageError(f"{self.name}: {text!r}: write two cells with / between, each four nodes with + between")
        vector: list[int] = []
        for i, group in enumerate(nodes):
            found = [_EDGE.fullmatch(part.strip()) for part in group.strip().strip("|").split("|")]
            inputs = sorted((int(m[2]), m[1]) for m in found if m is not None)
            pair = tuple(source for source, _ in inputs)
            if len(found) != 2 or pair not in PAIRS[i % NODES]:
                legal = ", ".join(_CHOICES[3 * i].ops)
                raise UsageError(f"{self.name}: position {3 * i} is {group!r}; write |OP~A|OP~B| with A+B of {legal}")
            vector.append(PAIRS[i % NODES].index(pair))
            vector += [place(self.name, 3 * i + k, _CHOICES[3 * i + k], inputs[k - 1][1]) for k in (1, 2)]
        return vector

    def decode(self, vector: Sequence[int]) -> str:
        """See `Space`."""
        found = self.validate(vector)
        nodes = []
        for i in range(2 * NODES):
            pair, *ops = found[3 * i : 3 * i + 3]
            nodes.append("|" + "|".join(f"{OPS[op]}~{a}" for op, a in zip(ops, PAIRS[i % NODES][pair])) + "|")
        return "+".join(nodes[:NODES]) + "/" + "+".join(nodes[NODES:])

    def network(self, vector: Sequence[int], batch: int = 1) -> Network:
        """3x3 stem of three times the channels, cells, every third of them a reduction, mean, classifier."""
        found = self.validate(vector)
        b = Builder(self.title(found), (batch, 3, self.image, self.image))
        x = b.batch_norm(b.conv(b.input, 3 * self.channels, 3, padding=1, name="stem.conv"), name="stem.bn")
        before, channels, reduced = x, self.channels, False
        for i in range(self.cells):
            reduce = i in (self.cells // 3, 2 * self.cells // 3)
            channels *= 2 if reduce else 1
            with b.scope(f"cell.{i}"):
                y = _cell(b, (before, x), found[12:] if reduce else found[:12], channels, (reduced, reduce))
            before, x, reduced = x, y, reduce
        x = b.flatten(b.global_avg_pool(x, name="pool"), name="flatten")
        return b.network(b.dense(x, self.classes, name="classifier"))


def _conv(b: Builder, x: str, out: int, name: str) -> str:
    with b.scope(name):
        return b.batch_norm(b.conv(b.relu(x, name="relu"), out, 1, name="conv"), name="bn")


def _factorised(b: Builder, x: str, out: int, name: str) -> str:
    """Half of the channels from even pixels, half from odd ones."""
    with b.scope(name):
        y = b.relu(x, name="relu")
        batch, channels, h, w = b.shape(y)
        odd = b.slice(y, (0, 0, 1, 1), (batch, channels, h - 1, w - 1), name="odd")
        sides = ((y, out // 2), (odd, out - out // 2))
        halves = [b.conv(side, half, 1, stride=2, name=f"conv{i}") for i, (side, half) in enumerate(sides)]
        return b.batch_norm(b.concat(halves, name="concat"), name="bn")


def _cell(b: Builder, inputs: tuple[str, str], cell: Vector, channels: int, reduced: tuple[bool, bool]) -> str:
    """reduced: whether the cell before was a reduction, and whether this one is."""
    first = _factorised if reduced[0] else _conv
    states = [first(b, inputs[0], channels, "pre0"), _conv(b, inputs[1], channels, "pre1")]
    for node in range(NODES):
        pair, *ops = cell[3 * node : 3 * node + 3]
        parts = []
        for source, op in zip(PAIRS[node][pair], ops):
            with b.scope(f"{source}-{node + 2}"):
                parts.append(_op(b, states[source], OPS[op], 2 if reduced[1] and source < 2 else 1))
        states.append(b.add(parts[0], parts[1], name=f"{node + 2}.add"))
    return b.concat(states[2:], name="concat")


def _op(b: Builder, x: str, op: str, stride: int) -> str:
    channels = b.shape(x)[1]
    if op == "skip_connect":
        return x if stride == 1 else _factorised(b, x, channels, "skip")
    kernel = int(op[-1])
    if op == "max_pool_3x3":
        return b.max_pool(x, kernel, stride, 1, name="pool")
    if op == "avg_pool_3x3":
        return b.avg_pool(x, kernel, stride, 1, name="pool")
    if op.startswith("dil"):
        return _separable(b, x, kernel, "dil", stride=stride, dilation=2)
    y = _separable(b, x, kernel, "sep0", stride=stride)
    return _separable(b, y, kernel, "sep1")


def _separable(b: Builder, x: str, kernel: int, name: str, *, stride: int = 1, dilation: int = 1) -> str:
    channels = b.shape(x)[1]
    padding = dilation * (kernel // 2)
    with b.scope(name):
        y = b.relu(x, name="relu")
        y = b.conv(
            y, channels, kernel, stride=stride, padding=padding, dilation=dilation, groups=channels, name="depthwise"
        )
        return b.batch_norm(b.conv(y, channels, 1, name="pointwise"), name="bn")
