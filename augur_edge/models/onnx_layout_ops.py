"""Writers of ops that move data and compute nothing: reshape, transpose, concat, split, slice, pad, resize."""

from __future__ import annotations

import numpy as np

from augur_edge.errors import UsageError
from augur_edge.models.onnx_nodes import NodeWriter, OnnxNodes
from augur_edge.models.synthetic import Floats
from augur_edge.network import Node


def _flatten(g: OnnxNodes, node: Node, _: list[Floats]) -> None:
    g.add("Flatten", node.inputs, node.outputs, node.name, axis=1)


def _reshape(g: OnnxNodes, node: Node, _: list[Floats]) -> None:
    shape = g.constant(f"{node.name}.shape", np.array(node.layer.outputs[0], np.int64))
    g.add("Reshape", [*node.inputs, shape], node.outputs, node.name)


def _transpose(g: OnnxNodes, node: Node, _: list[Floats]) -> None:
    g.add("Transpose", node.inputs, node.outputs, node.name, perm=tuple(node.layer.attr("perm")))


def _concat(g: OnnxNodes, node: Node, weights: list[Floats]) -> None:
    """A constant that is given once for the whole batch is repeated."""
    axis, shape = node.layer.attr("axis"), node.layer.outputs[0]
    names = []
    for i, weight in enumerate(weights):
        full = np.broadcast_to(weight, (*shape[:axis], weight.shape[axis], *shape[axis + 1 :]))
        names.append(g.constant(f"{node.name}.constant{i}", full))
    first = node.layer.attr("constants_first", False)
    g.add("Concat", [*names, *node.inputs] if first else [*node.inputs, *names], node.outputs, node.name, axis=axis)


def _split(g: OnnxNodes, node: Node, _: list[Floats]) -> None:
    axis = node.layer.attr("axis")
    sizes = g.constant(f"{node.name}.sizes", np.array([s[axis] for s in node.layer.outputs], np.int64))
    g.add("Split", [*node.inputs, sizes], node.outputs, node.name, axis=axis)


def _slice(g: OnnxNodes, node: Node, _: list[Floats]) -> None:
    """Only the axes that are cut; a window that runs backwards to the start ends before index 0."""
    whole, part = node.layer.inputs[0], node.layer.outputs[0]
    starts = node.layer.attr("starts")
    steps = node.layer.attr("steps", (1,) * len(whole))
    axes = [i for i in range(len(whole)) if whole[i] != part[i] or steps[i] != 1] or [0]
    ends = [starts[i] + (part[i] - 1) * steps[i] + (1 if steps[i] > 0 else -1) for i in axes]
    ends = [-(2**31) if e < 0 else e for e in ends]
    values = {"starts": [starts[i] for i in axes], "ends": ends, "axes": axes, "steps": [steps[i] for i in axes]}
    names = [g.constant(f"{node.name}.{part}", np.array(v, np.int64)) for part, v in values.items()]
    g.add("Slice", [*node.inputs, *names], node.outputs, node.name)


def _pad(g: OnnxNodes, node: Node, _: list[Floats]) -> None:
    pads = g.constant(f"{node.name}.pads", np.array(node.layer.attr("pads"), np.int64))
    value = g.constant(f"{node.name}.value", np.float32(node.layer.attr("value", 0.0)))
    mode = node.layer.attr("mode", "constant")
    g.add("Pad", [*node.inputs, pads, value], node.outputs, node.name, mode=mode)


def _resize(g: OnnxNodes, node: Node, _: list[Floats]) -> None:
    """nearest takes the pixel before, linear aligns the corners of pixels, as exporters from PyTorch have it."""
    modes = {
        "nearest": {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        "linear": {"coordinate_transformation_mode": "half_pixel"},
    }
    mode = node.layer.attr("mode", "nearest")
    if mode not in modes:
        raise UsageError(f"node {node.name!r}: resize has no mode {mode!r}; there are {', '.join(modes)}")
    sizes = g.constant(f"{node.name}.sizes", np.array(node.layer.outputs[0], np.int64))
    g.add("Resize", [*node.inputs, "", "", sizes], node.outputs, node.name, mode=mode, **modes[mode])


LAYOUT_WRITERS: dict[str, NodeWriter] = {
    "flatten": _flatten,
    "reshape": _reshape,
    "transpose": _transpose,
    "concat": _concat,
    "split": _split,
    "slice": _slice,
    "pad": _pad,
    "resize": _resize,
}
