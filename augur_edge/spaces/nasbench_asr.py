"""NAS-Bench-ASR (Mehrotra et al., ICLR 2021): cells of three nodes over speech features, 18 of them in four blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from augur_edge.builder import Builder
from augur_edge.errors import UsageError
from augur_edge.network import Network
from augur_edge.spaces.base import Choice, Choices, Vector
from augur_edge.window import Window, conv2d

OPS = ("linear", "conv5", "conv5d2", "conv7", "conv7d2", "zero")
ZERO = OPS.index("zero")
NODES = 3
FILTERS, CELLS, STRIDES = (600, 800, 1000, 1200), (3, 4, 5, 6), (1, 1, 2, 2)
FEATURES, GROUPS, CONTEXT = 80, 100, 4
STARTS = (0, 2, 5)
"""Where in a vector each node begins: its op, then a skip from every node before it."""
_CHOICES = tuple(
    choice
    for node in range(1, NODES + 1)
    for choice in (
        Choice(f"node {node} op", OPS),
        *(Choice(f"skip {source}>{node}", ("no", "yes")) for source in range(node)),
    )
)


def live(vector: Sequence[int]) -> tuple[dict[int, list[int]], set[int]]:
    """Skips into each node and the nodes whose op runs, of what leads from the cell's input (node 0) to its output."""
    sources = {n: {s for s in range(n) if vector[STARTS[n - 1] + 1 + s]} for n in (1, 2, 3)}
    worked = {n for n in (1, 2, 3) if vector[STARTS[n - 1]] != ZERO}
    reached, wanted = {0}, {NODES}
    for n in (1, 2, 3):
        if sources[n] & reached or (n in worked and n - 1 in reached):
            reached.add(n)
    for n in (3, 2, 1):
        if n in wanted:
            wanted |= sources[n] | ({n - 1} if n in worked else set())
    skips = {n: sorted(sources[n] & reached) if n in wanted else [] for n in (1, 2, 3)}
    return skips, {n for n in worked if n in wanted and n - 1 in reached}


@dataclass(frozen=True)
class NasBenchASR(Choices):
    """The space without its LSTM. Vectors: 6 2 6 2 2 6 2 2 2 answers. frames: of speech; classes: of phonemes.

    Time is a picture's second axis, its first has one pixel: TFLite has no convolution of one axis.
    """

    frames: int = 128
    classes: int = 49
    name: ClassVar[str] = "nasbench_asr"

    @property
    def choices(self) -> tuple[Choice, ...]:
        """See `Space`."""
        return _CHOICES

    def runs(self, vector: Vector) -> bool:
        """See `Space`."""
        skips, worked = live(vector)
        return bool(skips[NODES]) or NODES in worked

    def network(self, vector: Sequence[int], batch: int = 1) -> Network:
        """(batch, 80, 1, frames) -> four blocks of convolution, norm and cells -> (batch, 1, frames / 4, classes)."""
        found = self.validate(vector)
        if not self.runs(found):
            raise UsageError(f"{self.name}: no path from the cell's input to its output; nothing is left to run")
        b = Builder(self.title(found), (batch, FEATURES, 1, self.frames))
        x = b.input
        for i, (filters, cells, stride) in enumerate(zip(FILTERS, CELLS, STRIDES)):
            with b.scope(f"block.{i}"):
                x = _norm(b, _conv(b, x, filters, 8, stride=stride, name="conv"))
                for j in range(cells):
                    with b.scope(f"cell.{j}"):
                        x = _norm(b, _cell(b, x, found))
        return b.network(b.dense(_turned(b, x, "last.turn"), self.classes, name="classifier"))


def _turned(b: Builder, x: str, name: str) -> str:
    """Channels last."""
    return b.transpose(x, (0, 2, 3, 1), name=name)


def _norm(b: Builder, x: str) -> str:
    """Over channels, which stand in the middle."""
    y = b.layer_norm(_turned(b, x, "norm.in"), epsilon=1e-3, name="norm")
    return b.transpose(y, (0, 3, 1, 2), name="norm.out")


def _conv(
    b: Builder, x: str, out: int, kernel: int, *, stride: int = 1, dilation: int = 1, groups: int = 1, name: str
) -> str:
    """Padded so that it sees at most four frames ahead; limited to 0 … 20."""
    after = min(CONTEXT // stride, kernel * dilation - stride)
    before = 0 if after == kernel * dilation - stride else (kernel - 1) * dilation - after
    window = Window((1, kernel), (1, stride), (0, before, 0, after), (1, dilation))
    layer = conv2d(b.shape(x), out, window, groups=groups, bias=True)
    return b.activation(b.layer(layer, (x,), name)[0], "clip", name=f"{name}.clip", min=0.0, max=20.0)


def _op(b: Builder, x: str, op: str) -> str:
    channels = b.shape(x)[1]
    if op == "linear":
        y = b.dense(_turned(b, x, "linear.in"), channels, name="linear")
        y = b.activation(y, "clip", name="linear.clip", min=0.0, max=20.0)
        return b.transpose(y, (0, 3, 1, 2), name="linear.out")
    return _conv(b, x, channels, int(op[4]), dilation=2 if op.endswith("d2") else 1, groups=GROUPS, name=op)


def _cell(b: Builder, x: str, vector: Vector) -> str:
    """A node is its op on the node before, and the nodes before that are skipped to it."""
    skips, worked = live(vector)
    nodes = {0: x}
    for n in (1, 2, 3):
        with b.scope(f"node.{n}"):
            parts = [_op(b, nodes[n - 1], OPS[vector[STARTS[n - 1]]])] if n in worked else []
            parts += [nodes[s] for s in skips[n]]
            if not parts:
                continue
            total = parts[0]
            for i, part in enumerate(parts[1:]):
                total = b.add(total, part, name=f"add{i}")
            nodes[n] = total
    return nodes[NODES]
