"""FBNet (Wu et al., CVPR 2019): 22 layers, each one of nine blocks, in the macro-architecture of the paper's table 1.

Blocks are numbered as HW-NAS-Bench (Li et al., ICLR 2021) has them, and so HELP's files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from augur_edge.builder import Builder
from augur_edge.network import Network
from augur_edge.spaces.base import Choice, Choices

BLOCKS = ("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip")
SKIP = BLOCKS.index("skip")
STAGES = ((16, 1, 1), (24, 4, 2), (32, 4, 2), (64, 4, 2), (112, 4, 1), (184, 4, 2), (352, 1, 1))
"""Output channels, layers, and stride of the first of them."""
_PARTS = re.compile(r"k(\d)_e(\d)(?:_g(\d))?")


def layers() -> list[tuple[int, int]]:
    """Output channels and stride of the 22 layers."""
    return [(out, stride if i == 0 else 1) for out, n, stride in STAGES for i in range(n)]


_CHOICES = tuple(Choice(f"layer {i} to {out}", BLOCKS) for i, (out, _) in enumerate(layers()))


@dataclass(frozen=True)
class FBNet(Choices):
    """The space with its skeleton's options. image: pixels a side; last: channels of the last 1x1 convolution."""

    image: int = 224
    classes: int = 1000
    last: int = 1504
    name: ClassVar[str] = "fbnet"

    @property
    def choices(self) -> tuple[Choice, ...]:
        """See `Space`."""
        return _CHOICES

    def network(self, vector: Sequence[int], batch: int = 1) -> Network:
        """3x3 stem of 16 channels and stride 2, the layers, 1x1 convolution, pooling, classifier.

        `skip` is nothing where shapes allow, else a 1x1 convolution with the layer's stride, as in HW-NAS-Bench.
        """
        found = self.validate(vector)
        b = Builder(self.title(found), (batch, 3, self.image, self.image))
        x = _conv(b, b.input, 16, "stem", kernel=3, stride=2)
        for i, ((out, stride), block) in enumerate(zip(layers(), found)):
            with b.scope(f"layers.{i}"):
                x = _block(b, x, out, stride, BLOCKS[block])
        x = _conv(b, x, self.last, "last")
        x = b.flatten(b.global_avg_pool(x, name="pool"), name="flatten")
        return b.network(b.dense(x, self.classes, name="classifier"))


def _conv(
    b: Builder, x: str, out: int, name: str, *, kernel: int = 1, stride: int = 1, groups: int = 1, relu: bool = True
) -> str:
    with b.scope(name):
        x = b.conv(x, out, kernel, stride=stride, padding=kernel // 2, groups=groups, name="conv")
        x = b.batch_norm(x, name="bn")
        return b.relu(x, name="relu") if relu else x


def _block(b: Builder, x: str, out: int, stride: int, block: str) -> str:
    """1x1 convolution (grouped: shuffled after it), depthwise, 1x1 without activation; residual where it fits."""
    channels = b.shape(x)[1]
    fits = stride == 1 and channels == out
    if block == "skip":
        return x if fits else _conv(b, x, out, "skip", stride=stride)
    parts = _PARTS.fullmatch(block)
    assert parts is not None, block
    kernel, expansion, groups = int(parts[1]), int(parts[2]), int(parts[3] or 1)
    inner = channels * expansion
    y = _conv(b, x, inner, "expand", groups=groups)
    if groups > 1:
        y = _shuffle(b, y, groups)
    y = _conv(b, y, inner, "depthwise", kernel=kernel, stride=stride, groups=inner)
    y = _conv(b, y, out, "project", groups=groups, relu=False)
    return b.add(x, y, name="add") if fits else y


def _shuffle(b: Builder, x: str, groups: int) -> str:
    """Channel i of group g becomes channel g of group i (ShuffleNet, Zhang et al., 2018)."""
    batch, channels, h, w = b.shape(x)
    y = b.reshape(x, (batch, groups, channels // groups, h * w), name="shuffle.split")
    y = b.transpose(y, (0, 2, 1, 3), name="shuffle.swap")
    return b.reshape(y, (batch, channels, h, w), name="shuffle.join")
