"""Networks without residuals: AlexNet, VGG-16 and SqueezeNet 1.0, as torchvision has them."""

from __future__ import annotations

from augur_edge.builder import Builder
from augur_edge.network import Network


def _conv(b: Builder, x: str, out: int, kernel: int, name: str, *, stride: int = 1, padding: int = 0) -> str:
    x = b.conv(x, out, kernel, stride=stride, padding=padding, bias=True, name=name)
    return b.relu(x, name=f"{name}.relu")


def _classifier(b: Builder, x: str) -> Network:
    x = b.flatten(x, name="flatten")
    for i in (1, 2):
        x = b.relu(b.dense(x, 4096, name=f"fc{i}"), name=f"fc{i}.relu")
    return b.network(b.dense(x, 1000, name="fc3"))


def _alexnet(batch: int) -> Network:
    b = Builder("alexnet", (batch, 3, 224, 224))
    x = b.max_pool(_conv(b, b.input, 64, 11, "conv1", stride=4, padding=2), 3, 2, name="pool1")
    x = b.max_pool(_conv(b, x, 192, 5, "conv2", padding=2), 3, 2, name="pool2")
    for i, out in enumerate((384, 256, 256), start=3):
        x = _conv(b, x, out, 3, f"conv{i}", padding=1)
    return _classifier(b, b.max_pool(x, 3, 2, name="pool5"))


def _vgg16(batch: int) -> Network:
    b = Builder("vgg16", (batch, 3, 224, 224))
    x = b.input
    for stage, (out, depth) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), start=1):
        for i in range(1, depth + 1):
            x = _conv(b, x, out, 3, f"conv{stage}_{i}", padding=1)
        x = b.max_pool(x, 2, 2, name=f"pool{stage}")
    return _classifier(b, x)


def _fire(b: Builder, x: str, squeeze: int, expand: int, name: str) -> str:
    with b.scope(name):
        x = _conv(b, x, squeeze, 1, "squeeze")
        expanded = _conv(b, x, expand, 1, "expand1x1"), _conv(b, x, expand, 3, "expand3x3", padding=1)
        return b.concat(expanded, name="concat")


def _squeezenet(batch: int) -> Network:
    b = Builder("squeezenet1_0", (batch, 3, 224, 224))
    x = _conv(b, b.input, 96, 7, "conv1", stride=2)
    x = b.max_pool(x, 3, 2, ceil_mode=True, name="pool1")
    for i, (squeeze, expand) in enumerate(
        ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)), start=2
    ):
        x = _fire(b, x, squeeze, expand, f"fire{i}")
        if i in (4, 8):
            x = b.max_pool(x, 3, 2, ceil_mode=True, name=f"pool{i}")
    x = _conv(b, x, 1000, 1, "conv10")
    return b.network(b.flatten(b.global_avg_pool(x, name="avgpool"), name="flatten"))


NETWORKS = {"alexnet": _alexnet, "vgg16": _vgg16, "squeezenet1_0": _squeezenet}
