"""Networks of inverted residuals: MobileNetV2, MobileNetV3, MnasNet (torchvision's) and EfficientNet-Lite0 (timm's)."""

from __future__ import annotations

from dataclasses import dataclass

from augur_edge.builder import Builder
from augur_edge.network import Network
from augur_edge.window import Padding


@dataclass(frozen=True)
class _Block:
    """expanded: channels between the two 1x1 convolutions; equal to the input's, the first is left out."""

    out: int
    expanded: int
    kernel: int
    stride: int
    activation: str
    squeeze: int = 0
    epsilon: float = 1e-5
    same: bool = False

    def padding(self, kernel: int) -> Padding:
        return "same" if self.same else kernel // 2


def _conv(
    b: Builder, x: str, out: int, like: _Block, name: str, *, kernel: int = 1, stride: int = 1, activation: bool = True
) -> str:
    """Convolution, normalisation and, but for projections, activation."""
    with b.scope(name):
        if name == "depthwise":
            x = b.depthwise(x, kernel, stride, like.padding(kernel), name="conv")
        else:
            x = b.conv(x, out, kernel, stride=stride, padding=like.padding(kernel), name="conv")
        x = b.batch_norm(x, like.epsilon, name="norm")
        return b.activation(x, like.activation, name="act") if activation else x


def _squeeze_excite(b: Builder, x: str, squeeze: int) -> str:
    with b.scope("se"):
        y = b.global_avg_pool(x, name="avgpool")
        y = b.relu(b.conv(y, squeeze, 1, bias=True, name="fc1"), name="relu")
        y = b.conv(y, b.shape(x)[1], 1, bias=True, name="fc2")
        return b.mul(x, b.activation(y, "hard_sigmoid", name="gate"), name="mul")


def _inverted_residual(b: Builder, x: str, block: _Block) -> str:
    y = x
    if block.expanded != b.shape(x)[1]:
        y = _conv(b, y, block.expanded, block, "expand")
    y = _conv(b, y, block.expanded, block, "depthwise", kernel=block.kernel, stride=block.stride)
    if block.squeeze:
        y = _squeeze_excite(b, y, block.squeeze)
    y = _conv(b, y, block.out, block, "project", activation=False)
    return b.add(x, y, name="add") if b.shape(x) == b.shape(y) else y


def _features(name: str, batch: int, stem: int, blocks: list[_Block], last: int) -> tuple[Builder, str]:
    """Stem, blocks, the last 1x1 convolution and pooling; `stem` and `last` are channels."""
    b = Builder(name, (batch, 3, 224, 224))
    x = _conv(b, b.input, stem, blocks[-1], "stem", kernel=3, stride=2)
    for i, block in enumerate(blocks):
        with b.scope(f"blocks.{i}"):
            x = _inverted_residual(b, x, block)
    x = _conv(b, x, last, blocks[-1], "last")
    return b, b.flatten(b.global_avg_pool(x, name="avgpool"), name="flatten")


def _stages(table: tuple[tuple[int, int, int, int, int], ...], channels: int, like: _Block) -> list[_Block]:
    """Blocks of a table of (expansion, out, repeats, first stride, kernel)."""
    blocks = []
    for expansion, out, repeats, stride, kernel in table:
        for i in range(repeats):
            blocks.append(
                _Block(
                    out, channels * expansion, kernel, 1 if i else stride, like.activation, 0, like.epsilon, like.same
                )
            )
            channels = out
    return blocks


def _mobilenet_v2(batch: int) -> Network:
    table = (
        (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 32, 3, 2, 3), (6, 64, 4, 2, 3),
        (6, 96, 3, 1, 3), (6, 160, 3, 2, 3), (6, 320, 1, 1, 3),
    )  # fmt: skip
    b, x = _features("mobilenet_v2", batch, 32, _stages(table, 32, _Block(0, 0, 0, 0, "relu6")), 1280)
    return b.network(b.dense(x, 1000, name="classifier"))


def _mnasnet(batch: int) -> Network:
    table = (
        (1, 16, 1, 1, 3), (3, 24, 3, 2, 3), (3, 40, 3, 2, 5), (6, 80, 3, 2, 5),
        (6, 96, 2, 1, 3), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3),
    )  # fmt: skip
    b, x = _features("mnasnet1_0", batch, 32, _stages(table, 32, _Block(0, 0, 0, 0, "relu")), 1280)
    return b.network(b.dense(x, 1000, name="classifier"))


def _efficientnet_lite0(batch: int) -> Network:
    """With TensorFlow's SAME padding, as the network was trained and is deployed (timm: tf_efficientnet_lite0)."""
    table = (
        (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
        (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3),
    )  # fmt: skip
    like = _Block(0, 0, 0, 0, "relu6", epsilon=1e-3, same=True)
    b, x = _features("efficientnet_lite0", batch, 32, _stages(table, 32, like), 1280)
    return b.network(b.dense(x, 1000, name="classifier"))


def _mobilenet_v3_small(batch: int) -> Network:
    table = (  # kernel, expanded, out, squeeze, activation, stride
        (3, 16, 16, 8, "relu", 2), (3, 72, 24, 0, "relu", 2), (3, 88, 24, 0, "relu", 1),
        (5, 96, 40, 24, "hard_swish", 2), (5, 240, 40, 64, "hard_swish", 1), (5, 240, 40, 64, "hard_swish", 1),
        (5, 120, 48, 32, "hard_swish", 1), (5, 144, 48, 40, "hard_swish", 1), (5, 288, 96, 72, "hard_swish", 2),
        (5, 576, 96, 144, "hard_swish", 1), (5, 576, 96, 144, "hard_swish", 1),
    )  # fmt: skip
    blocks = [_Block(out, expanded, k, stride, act, squeeze, 1e-3) for k, expanded, out, squeeze, act, stride in table]
    b, x = _features("mobilenet_v3_small", batch, 16, blocks, 576)
    x = b.activation(b.dense(x, 1024, name="classifier.0"), "hard_swish", name="classifier.1")
    return b.network(b.dense(x, 1000, name="classifier.3"))


NETWORKS = {
    "mobilenet_v2": _mobilenet_v2,
    "mobilenet_v3_small": _mobilenet_v3_small,
    "mnasnet1_0": _mnasnet,
    "efficientnet_lite0": _efficientnet_lite0,
}
