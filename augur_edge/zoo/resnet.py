"""ResNet, ResNeXt and Wide ResNet as torchvision has them: the stride is on the 3x3 convolution (ResNet V1.5)."""

from __future__ import annotations

from functools import partial

from augur_edge.builder import Builder
from augur_edge.network import Network


def _conv_norm(b: Builder, x: str, out: int, kernel: int, index: int, *, stride: int = 1, groups: int = 1) -> str:
    x = b.conv(x, out, kernel, stride=stride, padding=kernel // 2, groups=groups, name=f"conv{index}")
    return b.batch_norm(x, name=f"bn{index}")


def _shortcut(b: Builder, x: str, out: int, stride: int) -> str:
    if stride == 1 and b.shape(x)[1] == out:
        return x
    x = b.conv(x, out, 1, stride=stride, name="downsample.0")
    return b.batch_norm(x, name="downsample.1")


def _basic(b: Builder, x: str, planes: int, stride: int) -> str:
    y = b.relu(_conv_norm(b, x, planes, 3, 1, stride=stride), name="relu1")
    y = _conv_norm(b, y, planes, 3, 2)
    return b.relu(b.add(y, _shortcut(b, x, planes, stride), name="add"), name="relu2")


def _bottleneck(b: Builder, x: str, planes: int, stride: int, *, groups: int, width: int) -> str:
    inner = planes * width // 64 * groups
    y = b.relu(_conv_norm(b, x, inner, 1, 1), name="relu1")
    y = b.relu(_conv_norm(b, y, inner, 3, 2, stride=stride, groups=groups), name="relu2")
    y = _conv_norm(b, y, 4 * planes, 1, 3)
    return b.relu(b.add(y, _shortcut(b, x, 4 * planes, stride), name="add"), name="relu3")


def _resnet(name: str, depths: tuple[int, ...], groups: int, width: int, batch: int) -> Network:
    """width: channels of a group in the first stage; 0 for the basic block of two 3x3 convolutions."""
    b = Builder(name, (batch, 3, 224, 224))
    block = partial(_bottleneck, groups=groups, width=width) if width else _basic
    x = b.conv(b.input, 64, 7, stride=2, padding=3, name="conv1")
    x = b.relu(b.batch_norm(x, name="bn1"), name="relu")
    x = b.max_pool(x, 3, 2, 1, name="maxpool")
    for stage, depth in enumerate(depths):
        for i in range(depth):
            with b.scope(f"layer{stage + 1}.{i}"):
                x = block(b, x, 64 << stage, 2 if stage and i == 0 else 1)
    x = b.flatten(b.global_avg_pool(x, name="avgpool"), name="flatten")
    return b.network(b.dense(x, 1000, name="fc"))


NETWORKS = {
    "resnet18": partial(_resnet, "resnet18", (2, 2, 2, 2), 1, 0),
    "resnet50": partial(_resnet, "resnet50", (3, 4, 6, 3), 1, 64),
    "resnext50_32x4d": partial(_resnet, "resnext50_32x4d", (3, 4, 6, 3), 32, 4),
    "wide_resnet50_2": partial(_resnet, "wide_resnet50_2", (3, 4, 6, 3), 1, 128),
}
