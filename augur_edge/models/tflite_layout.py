"""In which order of axes each tensor of a channels-first Network is kept in a channels-last TFLite graph.

A tensor's order `p` says that axis i in the file is axis p[i] of the Network: images (N, C, H, W) are kept as
(0, 2, 3, 1). A transpose that only undoes such an order costs nothing and becomes no operator, as in a model that
was written channels last from the start; flattened images keep channels last, which only renames the (synthetic)
weights that follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from augur_edge.layers import ACTIVATIONS, Layer, Shape
from augur_edge.models.tflite_fuse import Step
from augur_edge.network import Network

Order = tuple[int, ...]
IMAGE: Order = (0, 2, 3, 1)
_SPATIAL = frozenset(
    {"conv2d", "conv_transpose2d", "max_pool2d", "avg_pool2d", "global_avg_pool", "global_max_pool", "resize"}
)
_KEEPS_ORDER = frozenset({*ACTIVATIONS, "pad", "slice", "split", "batch_norm"})


def plain(rank: int) -> Order:
    """The Network's own order."""
    return tuple(range(rank))


def arrange(shape: Shape, order: Order) -> Shape:
    """A shape (or anything with one value per axis) in the file's order."""
    return tuple(shape[i] for i in order)


@dataclass(frozen=True)
class Placed:
    """A step and the orders its operator takes and gives. renames: it has no operator, its output is its input."""

    step: Step
    takes: tuple[Order, ...]
    gives: tuple[Order, ...]
    renames: bool = False


def place(network: Network, steps: list[Step]) -> tuple[list[Placed], dict[str, Order]]:
    """Every step with its orders, and the order of every tensor."""
    images = any(s.node.layer.op in _SPATIAL for s in steps)
    orders = {t.name: IMAGE if images and len(t.shape) == 4 else plain(len(t.shape)) for t in network.inputs}
    placed = []
    for step in steps:
        takes, gives, renames = _place_layer(step.node.layer, tuple(orders[x] for x in step.inputs))
        orders.update(zip(step.outputs, gives))
        placed.append(Placed(step, takes, gives, renames))
    return placed, orders


_Orders = tuple[tuple[Order, ...], tuple[Order, ...], bool]


def _place_layer(layer: Layer, stored: tuple[Order, ...]) -> _Orders:
    if layer.op in _SPATIAL:
        return (IMAGE,) * len(stored), (IMAGE,) * len(layer.outputs), False
    if layer.op in _KEEPS_ORDER:
        return stored, (stored[0],) * len(layer.outputs), False
    rule = _RULES.get(layer.op)
    if rule is not None:
        return rule(layer, stored[0])
    if layer.op in _JOINS and all(len(s) == len(layer.outputs[0]) for s in layer.inputs):
        return (stored[0],) * len(stored), (stored[0],), False
    return _plain_orders(layer)


# Layers that join tensors of one rank, in the order of the first of them.
_JOINS = frozenset({"add", "sub", "mul", "div", "min", "max", "pow", "concat"})


def _plain_orders(layer: Layer) -> _Orders:
    takes, gives = (tuple(plain(len(s)) for s in shapes) for shapes in (layer.inputs, layer.outputs))
    return takes, gives, False


def _softmax(layer: Layer, stored: Order) -> _Orders:
    """TFLite has it over the last axis only."""
    axis = int(layer.attr("axis"))
    if stored[-1] != axis:
        stored = (*(i for i in plain(len(stored)) if i != axis), axis)
    return (stored,), (stored,), False


def _mean(layer: Layer, stored: Order) -> _Orders:
    axes = layer.attr("axes")
    left = tuple(i for i in stored if i not in axes)
    if layer.attr("keepdims", False):
        return (stored,), (stored,), False
    if left == tuple(sorted(left)):
        return (stored,), (plain(len(left)),), False
    return _plain_orders(layer)


def _transpose(layer: Layer, stored: Order) -> _Orders:
    perm = layer.attr("perm")
    renamed = tuple(perm.index(axis) for axis in stored)
    if renamed in (plain(len(perm)), IMAGE):
        return (stored,), (renamed,), True
    if stored != plain(len(stored)) and len(stored) == 5:  # a channel shuffle: groups change places, pixels stay
        return (stored,), (stored,), False
    return (stored,), (plain(len(perm)),), False


def _channels_last(rank: int, n_channels: int) -> Order:
    """Batch, then pixels, then the axes 1 to `n_channels`."""
    return (0, *range(1 + n_channels, rank), *range(1, 1 + n_channels))


def _reshape(layer: Layer, stored: Order) -> _Orders:
    """An image's pixels stay before its channels, whatever becomes of either; else the Network's order decides."""
    shape, target = layer.inputs[0], layer.outputs[0]
    n_channels = stored[1] - 1 if len(stored) > 1 else 0
    if n_channels < 1 or stored != _channels_last(len(shape), n_channels) or shape[0] != target[0]:
        return _plain_orders(layer)
    channels = shape[1 : 1 + n_channels]
    if len(target) == 2 or prod(channels) == prod(shape[1:]):
        return (stored,), (plain(len(target)),), False
    for n in range(1, len(target) - 1):
        if prod(target[1 : 1 + n]) == prod(channels):
            return (stored,), (_channels_last(len(target), n),), False
    return _plain_orders(layer)


_RULES: dict[str, Callable[[Layer, Order], _Orders]] = {
    "softmax": _softmax,
    "reduce_mean": _mean,
    "transpose": _transpose,
    "reshape": _reshape,
    "flatten": _reshape,
}
